"""Families of one table against a baseline: paired differences on shared seeds, tested together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from core.results.compare import Family, Paired, paired
from core.results.significance import Verdict, verdicts


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Every other family of a table minus the baseline, in worst-group accuracy.

    Attributes:
        test: name of the test, of `core.results.significance.TESTS`.
        pairs: the paired differences of each family that shares seeds with the baseline, and what follows from them.
        apart: families that cannot be paired: no seed in common, other samples, or not finished.
    """

    baseline: Family
    test: str
    pairs: tuple[tuple[Paired, Verdict], ...]
    apart: tuple[Family, ...]

    def to_json(self) -> list[dict[str, Any]]:
        """The pairs; the baseline is the `first` of each."""
        return [{**pair.to_json(), "test": self.test, **verdict.to_json()} for pair, verdict in self.pairs]


def contrasts(
    members: Sequence[Family],
    split: str,
    stage: str | None = None,
    *,
    baseline: Family | None = None,
    test: str = "t",
) -> Contrasts:
    """Compare families of one table (`comparable`) with `baseline`, or with the first if that is not among them."""
    chosen = next((family for family in members if family is baseline), members[0])
    found = [(family, paired(chosen, family, split, stage)) for family in members if family is not chosen]
    pairs = [pair for _, pair in found if pair is not None]
    return Contrasts(
        chosen,
        test,
        tuple(zip(pairs, verdicts([pair.differences for pair in pairs], test), strict=True)),
        tuple(family for family, pair in found if pair is None),
    )


def baseline_of(members: Sequence[Family], run: str) -> Family:
    """The family of the run with this id.

    Raises:
        InputError: it is in none of them.
    """
    for family in members:
        if any(one.id == run for one in family.runs):
            return family
    raise InputError(f"--against {run}: this run is not among the compared ones; name it before --against too")
