"""The evaluation that represents each stage of a run, and its basis of comparison."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.events import NetworkKept, Warned
from core.feed.snapshot import Look, Snapshot, StageView
from core.groups import Evaluation


@dataclass(frozen=True, slots=True)
class Result:
    """The evaluation of one stage.

    Attributes:
        step: step of the network that was evaluated.
        final: whether it is of the stage's chosen checkpoint.
        before: the first stage's evaluation on the same split; None for the first stage itself, or without one.
        restarts: networks that the stage trained side by side; the evaluation is that of one.
        keep_ratio: share of weights kept; None if nothing is masked.
    """

    stage: str
    step: int
    final: bool
    evaluation: Evaluation
    before: Evaluation | None
    restarts: int = 1
    keep_ratio: float | None = None

    @property
    def source(self) -> str:
        """Split, number of samples, the step if the stage has not ended, and the number of restarts if several."""
        step = "" if self.final else f" at step {self.step:,}"
        one = f", 1 of {self.restarts} restarts" if self.restarts > 1 else ""
        return f"{self.evaluation.split}{step}{one}, n {self.evaluation.n:,}"

    def change(self, measure: Callable[[Evaluation], float]) -> float | None:
        """Change of a measure since the first stage, as a share."""
        return None if self.before is None else measure(self.evaluation) - measure(self.before)


def results(snapshot: Snapshot) -> list[Result]:
    """One result for each stage that was evaluated: the final one on test, else the latest look at validation.

    A stage whose network a later one kept is left out, unless it is the first: both have the same result.
    """
    recorded = ((stage.name, value) for stage in snapshot.record.stages for value in stage.restarts.values())
    counts = {stage: len(value.get("restarts", ())) for stage, value in recorded}
    counts |= {stage: len(looks[-1].restarts) for (stage, _), looks in snapshot.restarts.items() if looks}
    found = results_of(snapshot.stages, snapshot.evaluations, counts)
    kept = {e.source for outcome in snapshot.outcomes.values() for e in outcome if isinstance(e, NetworkKept)}
    return [result for i, result in enumerate(found) if i == 0 or result.stage not in kept]


def worst_cell_of(snapshot: Snapshot) -> tuple[str, Evaluation] | None:
    """The last stage whose evaluation on validation has a worst cell, and that evaluation."""
    looks = ((stage.name, snapshot.evaluations.get((stage.name, "validation"))) for stage in snapshot.stages)
    found = [(stage, seen[-1].evaluation) for stage, seen in looks if seen and seen[-1].evaluation.worst_cell]
    return found[-1] if found else None


def headline(snapshot: Snapshot) -> tuple[Warned, ...]:
    """Warnings that the network of the newest evaluated stage is not to be used: said before anything else."""
    newest = [result.stage for result in results(snapshot)][-1:]
    return tuple(warned for warned in snapshot.warnings if warned.serious and warned.stage in newest)


def results_of(
    stages: tuple[StageView, ...],
    evaluations: Mapping[tuple[str, str], tuple[Look, ...]],
    members: Mapping[str, int] = MappingProxyType({}),
) -> list[Result]:
    """As `results`, from the relevant parts of a snapshot, and the number of networks that a stage trained."""
    found: list[Result] = []
    for stage in stages:
        looks = {split: evaluations.get((stage.name, split)) for split in ("test", "validation")}
        split, seen = next(((split, some) for split, some in looks.items() if some), ("", None))
        if seen is None or not (look := seen[-1]).evaluation.n:
            continue
        first = evaluations.get((found[0].stage, split)) if found else None
        before = first[-1].evaluation if first and first[-1].evaluation.n else None
        many = members.get(stage.name, 1)
        found.append(Result(stage.name, look.step, look.final, look.evaluation, before, many, stage.keep_ratio))
    return found
