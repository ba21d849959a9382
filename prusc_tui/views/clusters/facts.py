"""Facts about the clusters: how they were chosen, size of the balanced set, warnings."""

from rich.text import Text

from core.feed.snapshot import Snapshot
from prusc_tui import words
from prusc_tui.palette import Palette
from prusc_tui.report.frame import trained_to, warning_lines
from prusc_tui.widgets.bars import heading, ink, safe, wrap

STAGES = ("represent", "cluster", "balance")
"""The stages that make or use clusters."""


def facts(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """How checkpoint and number of clusters were chosen, and warnings; before that, why there are none yet."""
    clusters, chosen, balanced = snapshot.clusters, snapshot.choice, snapshot.balanced
    if clusters is None:
        return wrap(ink(waiting(snapshot), palette.muted), width)
    told, reasons = [f"k = {len(clusters.table)}"], []
    if chosen is not None and chosen.candidates:
        taken = chosen.candidates[chosen.chosen]
        told += [f"from {trained_to(taken['epoch'])}", f"skew {taken['skew']:.2f}"]
        reasons.append(f"Why: {safe(chosen.reason)}.")
    if balanced is not None:
        total = sum(map(sum, clusters.table))
        share = f" of {total:,} images" if total else ""
        reasons.append(f"The balanced set has {balanced.size:,} entries{share}, by rule '{safe(balanced.rule)}'.")
    doubts = [warned for warned in snapshot.warnings if warned.stage in STAGES]
    return [
        heading("Choice", " · ".join(told), width, palette),
        *(line for reason in reasons for line in wrap(ink(reason, palette.muted), width)),
        *warning_lines(doubts, width, palette, len(doubts)),
    ]


def waiting(snapshot: Snapshot) -> str:
    """Say why there are no clusters; empty if there are."""
    if snapshot.clusters is not None:
        return ""
    if any(stage.name == "cluster" and stage.state == "running" for stage in snapshot.stages):
        return "Trying several checkpoints and numbers of clusters …"
    return words.waiting(snapshot, "clusters", "cluster")
