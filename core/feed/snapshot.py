"""State of a run at one moment, for display: immutable, and the same object while nothing changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from core.events import (
    Balanced,
    Choice,
    DoubtSettled,
    EnvironmentsMade,
    Event,
    NetworkKept,
    PseudoGroupsFound,
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
_NOTED = (NetworkKept, DoubtSettled)
"""Events of this package that have no view of their own."""


class Look(NamedTuple):
    """One evaluation: its step, the result, and whether it is that of the stage's final checkpoint.

    `step` is 0 if only the record of the run is left, which does not have it.
    """

    step: int
    evaluation: Evaluation
    final: bool


@dataclass(frozen=True, slots=True)
class StageView:
    """Current state of one stage.

    Attributes:
        name: the stage.
        state: waiting, running, done, reused, stopped or failed.
        step: completed steps.
        total: number of steps; 0 if unknown.
        started: time of its first start, in seconds since 1970; None before.
        seconds: work so far, including work before a stop.
        eta_seconds: seconds left at the time of the snapshot; None if unknown.
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
    """State of a run at time `taken`.

    Attributes:
        record: content of run.json; the status is `lost` if the process no longer exists.
        stages: in the order of the recipe.
        series: (stage, name) → numbers over steps; the same Series object until it grows.
        evaluations: (stage, split) → evaluations, the final one last.
        sparsity: stage → last state of its masks.
        choice: of checkpoint and number of clusters.
        pseudo_groups: composition of the pseudo-groups.
        balanced: composition of the balanced set.
        selected: stage → selected checkpoint.
        warnings: oldest first.
        log: last lines of the log, safe to print.
        elapsed: seconds of work without stops, up to `taken` for a running run.
        taken: time of the snapshot, in seconds since 1970.
        mask_states: stage → all states of its masks, in the order of the events; the last one is that of the final
            checkpoint, which may be of an earlier step.
        environments: composition of the environments.
        restarts: (stage, split) → accuracies of all members at each evaluation, the final ones last.
        outcomes: stage → all of its lasting events.
        software: versions of what computed it last; empty for runs by earlier versions.
    """

    record: RunRecord
    stages: tuple[StageView, ...]
    series: Mapping[tuple[str, str], Series]
    evaluations: Mapping[tuple[str, str], tuple[Look, ...]]
    sparsity: Mapping[str, Sparsity]
    choice: Choice | None
    pseudo_groups: PseudoGroupsFound | None
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
    software: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> RunStatus:
        """queued, running, stopped, failed, finished or lost."""
        return self.record.status

    @property
    def notes(self) -> tuple[str, ...]:
        """Outcomes without a view of their own, such as events that stages define: one line each, safe to print."""
        every = (event for events in self.outcomes.values() for event in events)
        own = (e for e in every if isinstance(e, _NOTED) or not type(e).__module__.startswith("core.events."))
        return tuple(safe_text(text) for event in own if (text := event.line()))
