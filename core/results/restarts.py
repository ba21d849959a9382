"""The networks of runs that train several in parallel: individually, and as mean and spread."""

from collections.abc import Iterator, Sequence
from math import nan
from typing import Any, NamedTuple

from core.runs.record import RunRecord
from core.spread import Spread, spread

STAGE = "train"
"""The stage that trains the networks."""


class Member(NamedTuple):
    """One trained network on one split; accuracies are shares in [0, 1] of `n` samples."""

    run: str
    seed: int
    restart: int
    weight: float
    n: int
    average: float
    worst: float


class Pool(NamedTuple):
    """Networks that differ only by seed and restart, with the spreads of their accuracies.

    The members are unique, sorted by seed, then restart.
    """

    members: tuple[Member, ...]
    average: Spread
    worst: Spread

    @property
    def samples(self) -> int:
        return self.members[0].n

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(member.seed for member in self.members))

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(member.run for member in self.members))

    def to_json(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "average": self.average.to_json(),
            "worst": self.worst.to_json(),
            "seeds": list(self.seeds),
            "runs": list(self.runs),
            "members": [
                {"run": m.run, "seed": m.seed, "restart": m.restart, "average": m.average, "worst": m.worst}
                for m in self.members
            ],
        }


def splits(record: RunRecord) -> tuple[str, ...]:
    """Splits on which the networks of a run were evaluated; empty if it does not train several, or not yet."""
    return tuple(split for stage in record.stages if stage.name == STAGE for split in stage.restarts)


def members(record: RunRecord, split: str) -> Iterator[Member]:
    """All networks of a run with their accuracies on `split`."""
    for stage in record.stages:
        if stage.name == STAGE and split in stage.restarts:
            columns = stage.restarts[split]
            for weight, restart, average, worst in zip(
                columns["weights"], columns["restarts"], columns["average"], columns["worst"], strict=True
            ):
                shares = (nan if share is None else share for share in (average, worst))  # JSON has no NaN
                yield Member(record.id, record.seed, restart, weight, columns["n"], *shares)


def weights(record: RunRecord) -> tuple[float, ...]:
    """Penalty weights of a run; (0.0,) for an objective without penalty."""
    return tuple(dict.fromkeys(member.weight for split in splits(record)[:1] for member in members(record, split)))


def pool(records: Sequence[RunRecord], split: str, weight: float) -> Pool | None:
    """Pool the networks with one penalty weight, over runs that differ only by seed and number of restarts.

    Of two networks with the same seed and restart, only that of the newer run is counted. If the split has different
    sizes, as in different versions of the program, only networks with that of the newest run are counted. None if no
    run was evaluated on the split.
    """
    ordered = sorted(records, key=lambda record: record.created or 0.0)
    found = [member for record in ordered for member in members(record, split) if member.weight == weight]
    if not found:
        return None
    by_place = {(member.seed, member.restart): member for member in found if member.n == found[-1].n}
    chosen = tuple(by_place[place] for place in sorted(by_place))
    return Pool(chosen, spread([m.average for m in chosen]), spread([m.worst for m in chosen]))
