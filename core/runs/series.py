"""Numbers over steps: exact, growing, and cheap to look at while they grow."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import exp, inf, nan
from typing import overload


class Column(Sequence[float]):
    """The first `length` numbers of a buffer that only ever grows: immutable without a copy."""

    __slots__ = ("_buffer", "_length")

    def __init__(self, buffer: "array[float]", length: int) -> None:
        self._buffer = buffer
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> "array[float]": ...
    def __getitem__(self, index: int | slice) -> "float | array[float]":
        if isinstance(index, slice):
            return self._buffer[slice(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        return self._buffer[index if index >= 0 else index + self._length]

    def __iter__(self) -> Iterator[float]:
        return iter(self[:])

    def __repr__(self) -> str:
        return f"Column({list(self)!r})"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One named number over a stage, steps strictly increasing.

    Attributes:
        steps: optimisation steps of the stage.
        epochs: passes over the data at each step.
        times: when each value was said, in seconds since 1970.
        values: the numbers; NaN where there was none.
    """

    steps: Column
    epochs: Column
    times: Column
    values: Column

    def __len__(self) -> int:
        return len(self.steps)


class SeriesBuffer:
    """Collects a series; what `view` returned never changes afterwards."""

    def __init__(self) -> None:
        self._columns = tuple(array("d") for _ in range(4))
        self._view: Series | None = None

    def append(self, step: int, epoch: float, time: float, value: float | None) -> None:
        """Add a value. A step that was there, as after a resume, replaces it and everything behind it."""
        steps = self._columns[0]
        if steps and step <= steps[-1]:
            self.cut(step)
        for column, number in zip(self._columns, (step, epoch, time, nan if value is None else value), strict=True):
            column.append(number)
        self._view = None

    def cut(self, step: float) -> None:
        """Drop the values at `step` and behind it."""
        length = bisect_left(self._columns[0], step)
        if length < len(self._columns[0]):
            # New buffers: earlier views look at the old ones.
            self._columns = tuple(column[:length] for column in self._columns)
            self._view = None

    def view(self) -> Series:
        """Return the series as it is now; the same object until a value is added."""
        if self._view is None:
            length = len(self._columns[0])
            self._view = Series(*(Column(column, length) for column in self._columns))
        return self._view


@dataclass(slots=True)
class StepRate:
    """Steps per second, smoothed over the last `window` seconds or so.

    Steps and seconds are summed with weights that fade with age, and divided; so the first interval counts in full,
    and a pause for an evaluation spreads over the steps around it.
    """

    window: float = 30.0
    _steps: float = field(default=0.0, init=False)
    _seconds: float = field(default=0.0, init=False)
    _last: tuple[float, float] | None = field(default=None, init=False)

    def add(self, step: float, t: float) -> None:
        """Say that `step` was done at time `t`, in seconds."""
        if self._last is not None:
            ahead, passed = step - self._last[0], t - self._last[1]
            if ahead <= 0 or passed < 0:
                return
            fade = exp(-passed / self.window)
            self._steps = self._steps * fade + ahead
            self._seconds = self._seconds * fade + passed
        self._last = step, t

    def left(self, total: float) -> float | None:
        """Seconds until step `total`, counted from the last step; None before two steps are known."""
        if self._last is None or self._steps <= 0 or self._seconds <= 0:
            return None
        return max(0.0, total - self._last[0]) * self._seconds / self._steps


def decimate(steps: Sequence[float], values: Sequence[float], columns: int) -> tuple[list[float], list[float]]:
    """Thin a curve for drawing: the least and the greatest value of each column of the screen, where they are.

    A line through the result covers the same cells as one through all points, spikes included.

    Args:
        steps: [n] not decreasing.
        values: [n]; NaN is left out.
        columns: columns that the steps are spread over evenly.

    Returns:
        Steps and values that were kept, in order, at most 2 × columns of them; all where n is no more than that.

    Raises:
        ValueError: no columns, or lengths that differ.
    """
    if columns < 1 or len(steps) != len(values):
        raise ValueError(f"{len(steps)} steps, {len(values)} values, {columns} columns")
    if len(steps) <= 2 * columns:
        kept = [(s, v) for s, v in zip(steps, values, strict=True) if v == v]
        return [s for s, _ in kept], [v for _, v in kept]
    first, width = steps[0], (steps[-1] - steps[0]) / columns
    out_steps: list[float] = []
    out_values: list[float] = []
    begin = 0
    for column in range(1, columns + 1):
        # An edge is looked up and never stepped to: a wide gap between steps leaves columns empty.
        edge = first + width * column if column < columns else inf
        end = bisect_left(steps, edge, lo=begin)
        for index in _extremes(values[begin:end]):
            out_steps.append(steps[begin + index])
            out_values.append(values[begin + index])
        begin = end
    return out_steps, out_values


def _extremes(values: Sequence[float]) -> list[int]:
    """Indices of the least and the greatest number, in order; one where they are the same; none where all are NaN."""
    # The sum is NaN if any value is (or if infinities cancel): the plain case never looks at single values in Python.
    total = sum(values)
    candidates = [v for v in values if v == v] if total != total else values
    if not candidates:
        return []
    return sorted({values.index(min(candidates)), values.index(max(candidates))})
