"""The groups of a run, one of which is looked at: as bars if there is room, else as a table."""

from typing import TYPE_CHECKING

from rich.text import Text

from core.groups import wilson_interval
from core.words import percent
from prusc_tui.palette import Palette
from prusc_tui.report.look import CURSOR, counted
from prusc_tui.widgets.bars import fit, heading, ink, interval_bar, safe, shorten, wrap

if TYPE_CHECKING:
    from core.explore.look import Counts

HEADS = 2
"""Lines above the first row of the table."""
STAGE, VALUE = 12, 7
"""Cells of the name of a stage, and of its accuracy."""


def choice(counts: "Counts", chosen: int, about: str, width: int, height: int, palette: Palette) -> list[Text]:
    """At most `height` lines: all groups, or those around the chosen one; below them, if there is room, a text.

    Every group with images has a bar for each network, if they all fit.
    """
    lines = _bars(counts, chosen, width, palette)
    if len(lines) > height:
        lines = counted(counts, width, palette, chosen)
        rows = max(1, height - HEADS)
        first = min(max(0, chosen - rows // 2), max(0, len(counts.titles) - rows))
        lines = [*lines[:HEADS], *lines[HEADS + first : HEADS + first + rows]]
    below = wrap(ink(about, palette.muted), width) if about else []
    return [*lines, fit("", width), *below] if len(lines) + 1 + len(below) <= height else lines


def row_at(counts: "Counts", chosen: int, y: int, height: int, width: int, palette: Palette) -> int | None:
    """Number of the group on line `y` of `choice`."""
    each = len(counts.correct) + 2
    if len(_bars(counts, chosen, width, palette)) <= height:
        number = (y - 1) // each
    else:
        rows = max(1, height - HEADS)
        number = y - HEADS + min(max(0, chosen - rows // 2), max(0, len(counts.titles) - rows))
        number = -1 if y < HEADS else number
    return number if y > 0 and 0 <= number < len(counts.titles) else None


def _bars(counts: "Counts", chosen: int, width: int, palette: Palette) -> list[Text]:
    from core.explore.look import SPLIT

    title = f"{counts.kind.capitalize()}s of the {SPLIT[counts.kind]} split"
    lines = [heading(title, "", width, palette)]
    worst = {stage: counts.worst(stage) for stage in counts.correct}
    for number, (name, total) in enumerate(zip(counts.titles, counts.totals, strict=True)):
        here, images = number == chosen, f"{total:,} images"
        style = f"bold {palette.accent}" if here else palette.text
        room = width - len(images) - 1
        lead = f"{CURSOR} " if here else "  "
        lines.append(fit(f"{lead}{shorten(safe(name), room - 3)}", room, style).append(f" {images}", palette.muted))
        for stage, correct in counts.correct.items():
            line = fit(f"  {shorten(safe(stage), STAGE - 3)}", STAGE, palette.muted)
            share = correct[number] / total if total else float("nan")
            style = palette.bad if worst[stage] == number else palette.good
            interval = wilson_interval(correct[number], total)
            line.append_text(interval_bar(share, interval, width - STAGE - VALUE, style, palette))
            lines.append(line.append_text(fit(percent(share), VALUE, palette.text, right=True)))
        lines.append(fit("", width))
    return lines[:-1]
