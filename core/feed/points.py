"""The numbers of a run under the names that other programs get: curves by stage, and its final results (no torch)."""

from collections.abc import Iterator
from math import nan
from typing import NamedTuple

from core.events import Evaluated, Event, Restarts, Scalars, Sparsity, StageFinished, Stamped
from core.groups import Evaluation
from core.words import weight

FINAL = "final"
"""First part of the names of the final results of a run."""


class Point(NamedTuple):
    """One number of a run.

    Attributes:
        name: `stage/number`; accuracies are `stage/split/average`, `stage/split/worst_group` and
            `stage/split/groups/group`.
        step: optimisation steps of the stage.
        value: NaN if it was not finite.
        t: time in seconds since 1970.
        about: what an accuracy is measured on, with the number of samples; empty for other numbers.
    """

    name: str
    step: int
    value: float
    t: float
    about: str = ""


def points(stamped: Stamped) -> Iterator[Point]:
    """Yield the numbers of an event; the results of a final checkpoint are `stage/final/…`."""
    t, event = stamped.t, stamped.event
    match event:
        case Scalars(stage, step, _, values):
            for name, value in values.items():
                yield Point(f"{stage}/{name}", step, _number(value), t)
        case Sparsity(stage, step, keep_ratio):
            yield Point(f"{stage}/sparsity", step, 1 - keep_ratio, t)
        case Evaluated(stage, step, split, evaluation, final):
            about = f"accuracy on {split}, n = {evaluation.n:,}"
            for name, value in _accuracies(evaluation):
                yield Point(
                    f"{stage}/{FINAL}/{split}/{name}" if final else f"{stage}/{split}/{name}", step, value, t, about
                )
        case Restarts(stage, step, split) if not event.final:
            members = event.by_weight()
            for same in members:
                of = f"/weight {weight(same.weight)}" if len(members) > 1 else ""
                about = f"mean accuracy of {len(same.worst)} restarts on {split}, n = {event.n:,}"
                for name, shares in (("average", same.average), ("worst_group", same.worst)):
                    yield Point(f"{stage}/{split}/restarts{of}/{name}", step, _mean(shares), t, about)


class Finals:
    """The final results of a run so far, by split those of the last stage that has any.

    `values` has `final/split/average`, `final/split/worst_group`, `final/split/groups/group`, `final/split/n`, the
    number of samples, and `final/sparsity` if weights were pruned.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def add(self, event: Event) -> bool:
        """Take in an event; whether it changed the results."""
        match event:
            case Evaluated(_, _, split, evaluation, True):
                new = {**dict(_accuracies(evaluation)), "n": evaluation.n}
                self._replace(f"{FINAL}/{split}/", {f"{FINAL}/{split}/{name}": value for name, value in new.items()})
            case StageFinished(_, _, float() as keep_ratio):
                self.values[f"{FINAL}/sparsity"] = 1 - keep_ratio
            case _:
                return False
        return True

    def _replace(self, prefix: str, new: dict[str, float]) -> None:
        kept = {name: value for name, value in self.values.items() if not name.startswith(prefix)}
        self.values = kept | new


def _accuracies(evaluation: Evaluation) -> Iterator[tuple[str, float]]:
    yield "average", evaluation.average
    yield "worst_group", evaluation.worst_group.accuracy
    yield from ((f"groups/{group.title}", group.accuracy) for group in evaluation.groups if group.n)


def _number(value: float | None) -> float:
    return nan if value is None else value


def _mean(values: tuple[float, ...]) -> float:
    return sum(map(_number, values)) / len(values) if values else nan
