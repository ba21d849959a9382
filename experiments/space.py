"""The points of a sweep: a grid of values, and draws from ranges: random, Sobol or by a search (no torch)."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from core.errors import InputError

Scale = Literal["linear", "log", "int"]
DIGITS = 3
"""Significant digits of a value that is drawn from a range, so that it can be read and typed."""


@dataclass(frozen=True, slots=True)
class Range:
    """An interval to draw a value from, both ends included: linear, logarithmic, or whole numbers."""

    low: float
    high: float
    scale: Scale

    def at(self, share: float) -> float | int:
        """The value at a share in [0, 1] of the way from one end to the other."""
        if self.scale == "int":
            return min(int(self.high), int(self.low + share * (self.high - self.low + 1)))
        if self.scale == "log":
            return rounded(math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low))))
        return rounded(self.low + share * (self.high - self.low))

    def __str__(self) -> str:
        return f"{self.scale}:{self.low:g}..{self.high:g}"


@dataclass(frozen=True, slots=True)
class Choice:
    """Values to draw from, each with the same probability."""

    values: tuple[Any, ...]

    def at(self, share: float) -> Any:
        """The value at a share in [0, 1) of the list."""
        return self.values[min(len(self.values) - 1, int(share * len(self.values)))]

    def __str__(self) -> str:
        return "choice:" + ",".join(str(value) for value in self.values)


Axis = Range | Choice
Point = Mapping[str, Any]
"""Dotted key → value."""


def read_values(key: str, text: str) -> tuple[Any, ...]:
    """The values of `--grid KEY=1,2,3`, each read as TOML if possible, else as plain text.

    Raises InputError if there is none, or one comes twice.
    """
    if not text.strip(" ,"):
        raise InputError(f"--grid {key}=: expected values, such as {key}=1,2,3")
    try:
        values = tomllib.loads(f"values = [{text}]")["values"]
    except tomllib.TOMLDecodeError:
        values = [_value(word.strip()) for word in text.split(",")]
    return checked_values(key, values)


def checked_values(key: str, values: Any) -> tuple[Any, ...]:
    """Values of a grid; raises InputError if they are not a list, it is empty, or one comes twice."""
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise InputError(f"grid {key}: expected a list of values")
    for number, value in enumerate(values):
        if value in values[:number]:
            raise InputError(f"grid {key}: {value} comes twice")
    return tuple(values)


def read_axis(key: str, text: str) -> Axis:
    """The range of `--random KEY=TEXT`: `0..1`, `1..10`, `log:1e-4..1e-1`, `int:1..10` or `choice:a,b,c`.

    Two whole numbers make a range of whole numbers. Raises InputError if the text is something else, or the range is
    empty.
    """
    kind, colon, rest = text.partition(":")
    if not colon:
        kind, rest = "", text
    if kind == "choice":
        return Choice(read_values(key, rest))
    low, dots, high = rest.partition("..")
    kinds = {"": "linear", "linear": "linear", "uniform": "linear", "log": "log", "int": "int"}
    try:
        if not dots or kind not in kinds:
            raise ValueError
        ends = float(low), float(high)
    except ValueError:
        raise InputError(
            f"--random {key}={text}: expected a range such as 0..1, 1..10, log:1e-4..1e-1 or choice:a,b,c"
        ) from None
    scale: Any = kinds[kind]
    if not kind and all(re.fullmatch(r"\s*-?\d+\s*", end) for end in (low, high)):
        scale = "int"
    if not all(map(math.isfinite, ends)) or ends[0] >= ends[1]:
        raise InputError(f"--random {key}={text}: the range is empty; the lower end comes first")
    if scale == "log" and ends[0] <= 0:
        raise InputError(f"--random {key}={text}: a logarithmic range begins above 0")
    return Range(*ends, scale)


def read_seeds(text: str) -> tuple[int, ...]:
    """Read seeds such as `0-4` or `0,2,5-7`; raises InputError if there is none or one comes twice."""
    found: list[int] = []
    for word in text.split(","):
        first, dash, last = word.strip().partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            raise InputError(f"--seeds {text}: expected numbers such as 0-4 or 0,2,5") from None
        if low > high:
            raise InputError(f"--seeds {text}: {word.strip()} is empty; the lower number comes first")
        found += range(low, high + 1)
    if len(set(found)) < len(found):
        raise InputError(f"--seeds {text}: a seed comes twice")
    return tuple(found)


def grid_points(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values; one empty point without any. The last key changes fastest."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def drawn_points(
    axes: Mapping[str, Axis], n: int, method: Literal["random", "sobol"], seed: int
) -> list[dict[str, Any]]:
    """Draw `n` points, the same for the same seed; equal points are kept once.

    Sobol points (scrambled; Owen 1995) cover the ranges more evenly than random ones.
    """
    import numpy as np

    if method == "sobol":
        from scipy.stats import qmc

        draws = qmc.Sobol(len(axes), rng=np.random.default_rng(seed)).random_base2(max(0, (n - 1).bit_length()))[:n]
    else:
        draws = np.random.default_rng(seed).random((n, len(axes)))
    points = [
        {key: axis.at(float(share)) for (key, axis), share in zip(axes.items(), draw, strict=True)} for draw in draws
    ]
    return [point for number, point in enumerate(points) if point not in points[:number]]


def label(point: Point) -> str:
    """A point in words, such as `lr=0.05 epochs=3`; a key is whole where its last word is not unique."""
    from core.results.settings import show

    last = [key.rpartition(".")[2] for key in point]
    names = [short if last.count(short) == 1 else key for key, short in zip(point, last, strict=True)]
    return " ".join(f"{name}={show(value)}" for name, value in zip(names, point.values(), strict=True))


def rounded(value: float) -> float:
    """The value with as many digits as one drawn from a range has."""
    return float(f"{value:.{DIGITS}g}")


def _value(word: str) -> Any:
    try:
        return tomllib.loads(f"value = {word}")["value"]
    except tomllib.TOMLDecodeError:
        return word
