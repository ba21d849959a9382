"""Accuracy against the share of weights kept, over runs that differ by seed (no torch)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from core.events import Event, SparsityPoint
from core.groups import Evaluation
from core.runs.record import RunRecord
from core.spread import Spread, spread

DENSE = "dense"
"""Way of the point at which nothing is pruned; it belongs to every way."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Worst-group and average accuracy of one point over the runs that have it, in [0, 1]."""

    worst: Spread
    average: Spread


@dataclass(frozen=True, slots=True)
class Curves:
    """The curves of one or more runs.

    Attributes:
        split: of the accuracies.
        runs: of the points, sorted by seed.
        samples: of the split.
        groups: number of non-empty groups of the split.
        unit: what these are called, `group` or `class`.
        ways: of pruning, in the order in which they first appear.
        shares: of weights kept, from many to few; the first is 1.
        points: (way, share) → accuracies.
    """

    split: str
    runs: tuple[RunRecord, ...]
    samples: int
    groups: int
    unit: str
    ways: tuple[str, ...]
    shares: tuple[float, ...]
    points: Mapping[tuple[str, float], Pooled]

    def at(self, way: str, share: float) -> Pooled | None:
        """A point of the curve of a way, which begins at the dense network; None if it is missing."""
        return self.points.get((DENSE if share == 1 else way, share))

    def to_json(self) -> dict[str, Any]:
        """Return the curves as JSON object, as printed by `prusc sparsity --json`."""
        return {
            "split": self.split,
            "n": self.samples,
            "runs": [run.id for run in self.runs],
            "seeds": [run.seed for run in self.runs],
            "attributes_used": sorted({run.attributes_used for run in self.runs}),
            "points": [
                {"way": way, "share": share, "worst": point.worst.to_json(), "average": point.average.to_json()}
                for (way, share), point in self.points.items()
            ],
        }


Measured = tuple[RunRecord, Sequence[SparsityPoint]]
"""A run and its points."""


def points_of(outcomes: Mapping[str, Sequence[Event]]) -> tuple[SparsityPoint, ...]:
    """The points among the lasting events of a run (`Snapshot.outcomes`)."""
    return tuple(event for events in outcomes.values() for event in events if isinstance(event, SparsityPoint))


def curves_of(measured: Sequence[Measured], split: str = "test") -> Curves | None:
    """Pool the points of runs; None if there are none.

    Args:
        measured: runs with their points.
        split: `test` or `validation`.

    Raises:
        InputError: the runs are not on the same data, or two of them have the same seed.
    """
    measured = sorted((one for one in measured if one[1]), key=lambda one: one[0].seed)
    if not measured:
        return None
    runs = tuple(run for run, _ in measured)
    if len({run.data for run in runs}) > 1:
        raise InputError(f"these runs are on different data: {', '.join(sorted({run.data for run in runs}))}")
    if len({run.seed for run in runs}) < len(runs):
        raise InputError("two of these runs have the same seed; name one run for each seed")
    found: dict[tuple[str, float], list[Evaluation]] = {}
    for _, points in measured:
        for point in points:
            found.setdefault((point.way, point.share), []).append(_of(point, split))
    first = next(iter(found.values()))[0]
    pooled = {
        key: Pooled(spread([e.worst_group.accuracy for e in evaluations]), spread([e.average for e in evaluations]))
        for key, evaluations in found.items()
    }
    return Curves(
        split,
        runs,
        first.n,
        sum(group.n > 0 for group in first.groups),
        first.unit,
        tuple(dict.fromkeys(way for way, _ in found if way != DENSE)),
        tuple(sorted({share for _, share in found}, reverse=True)),
        pooled,
    )


def rows(measured: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    """Every point of every run on both splits, as printed by `prusc sparsity --csv`; shares in [0, 1]."""
    for run, points in measured:
        for point in points:
            for split in ("validation", "test"):
                evaluation = _of(point, split)
                yield {
                    "run": run.id,
                    "data": run.data,
                    "seed": run.seed,
                    "way": point.way,
                    "share": point.share,
                    "kept": point.kept,
                    "split": split,
                    "n": evaluation.n,
                    "worst_group": evaluation.worst_group.accuracy,
                    "worst_group_title": evaluation.worst_group.title,
                    "worst_cell": cell.accuracy if (cell := evaluation.worst_cell) else None,
                    "average": evaluation.average,
                }


def _of(point: SparsityPoint, split: str) -> Evaluation:
    return point.test if split == "test" else point.validation
