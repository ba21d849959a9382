"""Several runs read together: followed by one thread, and the overlap of their masks."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import combinations

from core.errors import InputError
from core.feed.feed import RunFeed
from core.feed.snapshot import Snapshot
from core.results.compare import Family, families
from core.results.overlap import Overlap, overlap
from core.runs.folder import RunFolder
from core.runs.record import RunRecord
from prusc_tui.widgets.poller import why_not

STAGE = "prune"
"""Stage whose masks are compared."""
MOST = 12
"""Maximal number of runs whose masks are compared; pairs grow quadratically."""

Pairs = Mapping[tuple[str, str], Overlap | None]
"""Ids of two runs → their overlap; None if their networks differ."""


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

    def __init__(self, folders: Sequence[RunFolder], clock: Callable[[], float] = time.time) -> None:
        self._feeds = [(folder, RunFeed(folder, clock)) for folder in folders]
        self._snapshots: dict[str, Snapshot] = {}
        self._seen: Seen | None = None

    def look(self) -> Seen:
        """Read new data; return the same object while nothing changed."""
        before, records, lost = self._seen, list[RunRecord](), list[str]()
        for folder, feed in self._feeds:
            try:
                if before is None:
                    records.append(folder.settled())
                else:
                    self._snapshots[folder.id] = feed.poll()
            except (InputError, OSError) as error:
                lost.append(why_not(error, folder.path))
        snapshots = tuple(self._snapshots[folder.id] for folder, _ in self._feeds if folder.id in self._snapshots)
        if before is not None and [*map(id, snapshots)] == [*map(id, before.snapshots)] and tuple(lost) == before.lost:
            return before
        now = tuple(records) if before is None else tuple(snapshot.record for snapshot in snapshots)
        if before is not None and now == before.records:
            self._seen = Seen(before.records, before.families, snapshots, tuple(lost))
        else:
            kin = tuple(families(now))
            if any(len(family.runs) > 1 for family in kin):
                # Half a second to load, which the tests of differences would take from the event loop.
                import_module("scipy.special")
            self._seen = Seen(now, kin, snapshots, tuple(lost))
        return self._seen


def masked(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Ids of the first runs that have masks."""
    return tuple(
        run.id
        for run in records
        if any(s.name == STAGE and s.status == "done" and s.keep_ratio is not None for s in run.stages)
    )[:MOST]


def overlaps(folders: Sequence[RunFolder]) -> Pairs:
    """Compare the masks of all pairs; call off the event loop."""
    found: dict[tuple[str, str], Overlap | None] = {}
    for first, second in combinations(folders, 2):
        try:
            found[first.id, second.id] = overlap(first, second, STAGE)
        except (InputError, OSError):
            found[first.id, second.id] = None
    return found
