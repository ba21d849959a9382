"""All runs as rows of a table; unchanged rows stay the same objects."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import InputError
from core.feed.progress import ProgressReader
from core.runs.disk import Signature, settled, signature
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord, worked

READ_AGAIN = 60
"""Looks after which the index is read again even if unchanged, as runs on other machines may have come back."""
MOST_FOLLOWED = 48
"""Maximum number of active runs whose folders are read; for others only the index is used."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Attributes:
        summary: as returned by `RunRecord.summary`; `seconds` of a running run are current, in whole seconds.
        stage: current stage; empty if the run is not running.
        progress: completed share of the stage, in whole per cent; None if unknown.
        left: whole seconds to the end of the stage; None if unknown.
        stopping: a stop was requested, but the run has not stopped yet.
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
        edition: increases whenever more than clocks and progress bars changed, so rows must be filtered and sorted.
    """

    all: tuple[Row, ...] = ()
    by_id: Mapping[str, Row] = field(default_factory=dict)
    edition: int = 0

    def __len__(self) -> int:
        return len(self.all)

    @property
    def running(self) -> int:
        """Number of running runs."""
        return sum(row.summary["status"] == "running" for row in self.all)

    def get(self, id: str | None) -> Row | None:
        """The row of a run, or None."""
        return self.by_id.get(id) if id is not None else None


class Board:
    """Reads the index and the folders of active runs.

    Args:
        home: of the runs.
        clock: returns seconds since 1970.
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
        """Read again; returns the same object if nothing changed.

        Raises:
            InputError: the index cannot be read.
        """
        now = signature(self._home.index)
        fresh = now is None or now != self._signature or self._looks % READ_AGAIN == 0
        self._looks += 1
        if fresh:
            self._summaries = self._log.all()
            # A file written just now may change again with the same signature.
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
        """Row of an active run; None if its folder cannot be read."""
        followed = self._followed.get(id)
        if followed is None:
            summary = self._log.get(id)
            return Row(_whole(summary)) if summary is not None else None
        try:
            return followed.look(self._clock())
        except InputError:
            return None


class _Followed:
    """Record and progress of an active run."""

    def __init__(self, home: Home, id: str) -> None:
        self._folder = RunFolder(home, id)
        self._reader = ProgressReader(self._folder.events)
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
        current = self._reader.look()
        summary = record.summary()
        summary = _whole(summary | {"seconds": worked(summary, now)})
        progress = None if current.progress is None else int(100 * current.progress) / 100
        left = None
        if current.left is not None and current.total > 1:
            left = float(round(max(0.0, current.time + current.left - now)))
        return Row(summary, current.stage, progress, left, self._folder.stop_requested())


def _whole(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary with whole seconds if running, so that a row changes at most once a second."""
    return summary | {"seconds": float(int(summary["seconds"]))} if summary["status"] == "running" else summary


def _matters(row: Row, old: Row | None) -> bool:
    """Whether a change may affect filtering, sorting or layout of the table."""
    if old is None or (row.progress is None) != (old.progress is None):
        return True
    return {**row.summary, "seconds": 0} != {**old.summary, "seconds": 0}
