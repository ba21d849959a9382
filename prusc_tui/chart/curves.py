"""Curves of a chart, and reading values from them."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import floor, isfinite
from typing import NamedTuple

from core.words import clock
from prusc_tui.chart.axes import share_label

MARKS = "●■▲◆○□△◇"  # shapes that distinguish curves without colour


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve of a chart.

    Attributes:
        x: [n] not decreasing; the steps, epochs or times of a series.
        y: [n] values; NaN for a missing one.
        colour: index of colour and mark.
        key: identity of the curve while it grows.
        origin: subtracted from x, such as the start time.
        smooth: whether smoothing applies; evaluations are shown as they are.
        band: [n] least and [n] greatest value at each x, such as over seeds; None for a curve without a band.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int
    key: Hashable
    origin: float = 0.0
    smooth: bool = True
    band: tuple[Sequence[float], Sequence[float]] | None = None

    @property
    def mark(self) -> str:
        """Shape of the curve in legend and plot."""
        return MARKS[self.colour % len(MARKS)]


class Plot(NamedTuple):
    """The content of one chart of a grid; charts with the same `axis` share cursor and window."""

    key: Hashable
    title: str
    unit: str
    axis: Hashable
    curves: tuple[Curve, ...]


class Reading(NamedTuple):
    """A point of a curve: its index, x and y."""

    at: int
    x: float
    y: float


def extent(curves: Iterable[Curve]) -> tuple[float, float] | None:
    """Least and greatest x of all curves; None if there are no points."""
    ends = [(curve.x[0] - curve.origin, curve.x[len(curve.x) - 1] - curve.origin) for curve in curves if len(curve.x)]
    ends = [(low, high) for low, high in ends if isfinite(low) and isfinite(high)]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def visible(curve: Curve, window: tuple[float, float]) -> tuple[int, int]:
    """Range of the points in the window, with one neighbour on each side for the lines that leave it."""
    n, x = len(curve.x), curve.x
    begin = bisect_left(x, window[0] + curve.origin)
    end = bisect_right(x, window[1] + curve.origin, lo=begin)
    return max(0, begin - 1), min(n, end + 1)


def as_array(values: Sequence[float], begin: int, end: int) -> "array[float]":
    """Part of a sequence as an array; a fast copy if it is one already."""
    part = values[begin:end]
    return part if isinstance(part, array) else array("d", part)


def nearest(curve: Curve, x: float) -> Reading | None:
    """The point of the curve nearest to `x`, the left one in a tie; None if there are no points."""
    n = len(curve.x)
    if not n:
        return None
    right = min(bisect_left(curve.x, x + curve.origin), n - 1)
    left = max(right - 1, 0)
    index = left if x + curve.origin - curve.x[left] <= curve.x[right] - curve.origin - x else right
    return Reading(index, curve.x[index] - curve.origin, curve.y[index])


def read(curve: Curve, x: float, reach: float) -> Reading | None:
    """The point of a curve nearest to `x`; None if its ends are further away than `reach`, such as half a cell."""
    n = len(curve.x)
    if not n or not curve.x[0] - reach <= x + curve.origin <= curve.x[n - 1] + reach:
        return None
    return nearest(curve, x)


def last(curve: Curve) -> Reading | None:
    """The newest point that has a value."""
    for index in range(len(curve.y) - 1, -1, -1):
        if isfinite(curve.y[index]):
            return Reading(index, curve.x[index] - curve.origin, curve.y[index])
    return None


def step_aside(curves: Iterable[Curve], x: float, direction: int, least: float) -> float | None:
    """The next point of any curve at least `least` away from `x` to the left (−1) or right (1).

    The outermost point if none is that far away; None if there are no points.
    """
    ahead: list[float] = []
    outer: list[float] = []
    for curve in curves:
        n = len(curve.x)
        if not n:
            continue
        at = x + curve.origin + direction * least
        outer.append(curve.x[n - 1 if direction > 0 else 0] - curve.origin)
        index = bisect_left(curve.x, at) if direction > 0 else bisect_right(curve.x, at) - 1
        if 0 <= index < n:
            ahead.append(curve.x[index] - curve.origin)
    nearest, farthest = (min, max) if direction > 0 else (max, min)
    return nearest(ahead) if ahead else farthest(outer) if outer else None


def value_text(value: float, unit: str, digits: int = 4) -> str:
    """A value for the legend: per cent with two decimals, others with `digits` digits; a dash if missing."""
    if not isfinite(value):
        return "–"
    text = f"{value:.2f}" if unit == "%" else f"{value:,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.{digits}g}"
    return text.replace("-", "−")


def place_text(x: float, mode: str) -> str:
    """Position of the cursor: a step, an epoch with decimals, a share in per cent, or elapsed time."""
    if mode == "kept":
        return share_label(x)
    if mode == "step":
        return f"{x:,.0f}"
    if mode == "epoch":
        return f"{x:.2f}"
    return clock(floor(abs(x) + 0.5))
