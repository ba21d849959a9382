"""What is known of the pseudo-groups of a run, in sentences."""

from rich.text import Text

from core.events import conflicts_sentence
from core.feed.snapshot import Snapshot
from prusc_tui import words
from prusc_tui.palette import Palette
from prusc_tui.report.frame import chosen_clusters, finder_facts, quality_sentence, warning_lines
from prusc_tui.widgets.bars import heading, ink, safe, wrap


def facts(snapshot: Snapshot, width: int, palette: Palette) -> list[Text]:
    """The finder, what is known of its pseudo-groups, and warnings; before that, why there are none yet."""
    found, balanced = snapshot.pseudo_groups, snapshot.balanced
    if found is None:
        return wrap(ink(waiting(snapshot), palette.muted), width)
    told = [conflicts_sentence(found.conflicts), quality_sentence(found.quality)]
    if balanced is not None:
        total = sum(map(sum, found.table))
        share = f" of {total:,} images" if total else ""
        told.append(f"the balanced set has {balanced.size:,} entries{share}, by rule '{safe(balanced.rule)}'")
    reasons = [". ".join(text[:1].upper() + text[1:] for text in told if text), safe(found.reason)]
    if snapshot.choice is not None and chosen_clusters(snapshot.choice, found) is not None:
        reasons.append(f"Why: {safe(snapshot.choice.reason)}")
    stages = {found.stage, "represent", "balance", *found.finders}
    doubts = [warned for warned in snapshot.warnings if warned.stage in stages]
    return [
        heading("Finder", " · ".join(finder_facts(snapshot.choice, found)), width, palette),
        *(line for reason in reasons if reason for line in wrap(ink(f"{reason}.", palette.muted), width)),
        *warning_lines(doubts, width, palette, len(doubts)),
    ]


def waiting(snapshot: Snapshot) -> str:
    """Say why there are no pseudo-groups; empty if there are."""
    if snapshot.pseudo_groups is not None:
        return ""
    states = {stage.name: stage.state for stage in snapshot.stages}
    if states.get("cluster") == "running":
        return "Trying several checkpoints and numbers of clusters …"
    return words.waiting(
        snapshot, "pseudo-groups", "cluster" if "cluster" in states and "find" not in states else "find"
    )
