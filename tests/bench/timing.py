"""How benchmarks are timed, the two forms that each of them has, and where their figures go."""

from collections.abc import Callable, Sequence
from math import inf, log
from statistics import linear_regression, median, quantiles
from time import perf_counter

import pytest

from experiments.speed import Figure

Work = Callable[[], object]


def forms(names: str, *, short: list[tuple], full: list[tuple]) -> pytest.MarkDecorator:
    """Give a benchmark two forms: short cases run with all other tests, full ones only by `make bench`."""
    small = [pytest.param(*case) for case in short]
    large = [pytest.param(*case, marks=pytest.mark.bench) for case in full]
    return pytest.mark.parametrize(names, small + large)


def pairs(a: Work, b: Work, repetitions: int) -> list[tuple[float, float]]:
    """Seconds of two things in turn (A B A B …), so that whatever else the machine does falls on both.

    Each is run once before the clock starts, unless one repetition is all: that is a check, not a measurement.
    """
    if repetitions > 1:
        a()
        b()
    found = [(seconds(a), seconds(b)) for _ in range(repetitions)]
    assert all(0 < each < inf for pair in found for each in pair)
    return found


def paired(a: Work, b: Work, repetitions: int) -> tuple[float, float, float]:
    """Median seconds of `a`, of `b`, and the median over the pairs of a / b."""
    found = pairs(a, b, repetitions)
    return median(x for x, _ in found), median(y for _, y in found), median(x / y for x, y in found)


def seconds(work: Work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def p99(samples: Sequence[float]) -> float:
    return quantiles(samples, n=100)[98] if len(samples) > 1 else samples[0]


class Figures:
    """The figures of one test: printed at once, and kept for the table at the end."""

    def __init__(self, kept: list[Figure]) -> None:
        self._kept = kept

    def ratio(
        self, name: str, ours: Work, baseline: Work, repetitions: int, *, against: str, target: float | None = None
    ) -> Figure:
        """Seconds of ours over those of the baseline, of which the target is the most."""
        return self.of_pairs(name, pairs(ours, baseline, repetitions), against=against, target=target)

    def of_pairs(
        self, name: str, found: Sequence[tuple[float, float]], *, against: str, target: float | None = None
    ) -> Figure:
        """The same of seconds that were measured already, ours first."""
        ratios = [x / y for x, y in found]
        scale, unit = (1.0, "s") if median(x for x, _ in found) >= 1 else (1000.0, "ms")
        return self._keep(
            Figure(
                name=name,
                unit=unit,
                ours=scale * median(x for x, _ in found),
                baseline=scale * median(y for _, y in found),
                against=against,
                ratio=median(ratios),
                spread=spread(ratios),
                target=target,
                target_of="ratio",
            )
        )

    def number(
        self,
        name: str,
        ours: Sequence[float],
        unit: str,
        *,
        baseline: Sequence[float] = (),
        against: str = "",
        target: float | None = None,
        at: Callable[[Sequence[float]], float] = median,
    ) -> Figure:
        """One number of samples, such as their median, of which the target is the most, and that of the baseline."""
        assert all(0 <= each < inf for each in (*ours, *baseline))
        mine, theirs = at(ours), at(baseline) if baseline else None
        ratio = mine / theirs if theirs else None
        found = spread(ours, at)
        return self._keep(
            Figure(
                name=name,
                unit=unit,
                ours=mine,
                baseline=theirs,
                against=against,
                ratio=ratio,
                spread=found / theirs if found is not None and theirs else found,
                target=target,
            )
        )

    def exponent(
        self,
        name: str,
        ours: Callable[[int], Work],
        sizes: Sequence[int],
        repetitions: int,
        *,
        baseline: Callable[[int], Work] | None = None,
        against: str = "",
        target: float | None = None,
    ) -> Figure:
        """Exponent of a power law of the seconds in the size, fitted to the logarithms; 1 is proportional."""
        made = {size: ours(size) for size in sizes}
        theirs = {size: baseline(size) for size in sizes} if baseline is not None else {}
        found: list[float] = []
        other: list[float] = []
        for repetition in range(-1 if repetitions > 1 else 0, repetitions):
            slopes = _slope(made), _slope(theirs) if theirs else None
            if repetition >= 0:  # the one before is not timed
                found.append(slopes[0] or 0.0)
                other += [slopes[1]] if slopes[1] is not None else []
        return self._keep(
            Figure(
                name=f"{name}: exponent of the time",
                unit="",
                ours=median(found),
                baseline=median(other) if other else None,
                against=against,
                spread=spread(found),
                target=target,
            )
        )

    def _keep(self, figure: Figure) -> Figure:
        self._kept.append(figure)
        baseline = "" if figure.baseline is None else f" against {figure.baseline:.4g} {figure.unit} ({figure.against})"
        ratio = "" if figure.ratio is None else f", ratio {figure.ratio:.3g}"
        around = "" if figure.spread is None else f" ± {figure.spread:.2g}"
        target = "" if figure.target is None else f" (target ≤ {figure.target:g})"
        print(f"\n{figure.name}: {figure.ours:.4g} {figure.unit}{baseline}{ratio}{around}{target}", end="")
        return figure


def spread(samples: Sequence[float], at: Callable[[Sequence[float]], float] = median) -> float | None:
    """Half of the interquartile range: of the samples for their median, else of the number over resampled ones."""
    if len(samples) < 2:
        return None
    if at is not median:
        import numpy as np

        drawn = np.random.default_rng(0).choice(np.asarray(samples), (200, len(samples)))
        samples = [at(each.tolist()) for each in drawn]
    low, _, high = quantiles(samples, n=4, method="inclusive")
    return (high - low) / 2


def _slope(work: dict[int, Work]) -> float:
    sizes = [log(size) for size in work]
    return linear_regression(sizes, [log(seconds(each)) for each in work.values()]).slope
