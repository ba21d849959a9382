"""Figures of speed and memory that `make bench` measures, the file that keeps them, and how two files differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeFloat, ValidationError, computed_field

from core.errors import InputError
from core.runs.text import safe_text


class Figure(BaseModel):
    """One measurement, for which lower is better, and its baseline in the same run.

    Attributes:
        name: what was measured; unique in a file.
        unit: of `ours` and `baseline`, such as `ms`; empty for a plain number.
        ours: the measurement, a median unless the name says otherwise.
        baseline: the same of what it is measured against; None without such.
        against: what that is.
        ratio: median of ours / baseline over the repetitions; None without a baseline, and for exponents.
        spread: half of the interquartile range of the ratio, or of `ours` without one; None for one repetition.
        target: the most that it should be; None without one.
        target_of: the number that has the target.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    unit: str
    ours: FiniteFloat
    baseline: FiniteFloat | None = None
    against: str = ""
    ratio: NonNegativeFloat | None = None
    spread: NonNegativeFloat | None = None
    target: FiniteFloat | None = None
    target_of: Literal["ratio", "ours"] = "ours"

    @computed_field  # type: ignore[prop-decorator]
    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without a target."""
        number = self.ratio if self.target_of == "ratio" else self.ours
        return None if self.target is None or number is None else number <= self.target

    @property
    def value(self) -> float:
        """The number that is compared between files: the ratio if there is one, as it depends less on the machine."""
        return self.ours if self.ratio is None else self.ratio


class Measured(BaseModel):
    """All figures of one run of the benchmarks, with the machine and the versions that they were measured on."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    machine: dict[str, str]
    versions: dict[str, str]
    figures: tuple[Figure, ...]

    @classmethod
    def read(cls, path: Path) -> "Measured":
        """Read a file; raises InputError if it is missing or not one of `make bench`."""
        try:
            measured = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(f"{safe_text(str(path))}: cannot be read ({error.strerror})") from None
        except ValidationError:
            raise InputError(
                f"{safe_text(str(path))}: is not a file of 'make bench'; give two files that it has written"
            ) from None
        if len({figure.name for figure in measured.figures}) < len(measured.figures):
            raise InputError(f"{safe_text(str(path))}: has a figure twice; measure again with 'make bench'")
        return measured

    def write(self, path: Path) -> None:
        """Write the file, and its folder if needed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in two files; None in a file that lacks it."""

    name: str
    before: Figure | None
    after: Figure | None

    @property
    def share(self) -> float | None:
        """Change of the value, relative to the first file; None if there is nothing to divide by."""
        if self.before is None or self.after is None or not self.before.value:
            return None
        return self.after.value / self.before.value - 1

    @property
    def beyond(self) -> bool | None:
        """Whether the values differ by more than both spreads together; None if a value or a spread is unknown."""
        if self.before is None or self.after is None:
            return None
        if self.before.spread is None or self.after.spread is None:
            return None
        return abs(self.after.value - self.before.value) > self.before.spread + self.after.spread


def changes(before: Measured, after: Measured) -> Iterator[Change]:
    """All figures of both files, in the order of the second; those that only the first has come last."""
    old = {figure.name: figure for figure in before.figures}
    new = {figure.name: figure for figure in after.figures}
    for name in (*new, *(name for name in old if name not in new)):
        yield Change(name, old.get(name), new.get(name))


def missed(figures: Sequence[Figure]) -> list[Figure]:
    """The figures whose target is not met."""
    return [figure for figure in figures if figure.met is False]
