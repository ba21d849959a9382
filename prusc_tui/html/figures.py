"""The figures of a report as data, drawn by `svg` for the page and by `plots` for a paper."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, nan
from typing import NamedTuple

from prusc_tui.chart.axes import XMode, calm_bounds, calm_log_bounds
from prusc_tui.chart.curves import Curve
from prusc_tui.html.markup import Markup

MOST_POINTS = 400
"""Maximum number of points of a curve; a longer one is averaged."""


class Dot(NamedTuple):
    """A value in per cent with its interval, drawn in the colour of its `role`: before, after or worst."""

    name: str
    value: float
    low: float
    high: float
    role: str
    change: float | None = None


class Row(NamedTuple):
    """Values of one group, with a note such as its number of samples."""

    title: str
    note: str
    dots: tuple[Dot, ...]


class Bar(NamedTuple):
    """A share in per cent."""

    title: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """What every figure has.

    Attributes:
        name: of its file, without suffix.
        about: a sentence: split, number of samples, supervision.
    """

    name: str
    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Intervals(Figure):
    """Accuracies with intervals, one row of dots for each group, on an axis from 0 to 100 %."""

    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Bars(Figure):
    """Shares as bars, on an axis from 0 to 100 %."""

    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart(Figure):
    """Curves over steps, or over the share of weights kept."""

    curves: tuple[Curve, ...]
    mode: XMode = "step"
    unit: str = ""
    log: bool = False

    @property
    def x(self) -> tuple[float, float]:
        """Left and right end."""
        values = [value for curve in self.curves for value in (curve.x[0], curve.x[-1])]
        low, high = min(values), max(values)
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    @property
    def y(self) -> tuple[float, float]:
        """Lower and upper end: round numbers."""
        drawn = [y for curve in self.curves for _, y in points(curve) if isfinite(y) and (y > 0 or not self.log)]
        low, high = min(drawn, default=0.0), max(drawn, default=1.0)
        if self.log:
            return calm_log_bounds(low, high)
        return calm_bounds(low, high, 0.0, 100.0) if self.unit == "%" else calm_bounds(low, high)


Draw = Callable[[Figure], Markup]
"""Draws a figure into the page."""


def named(*parts: str) -> str:
    """Name of a figure: it becomes a file and an anchor, so that it has letters, digits and hyphens only."""
    return re.sub(r"[^0-9A-Za-z]+", "-", "-".join(part for part in parts if part)).strip("-")


def points(curve: Curve) -> list[tuple[float, float]]:
    """The points of a curve, at most `MOST_POINTS`: means of equal stretches, NaN where a stretch has no number."""
    n = len(curve.x)
    if n <= MOST_POINTS:
        return list(zip(curve.x, curve.y, strict=True))
    edges = [round(i * n / MOST_POINTS) for i in range(MOST_POINTS + 1)]
    return [(_mean(curve.x[a:b]), _mean(curve.y[a:b])) for a, b in pairwise(edges)]


def stretch(curves: Sequence[Curve]) -> int:
    """Number of values in a point of the longest curve."""
    return -(-max((len(curve.x) for curve in curves), default=0) // MOST_POINTS)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if isfinite(value)]
    return sum(finite) / len(finite) if finite else nan
