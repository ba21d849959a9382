"""All runs as the rows of a table; what has not changed stays the very same object."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import InputError
from core.feed.progress import Pulse
from core.runs.disk import Signature, settled, signature
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord, worked

READ_AGAIN = 60
"""Looks after which the index is read again though it did not change: a run on another machine may be heard again."""
MOST_FOLLOWED = 48
"""Active runs whose folders are looked into; the others show what the index says."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Attributes:
        summary: as `RunRecord.summary` gives it; `seconds` of a running run goes on, whole.
        stage: at work; empty where the run is not.
        progress: share of the stage that is done, in whole per cents; None where it cannot be counted.
        left: whole seconds to the end of the stage; None where it cannot be told.
        stopping: somebody asked it to stop and it has not answered.
    """

    summary: Mapping[str, Any]
    stage: str = ""
    progress: float | None = None
    left: float | None = None
    stopping: bool = False

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.summary["id"])

    @property
    def status(self) -> str:
        """The run's status."""
        return str(self.summary["status"])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """All runs at one moment.

    Attributes:
        all: newest first.
        by_id: the same by id.
        edition: grows whenever more than the clocks and progress bars changed: what is filtered and sorted by.
    """

    all: tuple[Row, ...] = ()
    by_id: Mapping[str, Row] = field(default_factory=dict)
    edition: int = 0

    def __len__(self) -> int:
        return len(self.all)

    @property
    def running(self) -> int:
        """Number of runs at work."""
        return sum(row.summary["status"] == "running" for row in self.all)

    def get(self, id: str | None) -> Row | None:
        """The row of a run; None where there is none."""
        return self.by_id.get(id) if id is not None else None


class Board:
    """Looks at the index, and into the folders of the runs that are queued or running.

    Args:
        home: where the runs are.
        clock: gives the seconds since 1970.
    """

    def __init__(self, home: Home, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._clock = clock
        self._log = RunLog(home, clock)
        self._signature: Signature | None = None
        self._summaries: list[dict[str, Any]] = []
        self._looks = 0
        self._followed: dict[str, _Followed] = {}
        self._rows = Rows()

    def look(self) -> Rows:
        """Look again; the very same object comes back while nothing changed.

        Raises:
            InputError: the index cannot be read.
        """
        now = signature(self._home.index)
        fresh = now is None or now != self._signature or self._looks % READ_AGAIN == 0
        self._looks += 1
        if fresh:
            self._summaries = self._log.all()
            # A file that was written just now may change again and look the same.
            self._signature = now if settled(now) else None
        active = [s["id"] for s in self._summaries if s["status"] in ACTIVE]
        self._followed = {id: self._followed.get(id) or _Followed(self._home, id) for id in active[:MOST_FOLLOWED]}
        self._rows = self._put_together(fresh, active)
        return self._rows

    def _put_together(self, fresh: bool, active: list[str]) -> Rows:
        before, known = self._rows, self._rows.by_id
        changed: dict[str, Row] = {}
        for summary in self._summaries if fresh else ():
            old = known.get(summary["id"])
            if old is None or summary["id"] in self._followed or old.summary != summary:
                changed[summary["id"]] = Row(summary)
        for id in active:
            row = self._row_of(id)
            if row is not None:
                changed[id] = row
        changed = {id: row for id, row in changed.items() if row != known.get(id)}
        same_runs = not fresh or [row.id for row in before.all] == [s["id"] for s in self._summaries]
        if not changed and same_runs:
            return before
        rows = tuple(changed.get(s["id"]) or known[s["id"]] for s in self._summaries)
        moved = not same_runs or any(_matters(row, known.get(id)) for id, row in changed.items())
        return Rows(rows, {row.id: row for row in rows}, before.edition + moved)

    def _row_of(self, id: str) -> Row | None:
        """What there is to say of an active run; None where its folder cannot be read just now."""
        followed = self._followed.get(id)
        if followed is None:
            summary = self._log.get(id)
            return Row(_whole(summary)) if summary is not None else None
        try:
            return followed.look(self._clock())
        except InputError:
            return None


class _Followed:
    """One active run: its record, and the end of its stream."""

    def __init__(self, home: Home, id: str) -> None:
        self._folder = RunFolder(home, id)
        self._pulse = Pulse(self._folder.events)
        self._record: RunRecord | None = None
        self._signature: Signature | None = None

    def look(self, now: float) -> Row:
        sign = signature(self._folder.record_path)
        if self._record is None or sign != self._signature:
            self._record = self._folder.record()
            self._signature = sign if settled(sign) else None
        record = self._folder.settled(self._record)
        if record.status != "running":
            return Row(record.summary())
        beat = self._pulse.look()
        summary = record.summary()
        summary = _whole(summary | {"seconds": worked(summary, now)})
        progress = None if beat.progress is None else int(100 * beat.progress) / 100
        left = None if beat.left is None or beat.total <= 1 else float(round(max(0.0, beat.said + beat.left - now)))
        return Row(summary, beat.stage, progress, left, self._folder.stop_requested())


def _whole(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary with whole seconds where they go on, so that a row changes once a second at most."""
    return summary | {"seconds": float(int(summary["seconds"]))} if summary["status"] == "running" else summary


def _matters(row: Row, old: Row | None) -> bool:
    """Whether a run may have to move in the table, in or out of it, or needs more room there."""
    if old is None or (row.progress is None) != (old.progress is None):
        return True
    return {**row.summary, "seconds": 0} != {**old.summary, "seconds": 0}
