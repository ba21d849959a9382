"""Mean and sample standard deviation (no torch, no numpy)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, sqrt
from typing import Any


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean over n runs with the sample standard deviation (n − 1); `sd` is None if n is 1."""

    mean: float
    sd: float | None
    n: int

    @property
    def se(self) -> float | None:
        """Standard error of the mean, sd / √n; None if n is 1."""
        return None if self.sd is None else self.sd / sqrt(self.n)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON object."""
        return {"mean": None if isnan(self.mean) else self.mean, "sd": self.sd, "se": self.se, "n": self.n}


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation of at least one number."""
    n = len(values)
    mean = sum(values) / n
    sd = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1)) if n > 1 else None
    return Spread(mean, sd, n)
