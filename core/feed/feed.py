"""The one source for all views of a run: immutable snapshots of its folder."""

import time
from collections.abc import Callable
from types import MappingProxyType

from core.events import Balanced, Choice, EnvironmentsMade, PseudoGroupsFound, Selected
from core.feed.fold import E, Fold, StageFold
from core.feed.snapshot import Look, Snapshot, StageState, StageView
from core.groups import Evaluation
from core.runs.disk import Signature, settled, signature
from core.runs.folder import RunFolder
from core.runs.record import RunRecord, StageRecord
from core.runs.stream import EventReader

# State of a stage that has started but not ended, by the status of its run; with any other status it is stopped.
_BEGUN: dict[str, StageState] = {"running": "running", "failed": "failed", "finished": "done"}


class RunFeed:
    """Follows one run, whether it is in this process, in another one, on another machine, or has ended."""

    def __init__(self, folder: RunFolder, clock: Callable[[], float] = time.time) -> None:
        """Follow `folder`; `clock` returns seconds since 1970."""
        self._folder = folder
        self._clock = clock
        self._reader = EventReader(folder.events)
        self._fold = Fold()
        self._record: RunRecord | None = None
        self._signature: Signature | None = None
        self._snapshot: Snapshot | None = None

    def poll(self, given_up: Callable[[], bool] = lambda: False) -> Snapshot:
        """Read new events; returns the same object if nothing changed.

        The record is read before the events, so the snapshot of an ended run has all of its events.

        Args:
            given_up: called after every megabyte or so of a long stream; returns whether to stop reading.

        Raises:
            InputError: the run no longer exists, or its record cannot be read.
        """
        record = self._folder.settled(self._read_record())
        changed = self._snapshot is None or record != self._snapshot.record
        for chunk in self._reader.chunks():
            for stamped in chunk:
                self._fold.add(stamped)
            changed = changed or bool(chunk)
            if given_up():
                break
        if self._snapshot is None or changed:
            self._snapshot = _snapshot(record, self._fold, self._clock())
        return self._snapshot

    def _read_record(self) -> RunRecord:
        now = signature(self._folder.record_path)
        if self._record is None or self._signature is None or now != self._signature:
            self._record = self._folder.record()
            self._signature = now if settled(now) else None
        return self._record


def _snapshot(record: RunRecord, fold: Fold, now: float) -> Snapshot:
    running = now if record.status == "running" else None
    records = {stage.name: stage for stage in record.stages}
    names = [*records, *(name for name in fold.stages if name not in records)]
    evaluations = {
        (stage.name, split): (Look(0, Evaluation.from_json(split, value), True),)
        for stage in record.stages
        for split, value in stage.evaluations.items()
        if (stage.name, split) not in fold.evaluations
    }
    return Snapshot(
        record=record,
        stages=tuple(
            _stage(records.get(name) or StageRecord(name), fold.stages.get(name) or StageFold(), record.status, running)
            for name in names
        ),
        series=MappingProxyType({key: buffer.view() for key, buffer in fold.series.items()}),
        evaluations=MappingProxyType(evaluations | {key: tuple(looks) for key, looks in fold.evaluations.items()}),
        sparsity=MappingProxyType({stage: states[-1] for stage, states in fold.sparsity.items() if states}),
        mask_states=MappingProxyType({stage: tuple(states) for stage, states in fold.sparsity.items() if states}),
        choice=_only(fold, Choice),
        pseudo_groups=_only(fold, PseudoGroupsFound),
        balanced=_only(fold, Balanced),
        environments=_only(fold, EnvironmentsMade),
        restarts=MappingProxyType({key: tuple(spreads) for key, spreads in fold.restarts.items() if spreads}),
        selected=MappingProxyType(fold.outcome(Selected)),
        outcomes=MappingProxyType({stage: tuple(events) for stage, events in fold.outcomes.items()}),
        warnings=tuple(fold.warnings),
        log=tuple(fold.log),
        elapsed=record.seconds if fold.watch.first is None else fold.watch.seconds(running),
        taken=now,
        software=MappingProxyType(fold.software),
    )


def _only(fold: Fold, kind: type[E]) -> E | None:
    return next(reversed(fold.outcome(kind).values()), None)


def _stage(record: StageRecord, folded: StageFold, status: str, now: float | None) -> StageView:
    """Merge the record and the events of a stage; the events are newer."""
    state: StageState = folded.state
    if state == "waiting" and record.status == "done":
        state = "reused" if record.reused else "done"
    elif state == "running" or (state == "waiting" and record.status == "running"):
        state = _BEGUN.get(status, "stopped")
    if folded.seconds is not None:
        seconds = folded.seconds
    elif folded.watch.first is None:
        seconds = record.seconds
    else:
        seconds = folded.watch.seconds(now)
    return StageView(
        name=record.name,
        state=state,
        step=folded.step,
        total=folded.total,
        started=folded.watch.first,
        seconds=seconds,
        eta_seconds=None if folded.ends is None or now is None or state != "running" else max(0.0, folded.ends - now),
        keep_ratio=record.keep_ratio if folded.keep_ratio is None else folded.keep_ratio,
    )
