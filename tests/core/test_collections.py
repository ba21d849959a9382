"""What is read in one go is read without collections of garbage."""

import gc

from core import heap


def test_nothing_is_collected_meanwhile_and_all_is_as_before_afterwards():
    def collections():
        return sum(generation["collections"] for generation in gc.get_stats())

    with heap.uncollected():
        before = collections()
        kept = [[] for _ in range(10 * gc.get_threshold()[0])]
        assert collections() == before
        with heap.uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
    assert len(kept) > 0


def test_collections_that_are_off_stay_off():
    gc.disable()
    try:
        with heap.uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
