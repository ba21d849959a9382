"""The thread that looks: what it tells, that looks never pile up, and that it ends."""

import queue
import threading
import time

import pytest

from prusc_tui.widgets.poller import Poller

PATIENCE = 10.0


@pytest.fixture
def started():
    pollers = []

    def start(*arguments, **options):
        poller = Poller(*arguments, **options)
        pollers.append(poller)
        poller.start()
        return poller

    yield start
    for poller in pollers:
        poller.stop()


def test_only_what_is_new_is_told(started):
    told, looks, first, second = queue.Queue(), queue.Queue(), object(), object()
    answers = iter([first, first, second, second])

    def look():
        looks.put(None)
        return next(answers, second)

    poller = started(look, told.put, 60.0)
    for _ in range(4):
        looks.get(timeout=PATIENCE)
        poller.hurry()
    looks.get(timeout=PATIENCE)
    assert [told.get(timeout=PATIENCE), told.get(timeout=PATIENCE)] == [first, second]
    assert told.empty()


def test_an_error_is_told_and_the_looking_goes_on(started):
    told, failed, answers = queue.Queue(), queue.Queue(), iter([OSError("stale"), "back"])

    def look():
        answer = next(answers, "back")
        if isinstance(answer, OSError):
            raise answer
        return answer

    started(look, told.put, 0.01, failed.put)
    assert str(failed.get(timeout=PATIENCE)) == "stale"
    assert told.get(timeout=PATIENCE) == "back"


def test_a_slow_look_is_followed_by_one_look_and_not_by_all_that_were_missed(started):
    began, go_on, told = threading.Event(), threading.Event(), queue.Queue()
    looks = []

    def look():
        looks.append(None)
        if len(looks) == 1:
            began.set()
            assert go_on.wait(PATIENCE)
        return object()

    poller = started(look, told.put, 60.0)
    assert began.wait(PATIENCE)
    for _ in range(20):
        poller.hurry()
    go_on.set()
    told.get(timeout=PATIENCE)
    told.get(timeout=PATIENCE)
    with pytest.raises(queue.Empty):
        told.get(timeout=0.2)


def test_after_stop_nothing_is_told(started):
    began, go_on, told = threading.Event(), threading.Event(), queue.Queue()

    def look():
        began.set()
        assert go_on.wait(PATIENCE)
        return "late"

    poller = started(look, told.put, 0.01)
    assert began.wait(PATIENCE)
    poller.stop()
    go_on.set()
    with pytest.raises(queue.Empty):
        told.get(timeout=0.2)


def test_while_it_is_held_nothing_is_looked_at_and_going_on_looks_at_once(started):
    looks = queue.Queue()
    poller = started(lambda: looks.put(None) or object(), lambda _: None, 0.01)
    looks.get(timeout=PATIENCE)
    poller.hold()
    quiet(looks)
    poller.go_on()
    looks.get(timeout=PATIENCE)


def quiet(looks):
    """Take out the look or two that are under way, until nothing comes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            looks.get(timeout=0.3)
        except queue.Empty:
            return
    raise AssertionError("the looking goes on")
