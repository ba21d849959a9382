"""The fold of a stream: from the events of a run to its state, across stops and resumes."""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeVar

from core.events import (
    DoubtSettled,
    Evaluated,
    Event,
    Logged,
    Progress,
    Restarts,
    RunFinished,
    RunStarted,
    Scalars,
    Sparsity,
    StageFinished,
    StageReused,
    StageStarted,
    Stamped,
    Warned,
    latest,
)
from core.feed.series import SeriesBuffer
from core.feed.snapshot import Look, StageState
from core.runs.text import safe_text

LOG_LINES = 200

E = TypeVar("E", bound=Event)
L = TypeVar("L", Look, Restarts)


@dataclass(slots=True)
class Stopwatch:
    """Seconds of work over several sessions; a session without an end ends with its last event."""

    first: float | None = None
    worked: float = 0.0
    since: float | None = None
    last: float = 0.0

    def start(self, t: float) -> None:
        """Start a session."""
        self.stop(self.last)
        self.first = t if self.first is None else self.first
        self.since = self.last = t

    def stop(self, t: float) -> None:
        """End the current session, if any."""
        if self.since is not None:
            self.worked += max(0.0, t - self.since)
            self.since = None

    def seconds(self, now: float | None) -> float:
        """Work up to `now`; None for the last event."""
        if self.since is None:
            return self.worked
        return self.worked + max(0.0, (self.last if now is None else now) - self.since)


@dataclass(slots=True)
class StageFold:
    """State of one stage.

    `seconds` is the stage's own measurement once it is done, `ends` the time at which it expects to end.
    """

    state: StageState = "waiting"
    step: int = 0
    total: int = 0
    seconds: float | None = None
    keep_ratio: float | None = None
    watch: Stopwatch = field(default_factory=Stopwatch)
    ends: float | None = None


class Fold:
    """State after the events so far."""

    def __init__(self) -> None:
        self.watch = Stopwatch()
        self.stages: dict[str, StageFold] = {}
        self.series: dict[tuple[str, str], SeriesBuffer] = {}
        self.evaluations: dict[tuple[str, str], list[Look]] = {}
        self.sparsity: dict[str, list[Sparsity]] = {}
        self.restarts: dict[tuple[str, str], list[Restarts]] = {}
        self.outcomes: dict[str, list[Event]] = {}
        self.warnings: dict[Warned, None] = {}
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.current = ""
        self.software: dict[str, str] = {}

    def outcome(self, kind: type[E]) -> dict[str, E]:
        """Stage → its lasting event of a class that each stage emits at most once."""
        return {stage: e for stage, events in self.outcomes.items() for e in events if isinstance(e, kind)}

    def add(self, stamped: Stamped) -> None:
        """Process one event."""
        t, event = stamped.t, stamped.event
        stage_name: str = getattr(event, "stage", "")
        if event.lasts and stage_name:
            self.outcomes[stage_name] = latest(self.outcomes.get(stage_name, ()), event)
        match event:
            case Scalars(stage, step, epoch, values):
                self._step(stage, step, t)
                for name, value in values.items():
                    key = stage, name
                    if key not in self.series:
                        self.series[key] = SeriesBuffer()
                    self.series[key].append(step, epoch, t, value)
            case Progress(stage, step, total, left):
                self._step(stage, step, t)
                fold = self._stage(stage)
                fold.total, fold.ends = total, None if left is None else t + left
            case Logged(text):
                self.log.extend(safe_text(line) for line in text.splitlines())
            case Evaluated(stage, step, split, evaluation, final):
                self._touch(stage, t)
                _look(self.evaluations.setdefault((stage, split), []), Look(step, evaluation, final))
            case Sparsity(stage, step, keep_ratio) as sparsity:
                self._touch(stage, t).keep_ratio = keep_ratio
                states = self.sparsity.setdefault(stage, [])
                # The last state is that of the final checkpoint, which may be of an earlier step.
                states[:] = [old for old in states if old.step != step]
                states.append(sparsity)
            case Restarts(stage, _, split) as restarts:
                self._touch(stage, t)
                _look(self.restarts.setdefault((stage, split), []), restarts)
            case Warned() as warned:
                self.warnings[warned] = None
            case DoubtSettled(stage, code):
                self._touch(stage, t)
                self.warnings = {warned: None for warned in self.warnings if warned.code != code}
            case RunStarted() as started:
                self.watch.start(t)
                self.software = started.software
                for stage_fold in self.stages.values():
                    stage_fold.watch.stop(stage_fold.watch.last)
                    stage_fold.ends = None
            case RunFinished():
                self.watch.stop(t)
                for stage_fold in self.stages.values():
                    stage_fold.watch.stop(t)
            case StageStarted(stage, total, start):
                self._start(stage, total, start, t)
            case StageReused(stage):
                self._stage(stage).state = "reused"
            case StageFinished(stage, seconds, keep_ratio):
                self._finish(stage, seconds, keep_ratio, t)
            case _ if stage_name:
                self._touch(stage_name, t)
        self.watch.last = t

    def _stage(self, name: str) -> StageFold:
        self.current = name
        if name not in self.stages:
            self.stages[name] = StageFold()
        return self.stages[name]

    def _touch(self, name: str, t: float) -> StageFold:
        stage = self._stage(name)
        stage.watch.last = t
        return stage

    def _step(self, name: str, step: int, t: float) -> None:
        stage = self._touch(name, t)
        stage.step = max(stage.step, step)

    def _start(self, name: str, total: int, start: int, t: float) -> None:
        """Start a stage, or continue it at step `start`; steps after that are repeated, so their values are dropped."""
        stage = self._stage(name)
        stage.state, stage.step, stage.total, stage.seconds = "running", start, total, None
        stage.ends = None
        stage.watch.start(t)
        # Values at step `start` stay, except if the stage starts over.
        first_dropped = start + 1 if start else 0
        for (owner, _), buffer in self.series.items():
            if owner == name:
                buffer.cut(first_dropped)
        for (owner, _), looks in self.evaluations.items():
            if owner == name:
                looks[:] = [look for look in looks if look.step < first_dropped and not look.final]
        for (owner, _), spreads in self.restarts.items():
            if owner == name:
                spreads[:] = [spread for spread in spreads if spread.step < first_dropped and not spread.final]
        if name in self.sparsity:
            self.sparsity[name] = [state for state in self.sparsity[name] if state.step < first_dropped]

    def _finish(self, name: str, seconds: float, keep_ratio: float | None, t: float) -> None:
        stage = self._touch(name, t)
        stage.watch.stop(t)
        stage.seconds = seconds
        if keep_ratio is not None:
            stage.keep_ratio = keep_ratio
        if stage.state != "reused":
            stage.state = "done"
            stage.step = stage.total or stage.step


def _look(looks: list[L], new: L) -> None:
    """Add an evaluation; it replaces the one of the same step (after a resume) and the previous final one."""
    looks[:] = [old for old in looks if old.final != new.final or not (new.final or old.step == new.step)]
    looks.append(new)
