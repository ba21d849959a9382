"""How benchmarks are timed, and the two forms that each of them has."""

from collections.abc import Callable
from math import inf
from statistics import median
from time import perf_counter

import pytest


def forms(names: str, *, short: list[tuple], full: list[tuple]) -> pytest.MarkDecorator:
    """Give a benchmark two forms: short cases run with all other tests, full ones only by `make bench`."""
    small = [pytest.param(*case) for case in short]
    large = [pytest.param(*case, marks=pytest.mark.bench) for case in full]
    return pytest.mark.parametrize(names, small + large)


def paired(a: Callable[[], object], b: Callable[[], object], repetitions: int) -> tuple[float, float, float]:
    """Time two things in turn (A B A B …), so that whatever else the machine does falls on both.

    Each is run once before the clock starts, unless one repetition is all: that is a check, not a measurement.

    Returns:
        Median seconds of `a`, of `b`, and the median over the pairs of a / b.
    """
    if repetitions > 1:
        a()
        b()
    pairs = [(_seconds(a), _seconds(b)) for _ in range(repetitions)]
    assert all(0 < seconds < inf for pair in pairs for seconds in pair)
    return median(x for x, _ in pairs), median(y for _, y in pairs), median(x / y for x, y in pairs)


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
