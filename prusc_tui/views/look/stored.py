"""What is stored of the groups of a run and their images, read without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.explore.look import (
    SPLIT,
    Counts,
    Kind,
    Look,
    before_and_after,
    counts_file,
    evaluated_stages,
    look_file,
    read_counts,
    read_look,
)

if TYPE_CHECKING:
    from core.feed.snapshot import Snapshot
    from core.runs.folder import RunFolder


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Groups of one kind, the one that is looked at, and its images.

    Attributes:
        stages: whose networks are compared; empty if there is none yet.
        counts: of all groups; None if they were not counted yet.
        chosen: number of the group.
        by: the stage whose mistakes come first.
        look: the stored images of the group; None if there are none.
    """

    kind: Kind
    stages: tuple[str, ...]
    counts: Counts | None = None
    chosen: int = 0
    by: str = ""
    look: Look | None = None

    @property
    def title(self) -> str:
        """The group as `prusc look` takes it."""
        return self.counts.titles[self.chosen] if self.counts is not None else ""


def read(folder: "RunFolder", snapshot: "Snapshot", kind: Kind, chosen: int | None, last: bool) -> Stored:
    """Read what is stored of a group, the worst one if none is chosen.

    With `last`, the mistakes of the last network come first, else those of the first one.
    """
    stages = before_and_after(evaluated_stages(folder, [stage.name for stage in snapshot.stages], kind))
    counts = _evaluated(snapshot, kind, stages) or read_counts(counts_file(folder, kind, stages))
    if not stages or counts is None:
        return Stored(kind, stages)
    by = stages[-1 if last else 0]
    number = counts.worst(by) if chosen is None or chosen >= len(counts.titles) else chosen
    return Stored(kind, stages, counts, number, by, read_look(look_file(folder, kind, number, stages, by)))


def write_sheet(look: Look, name: str, file: Path) -> str:
    """Write images as one PNG, and say where it is; raises OSError."""
    from core.explore.sheet import sheet
    from prusc_tui.report.look import facts_of, title_of

    file.parent.mkdir(parents=True, exist_ok=True)
    sheet(look, f"{title_of(look)}, {name}", facts_of(look)).save(file, "PNG")
    return f"{len(look.seen)} images in {file}"


def _evaluated(snapshot: "Snapshot", kind: Kind, stages: Sequence[str]) -> Counts | None:
    """Counts by the final evaluations of the run; None if some network was not evaluated on these groups."""
    looks = [snapshot.evaluations.get((stage, SPLIT[kind]), ())[-1:] for stage in stages]
    found = [look.evaluation.cells if kind == "cell" else look.evaluation.groups for one in looks for look in one]
    if len(found) < len(stages) or not found or not all(found):
        return None
    titles, totals = tuple(group.title for group in found[0]), tuple(group.n for group in found[0])
    correct = {stage: tuple(g.correct for g in groups) for stage, groups in zip(stages, found, strict=True)}
    return Counts(kind, titles, totals, correct)
