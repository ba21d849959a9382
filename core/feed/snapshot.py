"""What a screen shows of a run at one moment: immutable, and the same object for as long as nothing changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from core.events import (
    Balanced,
    Choice,
    Clustered,
    EnvironmentsMade,
    Event,
    Restarts,
    Selected,
    Sparsity,
    Warned,
)
from core.feed.series import Series
from core.groups import Evaluation
from core.runs.record import RunRecord, RunStatus
from core.runs.text import safe_text

StageState = Literal["waiting", "running", "done", "reused", "stopped", "failed"]


class Look(NamedTuple):
    """One evaluation: at which step, what, and whether it is that of the checkpoint that the stage hands on.

    `step` is 0 where only the record of the run is left, which does not keep it.
    """

    step: int
    evaluation: Evaluation
    final: bool


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage as it stands.

    Attributes:
        name: the stage.
        state: waiting, running, done, reused, stopped or failed.
        step: steps done.
        total: steps in all; 0 where they cannot be counted.
        started: when it first began, in seconds since 1970; None before.
        seconds: work so far, that before a stop included.
        eta_seconds: seconds left at the present rate, counted from the last step; None where it cannot be told.
        keep_ratio: share of weights kept; None before the first pruning.
    """

    name: str
    state: StageState
    step: int
    total: int
    started: float | None
    seconds: float
    eta_seconds: float | None
    keep_ratio: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A run at the time `taken`.

    Attributes:
        record: what run.json says; its status is `lost` where the process is gone.
        stages: in the order of the recipe.
        series: (stage, name) → numbers over steps; the same Series object until it grows.
        evaluations: (stage, split) → looks along the way, the final one last.
        sparsity: stage → last state of its masks.
        choice: how checkpoint and number of clusters were chosen.
        clusters: composition of the clusters.
        balanced: what the balanced set takes.
        selected: stage → checkpoint handed on.
        warnings: alarms, oldest first.
        log: last lines of the log, safe to print.
        elapsed: seconds of work, stops left out, up to `taken` while the run is running.
        taken: when the snapshot was made, in seconds since 1970.
        mask_states: stage → all states of its masks in the order in which they were said; the last one is that of the
            checkpoint handed on, which may be of an earlier step.
        environments: what the environments are made of.
        restarts: (stage, split) → accuracies of all members at each look, the final ones last.
        outcomes: stage → its lasting events, of whatever kind.
    """

    record: RunRecord
    stages: tuple[StageView, ...]
    series: Mapping[tuple[str, str], Series]
    evaluations: Mapping[tuple[str, str], tuple[Look, ...]]
    sparsity: Mapping[str, Sparsity]
    choice: Choice | None
    clusters: Clustered | None
    balanced: Balanced | None
    selected: Mapping[str, Selected]
    warnings: tuple[Warned, ...]
    log: tuple[str, ...]
    elapsed: float
    taken: float
    mask_states: Mapping[str, tuple[Sparsity, ...]] = field(default_factory=dict)
    environments: EnvironmentsMade | None = None
    restarts: Mapping[tuple[str, str], tuple[Restarts, ...]] = field(default_factory=dict)
    outcomes: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)

    @property
    def status(self) -> RunStatus:
        """queued, running, stopped, failed, finished or lost."""
        return self.record.status

    @property
    def notes(self) -> tuple[str, ...]:
        """Outcomes of kinds that a stage defines for itself, which no view draws: one line each, safe to print."""
        own = (e for events in self.outcomes.values() for e in events if type(e).__module__ != Event.__module__)
        return tuple(safe_text(text) for event in own if (text := event.line()))
