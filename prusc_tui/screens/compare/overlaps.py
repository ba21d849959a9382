"""The overlap of the masks of several runs, pair by pair."""

from collections.abc import Mapping, Sequence

from core.errors import InputError
from core.results.overlap import Overlap, overlap
from core.runs.folder import RunFolder
from core.runs.record import RunRecord

STAGE = "prune"
"""Stage whose masks are compared."""
MOST = 12
"""Maximal number of runs; pairs grow quadratically."""

Pairs = Mapping[tuple[str, str], Overlap | None]
"""Ids of two runs → their overlap; None if their networks differ."""


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
    for number, second in enumerate(folders):
        for first in folders[:number]:
            try:
                found[first.id, second.id] = overlap(first, second, STAGE)
            except (InputError, OSError):
                found[first.id, second.id] = None
    return found
