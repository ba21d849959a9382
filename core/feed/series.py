"""Numbers over steps: exact, growing, with cheap views."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import overload


class Column(Sequence[float]):
    """The first `length` numbers of an append-only buffer: immutable without a copy."""

    __slots__ = ("_buffer", "_length")

    def __init__(self, buffer: "array[float]", length: int) -> None:
        self._buffer = buffer
        self._length = length

    def __len__(self) -> int:
        return self._length

    @property
    def buffer(self) -> "array[float]":
        """The buffer, which may hold more: two columns of one buffer differ in their lengths only."""
        return self._buffer

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
        times: time of each value, in seconds since 1970.
        values: the numbers; NaN if missing.
    """

    steps: Column
    epochs: Column
    times: Column
    values: Column

    def __len__(self) -> int:
        return len(self.steps)


class SeriesBuffer:
    """Collects a series; views never change afterwards."""

    def __init__(self) -> None:
        self._columns = tuple(array("d") for _ in range(4))
        self._view: Series | None = None

    def append(self, step: int, epoch: float, time: float, value: float | None) -> None:
        """Add a value. If the step already exists, as after a resume, it and all later values are dropped first."""
        steps = self._columns[0]
        if steps and step <= steps[-1]:
            self.cut(step)
        for column, number in zip(self._columns, (step, epoch, time, nan if value is None else value), strict=True):
            column.append(number)
        self._view = None

    def cut(self, step: float) -> None:
        """Drop the values from `step` on."""
        length = bisect_left(self._columns[0], step)
        if length < len(self._columns[0]):
            # New buffers, as earlier views use the old ones.
            self._columns = tuple(column[:length] for column in self._columns)
            self._view = None

    def view(self) -> Series:
        """Return the current series; the same object until a value is added."""
        if self._view is None:
            length = len(self._columns[0])
            self._view = Series(*(Column(column, length) for column in self._columns))
        return self._view
