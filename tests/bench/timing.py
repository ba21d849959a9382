from collections.abc import Callable
from statistics import median
from time import perf_counter


def paired(a: Callable[[], object], b: Callable[[], object], repetitions: int) -> tuple[float, float, float]:
    """Time two things in turn (A B A B …), so that whatever else the machine does falls on both.

    Each is run once before the clock starts.

    Returns:
        Median seconds of `a`, of `b`, and the median over the pairs of a / b.
    """
    a()
    b()
    pairs = [(_seconds(a), _seconds(b)) for _ in range(repetitions)]
    return median(x for x, _ in pairs), median(y for _, y in pairs), median(x / y for x, y in pairs)


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start
