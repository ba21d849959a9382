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
    """Return how the clusters were chosen and any warnings; before that, why there are none yet."""
    if snapshot.clusters is None:
        return wrap(ink(waiting(snapshot), palette.muted), width)
    doubts = [warned for warned in snapshot.warnings if warned.stage in STAGES]
    return [*choice(snapshot, width, palette), *warning_lines(doubts, width, palette, len(doubts))]


def choice(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """Return how checkpoint and number of clusters were chosen, and the size of the balanced set."""
    clusters, chosen, balanced = snapshot.clusters, snapshot.choice, snapshot.balanced
    told = [f"k = {len(clusters.table)}"] if clusters is not None else []
    lines: list[Text] = []
    if chosen is not None and chosen.candidates:
        taken = chosen.candidates[chosen.chosen]
        told = [*told, f"from {trained_to(taken['epoch'])}", f"skew {taken['skew']:.2f}"]
        lines += wrap(ink(f"Why: {safe(chosen.reason)}.", palette.muted), width)
    if balanced is not None:
        total = sum(map(sum, clusters.table)) if clusters is not None else 0
        share = f" of {total:,} images" if total else ""
        text = f"The balanced set has {balanced.size:,} entries{share}, by rule '{safe(balanced.rule)}'."
        lines += wrap(ink(text, palette.muted), width)
    return [heading("Choice", " · ".join(told), width, palette), *lines]


def waiting(snapshot: Snapshot) -> str:
    """Say why there are no clusters; empty if there are."""
    if snapshot.clusters is not None:
        return ""
    if any(stage.name == "cluster" and stage.state == "running" for stage in snapshot.stages):
        return "Trying several checkpoints and numbers of clusters …"
    return words.waiting(snapshot, "clusters", "cluster")
