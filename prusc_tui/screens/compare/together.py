"""Several runs followed by one thread."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.errors import InputError
from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.results.compare import Family, families
from core.runs.folder import RunFolder
from core.runs.record import RunRecord
from prusc_tui.widgets.poller import why_not


class Feed(Protocol):
    """Follows one run: `core.feed.feed.RunFeed`, or its stand-in in tests."""

    def poll(self) -> Snapshot:
        """Return a snapshot of the run; the same object while nothing changed."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Several runs at one moment.

    Attributes:
        records: of the runs, in order; the same tuple while none changed.
        families: runs that differ only by seed, grouped.
        snapshots: of the runs; empty until their streams have been read.
        lost: an error for each unreadable run, which keeps its last state, if any.
    """

    records: tuple[RunRecord, ...]
    families: tuple[Family, ...]
    snapshots: tuple[Snapshot, ...] = ()
    lost: tuple[str, ...] = ()


class Together:
    """Follows several runs. Records come with the first poll; streams may be large and come later."""

    def __init__(
        self,
        folders: Sequence[RunFolder],
        clock: Callable[[], float] = time.time,
        feeds: Sequence[Feed] | None = None,
    ) -> None:
        self._folders = folders
        self._feeds: Sequence[Feed] = feeds or [RunFeed(folder, clock) for folder in folders]
        self._snapshots: dict[int, Snapshot] = {}
        self._seen: Seen | None = None

    def look(self) -> Seen:
        """Read new data; return the same object while nothing changed."""
        before, lost = self._seen, []
        if before is None:
            records = []
            for folder in self._folders:
                try:
                    records.append(folder.settled())
                except (InputError, OSError) as error:
                    lost.append(why_not(error, folder.path))
            self._seen = Seen(tuple(records), tuple(families(records)), (), tuple(lost))
            return self._seen
        for number, feed in enumerate(self._feeds):
            try:
                self._snapshots[number] = feed.poll()
            except (InputError, OSError) as error:
                lost.append(why_not(error, self._folders[number].path))
        snapshots = tuple(self._snapshots[number] for number in sorted(self._snapshots))
        if [*map(id, snapshots)] == [*map(id, before.snapshots)] and tuple(lost) == before.lost:
            return before
        seen = tuple(snapshot.record for snapshot in snapshots)
        if seen == before.records:
            self._seen = Seen(before.records, before.families, snapshots, tuple(lost))
        else:
            self._seen = Seen(seen, tuple(families(seen)), snapshots, tuple(lost))
        return self._seen
