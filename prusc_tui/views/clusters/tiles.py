"""Sample images of one cluster, class by class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from core.events import Balanced, PseudoGroupsFound
from prusc_tui.palette import MARKS, Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap
from prusc_tui.widgets.halfblock import dots, fitted, half_blocks

if TYPE_CHECKING:
    from core.explore.pictures import Samples

LEAST, MOST = 4, 16  # rows of a tile, at least and at most
GAP = 1  # cells between tiles


def tiles(
    samples: "Samples | None",
    clustered: PseudoGroupsFound,
    balanced: Balanced | None,
    cluster: int,
    without: str,
    width: int,
    height: int,
    palette: Palette,
    *,
    colour: bool = True,
    dark: bool = True,
) -> list[Text]:
    """Return lines of `width` cells: a heading, then the images of each class, or `without` if there are none.

    Tiles are as large as `height` lines allow; at the smallest size there may be more lines. They are half blocks in
    colour, else dots.
    """
    title = f"Cluster {cluster}"
    if samples is None:
        return [heading(title, "", width, palette), *wrap(ink(without, palette.muted), width)]
    total = sum(clustered.table[cluster])
    takes = balanced.table[cluster] if balanced is not None and cluster < len(balanced.table) else None
    note = f"{total:,} images"
    if takes is not None:
        note += f" · {sum(takes):,} balanced"
    marks = f" · {MARKS['done']} right {MARKS['failed']} wrong"
    if any(tile.correct is not None for tile in samples.tiles) and len(title + note + marks) + 3 < width:
        note += marks
    lines = [heading(title, note, width, palette)]
    groups = [(label, found) for label in range(len(clustered.labels)) if (found := samples.of(cluster, label))]
    if not groups:
        return [*lines, fit(ink("No image of this cluster was stored.", palette.muted), width)]
    captions = any(samples.tiles[i].group is not None or samples.tiles[i].correct is not None for i in groups[0][1])
    across, down = _size(samples.size, [len(found) for _, found in groups], width, height - 1, captions)
    per_row = max(1, (width + GAP) // (across + GAP))

    def pictures(part: Sequence[int]) -> list[Text]:
        rows = [ink("") for _ in range(down)]
        for place, tile in enumerate(map(samples.tile, part)):
            drawn = half_blocks(tile, across, down) if colour else dots(tile, across, down, invert=not dark)
            for row, piece in zip(rows, drawn, strict=True):
                if not colour:
                    piece.stylize(palette.text)
                row.append(" " * GAP if place else "").append_text(piece)
        return [fit(row, width) for row in rows]

    for label, found in groups:
        lines.append(_title(clustered, takes, cluster, label, width, palette))
        for start in range(0, len(found), per_row):
            part = found[start : start + per_row]
            lines += pictures(part)
            if captions:
                lines.append(_captions(samples, part, across, width, palette))
    return lines


def _size(size: tuple[int, int], counts: Sequence[int], width: int, height: int, captions: bool) -> tuple[int, int]:
    """Cells of a tile: the most rows with which all tiles fit."""
    for down in range(min(MOST, -(-size[1] // 2) if size[1] > LEAST * 4 else MOST), LEAST - 1, -1):
        across = fitted(size, width, down)[0]
        per_row = (width + GAP) // (across + GAP)
        if per_row and sum(1 + -(-count // per_row) * (down + captions) for count in counts) <= height:
            return across, down
    return fitted(size, width, LEAST)


def _title(
    clustered: PseudoGroupsFound, takes: Sequence[int] | None, cluster: int, label: int, width: int, palette: Palette
) -> Text:
    count, total = clustered.table[cluster][label], sum(clustered.table[cluster])
    line = ink(shorten(safe(clustered.labels[label]), max(8, width // 3)), f"bold {palette.text}")
    line.append(f"  {count:,} images, {100 * count / max(1, total):.0f} %", palette.muted)
    if takes is not None:
        line.append(f" · {takes[label]:,} balanced", palette.muted)
    return fit(line, width)


def _captions(samples: "Samples", part: Sequence[int], across: int, width: int, palette: Palette) -> Text:
    """Below each tile: whether the prediction is right, and its group without the label."""
    line = ink("")
    for place, i in enumerate(part):
        tile = samples.tiles[i]
        if place:
            line.append(" " * GAP)
        label, group = safe(samples.labels[tile.label]), safe(tile.group or "")
        name = group.removeprefix(label).removeprefix(" · ")
        caption = ink("")
        if tile.correct is not None:
            mark, style = (MARKS["done"], palette.good) if tile.correct else (MARKS["failed"], palette.bad)
            caption.append(f"{mark} " if across > 3 else mark, style)
        caption.append(shorten(name, max(1, across - caption.cell_len)), palette.muted)
        line.append_text(fit(caption, across))
    return fit(line, width)
