"""The composition of each pseudo-group, as a table whose shades are shares of the pseudo-group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Region

from core.events import Balanced, PseudoGroupsFound
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten

CURSOR = "▸"
NONE = "·"
BALANCED = 9  # cells of the column with the number of images in the balanced set
HEADS = 3  # lines above the first pseudo-group: title, labels, attributes
NAME = 14  # cells of a name that are kept where space is short


@dataclass(frozen=True, slots=True)
class Columns:
    """Layout of the table.

    Attributes:
        heads: name of each column in two parts: the label, and the attributes of the group.
        counts: pseudo-groups × columns.
        cell: cells of a column.
        compact: numbers are rounded to thousands.
        more: number of classes that do not fit.
        largest: cells of the column with the largest class.
        balanced: whether to show the balanced set.
        titles: of the pseudo-groups, without the word that they share if space is short.
        name: cells of the longest title, with the cursor.
    """

    heads: tuple[tuple[str, str], ...]
    counts: Sequence[Sequence[int]]
    cell: int
    compact: bool
    more: int
    largest: int
    balanced: bool
    titles: Sequence[str]
    name: int


def filled_rows(found: PseudoGroupsFound) -> list[int]:
    """Numbers of the pseudo-groups that have samples: those of the rows."""
    return [number for number, row in enumerate(found.table) if any(row)]


def heat_table(
    found: PseudoGroupsFound, balanced: Balanced | None, chosen: int, width: int, palette: Palette
) -> list[Text]:
    """Return the title, two lines of headings, and a line for each pseudo-group, all of `width` cells.

    Columns are groups if they fit, else labels. Every cell has a count, so that nothing depends on colour alone.
    """
    layout, table = columns_for(found, balanced, width), found.table
    rows = filled_rows(found)
    by = "group" if any(tail for _, tail in layout.heads) else "class"
    note = "shade: share of the row"
    if layout.titles[0] != (whole := safe(found.titles[0])):
        note = f"rows: {whole.removesuffix(layout.titles[0])}… · shade: share"
    if by == "class" and found.groups:
        note += " · groups need more width"
    if empty := len(table) - len(rows):
        note += f" · {empty:,} empty"
    if layout.more:
        note += f" · {layout.more:,} more classes"

    def row(number: int) -> Text:
        total, here = sum(table[number]), number == chosen
        style = f"bold {palette.accent}" if here else palette.text
        name = shorten(layout.titles[number], layout.name - 3)
        line = fit(f"{CURSOR if here else ' '} {name}", layout.name, style)
        for count in layout.counts[number][: len(layout.heads)]:
            shown = NONE if not count else short(count) if layout.compact else f"{count:,}"
            # Any count above 0 differs from 0.
            shade = max(1, round((len(palette.heat) - 1) * count / total)) if count else 0
            style = f"{'bold ' if here else ''}{palette.heat[shade]}" if count else palette.muted
            line.append_text(fit(f"{shown} ", layout.cell, style, right=True))
        line.append_text(fit(f"{total:,}", _size(found), palette.text, right=True))
        line.append_text(_largest(found, number, layout.largest, palette))
        if layout.balanced and balanced is not None:
            takes = sum(balanced.table[number]) if number < len(balanced.table) else 0
            style = palette.text if takes else palette.warn
            line.append_text(fit(f"{takes:,}" if takes else "none", BALANCED, style, right=True))
        return fit(line, width)

    head = [heading(f"Pseudo-groups by {by}", note, width, palette), *_headings(layout, found, width, palette)]
    return [*head, *map(row, rows)]


def columns_for(found: PseudoGroupsFound, balanced: Balanced | None, width: int) -> Columns:
    """Choose what fits: groups before labels, exact before rounded numbers, all side columns before some."""
    labels = [safe(label) for label in found.labels]
    by_label = tuple((label, "") for label in labels)
    by_group = tuple(_split(safe(group), labels) for group in found.groups)
    biggest = max((len(str(max(row, default=0))) for row in found.table), default=1)
    name = max((min(14, cell_len(label)) for label in labels), default=0) + 7
    sides = [(name, True), (7, True), (7, False)]
    titles = [safe(title) for title in found.titles]
    word = f"{titles[0].partition(' ')[0]} "
    shared = all(title.startswith(word) and title != word for title in titles)
    named = [titles, [title.removeprefix(word) for title in titles]] if shared else [titles]
    ways = [(by_group, found.group_table)] if by_group else []
    for heads, counts in [*ways, (by_label, found.table)]:
        tails = max((cell_len(tail or label) for label, tail in heads), default=0)
        for compact, (largest, has_balanced), names, gap in product((False, True), sides, named, (2, 1)):
            number = 4 if compact else biggest + (biggest - 1) // 3
            cell = max(number + gap, min(tails + gap, 4 + gap if compact else 10))
            own = 3 + min(max(map(cell_len, names)), max(NAME, width // 4))
            shown = has_balanced and balanced is not None
            layout = Columns(heads, counts, cell, compact, 0, largest, shown, names, own)
            if _fixed(found, layout) + len(heads) * cell <= width:
                return layout
    cell = 6
    own = 3 + min(max(map(cell_len, named[-1])), NAME)
    least = Columns(by_label, found.table, cell, True, 0, 7, False, named[-1], own)
    fits = max(1, (width - _fixed(found, least)) // cell)
    return replace(least, heads=by_label[:fits], more=max(0, len(by_label) - fits))


def region_of(place: int) -> Region:
    """Region of a row; the first one includes the headings."""
    return Region(0, 0 if place == 0 else HEADS + place, 1, HEADS + 1 if place == 0 else 1)


def short(number: int) -> str:
    """A count in at most four cells: `987`, `9.9k`, `14k`, `1.2M`."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            digits = f"{number / size:.1f}" if number < 9.95 * size else f"{number / size:.0f}"
            return digits + sign if len(digits) < 4 else f"{number / (1000 * size):.1f}M"
    return str(number)


def _split(group: str, labels: Sequence[str]) -> tuple[str, str]:
    """Label and rest of a group's title; a label may contain the separator."""
    for label in labels:
        if group.startswith(f"{label} · "):
            return label, group[len(label) + 3 :]
    return group, ""


def _fixed(found: PseudoGroupsFound, layout: Columns) -> int:
    """Cells of all columns other than counts."""
    return layout.name + _size(found) + layout.largest + 2 + (BALANCED if layout.balanced else 0)


def _size(found: PseudoGroupsFound) -> int:
    return max(8, max((len(f"{sum(row):,}") for row in found.table), default=0) + 2)


def _headings(layout: Columns, found: PseudoGroupsFound, width: int, palette: Palette) -> list[Text]:
    """Two heading rows: labels above, attributes or the other titles below."""
    grouped = any(tail for _, tail in layout.heads)
    upper, lower = ink(" " * layout.name), ink(" " * layout.name)
    place = 0
    while place < len(layout.heads):
        label = layout.heads[place][0]
        same = 1
        while grouped and place + same < len(layout.heads) and layout.heads[place + same][0] == label:
            same += 1
        room = same * layout.cell
        if grouped:
            upper.append_text(fit(f" {shorten(label, room - 2)}", room, f"bold {palette.text}"))
            for _, tail in layout.heads[place : place + same]:
                lower.append_text(fit(f"{shorten(tail, layout.cell - 1)} ", layout.cell, palette.muted, right=True))
        else:
            upper.append(" " * room)
            lower.append_text(fit(f"{shorten(label, room - 1)} ", room, f"bold {palette.text}", right=True))
        place += same
    lower.append_text(fit("images", _size(found), palette.muted, right=True))
    title = "largest class" if layout.largest >= 13 else "largest"
    lower.append_text(fit(f"  {title}", layout.largest + 2, palette.muted))
    if layout.balanced:
        lower.append_text(fit("balanced", BALANCED, palette.muted, right=True))
    return [fit(upper, width), fit(lower, width)]


def _largest(found: PseudoGroupsFound, number: int, room: int, palette: Palette) -> Text:
    counts = found.table[number]
    most = max(range(len(counts)), key=lambda y: counts[y])
    text = ink(f"  {100 * counts[most] / sum(counts):3.0f} %", palette.text)
    if room > 7:
        text.append(f" {shorten(safe(found.labels[most]), room - 6)}", palette.muted)
    return fit(text, room + 2)
