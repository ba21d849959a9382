"""Images of the training data as tiles: samples of one pseudo-group, and a page of all conflict samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from core.events import Balanced, PseudoGroupsFound
from prusc_tui.palette import MARKS, Palette
from prusc_tui.report.frame import GAP as BETWEEN
from prusc_tui.report.frame import side_by_side
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap
from prusc_tui.widgets.halfblock import dots, fitted, half_blocks

if TYPE_CHECKING:
    from core.explore.pictures import Samples, Tile

LEAST, MOST = 4, 16  # rows of a tile, at least and at most
ON_PAGE = 7  # rows of a tile on a page of conflict samples
GAP = 1  # cells between tiles
AGAINST = "≠"  # mark of classes that contradict the shortcut
LEAST_SIDE = 26  # cells from which agreeing and contradicting images are side by side
RIGHT_WRONG = f"{MARKS['done']} right {MARKS['failed']} wrong"

Part = tuple[int, Sequence[int]]
"""A class, and the numbers of its tiles."""


@dataclass(frozen=True)
class Brush:
    """How tiles are drawn: in `across` × `down` cells each, as half blocks in colour, else as dots."""

    samples: "Samples"
    across: int
    down: int
    palette: Palette
    colour: bool
    dark: bool

    def per_row(self, width: int) -> int:
        """Number of tiles side by side."""
        return max(1, (width + GAP) // (self.across + GAP))

    def pictures(self, part: Sequence[int], width: int) -> list[Text]:
        """Draw tiles side by side."""
        rows = [ink("") for _ in range(self.down)]
        for place, tile in enumerate(map(self.samples.tile, part)):
            if self.colour:
                drawn = half_blocks(tile, self.across, self.down)
            else:
                drawn = dots(tile, self.across, self.down, invert=not self.dark)
            for row, piece in zip(rows, drawn, strict=True):
                if not self.colour:
                    piece.stylize(self.palette.text)
                row.append(" " * GAP if place else "").append_text(piece)
        return [fit(row, width) for row in rows]

    def captions(self, captions: Sequence[Text], width: int) -> Text:
        """Put a caption below each tile."""
        line = ink("")
        for place, caption in enumerate(captions):
            line.append(" " * GAP if place else "").append_text(fit(caption, self.across))
        return fit(line, width)

    def caption(self, tile: "Tile") -> Text:
        """Whether the prediction is right, its confidence in per cent, and the group without the label."""
        caption = ink("")
        if tile.correct is not None:
            mark, style = (MARKS["done"], self.palette.good) if tile.correct else (MARKS["failed"], self.palette.bad)
            caption.append(f"{mark} " if self.across > 3 else mark, style)
        if tile.confidence is not None and self.across > 4:
            caption.append(f"{100 * tile.confidence:.0f} ", self.palette.text)
        name = group_of(tile, self.samples.labels)
        return caption.append(shorten(name, max(1, self.across - caption.cell_len)), self.palette.muted)


def tiles(
    samples: "Samples | None",
    found: PseudoGroupsFound,
    balanced: Balanced | None,
    number: int,
    without: str,
    width: int,
    height: int,
    palette: Palette,
    *,
    colour: bool = True,
    dark: bool = True,
) -> list[Text]:
    """Return lines of `width` cells: a heading, then the images of each class, or `without` if there are none.

    Images that agree with the shortcut are on the left, those that contradict it on the right if there is room, else
    below. Tiles are as large as `height` lines allow; at the smallest size there may be more lines.
    """
    title = safe(found.titles[number])
    title = title[:1].upper() + title[1:]
    if samples is None:
        return [heading(title, "", width, palette), *wrap(ink(without, palette.muted), width)]
    takes = balanced.table[number] if balanced is not None and number < len(balanced.table) else None
    lines = [heading(title, _note(samples, found, takes, number, width - len(title) - 3), width, palette)]
    sides = _sides(samples, found, number)
    if not sides:
        return [*lines, fit(ink("No image of this pseudo-group was stored.", palette.muted), width)]
    room = (width - BETWEEN) // 2 if len(sides) == 2 else width
    if room < LEAST_SIDE:
        sides, room = [[part for side in sides for part in side]], width
    first = samples.tiles[sides[0][0][1][0]]
    captions = first.group is not None or first.correct is not None
    sizes = (_size(samples.size, [len(part) for _, part in side], room, height - 1, captions) for side in sides)
    brush = Brush(samples, *min(sizes), palette, colour, dark)
    drawn = [_side(brush, side, found, takes, number, room, captions) for side in sides]
    if len(drawn) == 1:
        return [*lines, *drawn[0]]
    left, right = drawn
    return [*lines, *(fit(line, width) for line in side_by_side(left, right, room, room))]


def conflicts_per_page(samples: "Samples", width: int, height: int) -> int:
    """Number of conflict samples that a page of this size shows."""
    across, down = _on_page(samples, width)
    return max(1, (width + GAP) // (across + GAP)) * max(1, (height - 1) // (down + 2))


def conflicts_page(
    samples: "Samples | None",
    first: int,
    without: str,
    width: int,
    height: int,
    palette: Palette,
    *,
    colour: bool = True,
    dark: bool = True,
) -> list[Text]:
    """Return the page with the conflict sample at place `first`: prediction and confidence, label and group of each."""
    if samples is None:
        return [heading("Conflict samples", "", width, palette), *wrap(ink(without, palette.muted), width)]
    brush = Brush(samples, *_on_page(samples, width), palette, colour, dark)
    per_page, per_row, stored = conflicts_per_page(samples, width, height), brush.per_row(width), len(samples.tiles)
    number = first // per_page
    note = f"page {number + 1:,} of {-(-stored // per_page):,} · {samples.total:,} conflict samples"
    if stored < samples.total:
        note += f" ({stored:,} stored)"
    for more in (" · ← → turn", f" · {RIGHT_WRONG}, confidence in %"):
        note += more if len(note + more) + 20 < width else ""
    lines = [heading("Conflict samples", note, width, palette)]
    end = min(stored, (number + 1) * per_page)
    for start in range(number * per_page, end, per_row):
        part = range(start, min(start + per_row, end))
        shown = [samples.tiles[i] for i in part]
        lines += brush.pictures(part, width)
        lines.append(brush.captions([_prediction(tile, brush) for tile in shown], width))
        lines.append(brush.captions([ink(_truth(tile, brush), palette.muted) for tile in shown], width))
    return lines[:height]


def group_of(tile: "Tile", labels: Sequence[str]) -> str:
    """Group of a tile without its label; empty if unknown."""
    return safe(tile.group or "").removeprefix(safe(labels[tile.label])).removeprefix(" · ")


def _on_page(samples: "Samples", width: int) -> tuple[int, int]:
    return fitted(samples.size, width, min(ON_PAGE, -(-samples.size[1] // 2)))


def _prediction(tile: "Tile", brush: Brush) -> Text:
    """Mark, confidence in per cent, and the predicted class."""
    mark, style = (MARKS["done"], brush.palette.good) if tile.correct else (MARKS["failed"], brush.palette.bad)
    line = ink(f"{mark} ", style)
    if tile.confidence is not None:
        line.append(f"{100 * tile.confidence:.0f} ", brush.palette.text)
    said = "" if tile.predicted is None else safe(brush.samples.labels[tile.predicted])
    return line.append(shorten(said, max(1, brush.across - line.cell_len)), brush.palette.text)


def _truth(tile: "Tile", brush: Brush) -> str:
    label, group = safe(brush.samples.labels[tile.label]), group_of(tile, brush.samples.labels)
    return shorten(f"is {label} · {group}" if group else f"is {label}", brush.across)


def _sides(samples: "Samples", found: PseudoGroupsFound, number: int) -> list[list[Part]]:
    """Classes with tiles: first those that agree with the shortcut, then those that contradict it; no side is empty."""
    agreeing: list[Part] = []
    contradicting: list[Part] = []
    for label in range(len(found.labels)):
        if part := samples.of(number, label):
            (contradicting if _contradicts(samples.tiles[part[0]], found) else agreeing).append((label, part))
    return [side for side in (agreeing, contradicting) if side]


def _contradicts(tile: "Tile", found: PseudoGroupsFound) -> bool:
    """Whether it is a conflict sample; in runs that did not store that, any but the largest class contradicts."""
    counts = found.table[tile.cluster]
    return counts[tile.label] < max(counts) if tile.conflict is None else tile.conflict


def _note(samples: "Samples", found: PseudoGroupsFound, takes: Sequence[int] | None, number: int, room: int) -> str:
    note = f"{sum(found.table[number]):,} images"
    if takes is not None:
        note += f" · {sum(takes):,} balanced"
    marks = [f" · {AGAINST} contradicts"]
    if any(tile.correct is not None for tile in samples.tiles):
        confidence = any(tile.confidence is not None for tile in samples.tiles)
        marks.insert(0, f" · {RIGHT_WRONG}{', confidence in %' if confidence else ''}")
    for mark in marks:
        note += mark if len(note + mark) < room else ""
    return note


def _size(size: tuple[int, int], counts: Sequence[int], width: int, height: int, captions: bool) -> tuple[int, int]:
    """Cells of a tile: the most rows with which all tiles fit."""
    for down in range(min(MOST, -(-size[1] // 2) if size[1] > LEAST * 4 else MOST), LEAST - 1, -1):
        across = fitted(size, width, down)[0]
        per_row = (width + GAP) // (across + GAP)
        if per_row and sum(1 + -(-count // per_row) * (down + captions) for count in counts) <= height:
            return across, down
    return fitted(size, width, LEAST)


def _side(
    brush: Brush,
    parts: Sequence[Part],
    found: PseudoGroupsFound,
    takes: Sequence[int] | None,
    number: int,
    width: int,
    captions: bool,
) -> list[Text]:
    """Classes one below the other, each with a title."""
    lines = []
    for label, part in parts:
        against = _contradicts(brush.samples.tiles[part[0]], found)
        lines.append(_title(found, takes, number, label, against, width, brush.palette))
        per_row = brush.per_row(width)
        for start in range(0, len(part), per_row):
            shown = part[start : start + per_row]
            lines += brush.pictures(shown, width)
            if captions:
                lines.append(brush.captions([brush.caption(brush.samples.tiles[i]) for i in shown], width))
    return lines


def _title(
    found: PseudoGroupsFound,
    takes: Sequence[int] | None,
    number: int,
    label: int,
    against: bool,
    width: int,
    palette: Palette,
) -> Text:
    count, total = found.table[number][label], sum(found.table[number])
    line = ink(f"{AGAINST} " if against else "", palette.warn)
    line.append(shorten(safe(found.labels[label]), max(8, width // 3)), f"bold {palette.text}")
    line.append(f"  {count:,} images, {100 * count / max(1, total):.0f} %", palette.muted)
    if takes is not None and line.cell_len + len(balanced := f" · {takes[label]:,} balanced") <= width:
        line.append(balanced, palette.muted)
    return fit(line, width)
