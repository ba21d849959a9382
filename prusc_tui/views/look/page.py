"""A page of images of a group: with the maps of the networks, or more of them without."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.text import Text

from prusc_tui.palette import Palette
from prusc_tui.report.look import BETWEEN, GAP, Tiles
from prusc_tui.widgets.bars import fit, heading, ink, safe, wrap
from prusc_tui.widgets.halfblock import fitted

if TYPE_CHECKING:
    from core.explore.look import Look

ROWS = (6, 9, 13, 18, 26, 38, 52)
"""Lines of a tile, from small to large."""
USUAL = 2
"""Place of the usual size in `ROWS`."""
LEAST = 0.85
"""Share of its width that a tile keeps so that one more image fits into a row."""


@dataclass(frozen=True, slots=True)
class Page:
    """What to show of a group.

    Attributes:
        title: of the group.
        look: the images that are stored; None if none are.
        first: place of an image on the page.
        zoom: place of the size of the tiles in `ROWS`.
        maps: whether to draw the maps.
        note: what is being done, or why there is nothing to see; empty if there is nothing to say.
    """

    title: str
    look: "Look | None"
    first: int = 0
    zoom: int = USUAL
    maps: bool = True
    note: str = ""


def tiles_of(page: Page, width: int, height: int, palette: Palette, *, colour: bool = True, dark: bool = True) -> Tiles:
    """The largest tiles up to the size that is asked for, a little smaller if one more image fits into a row."""
    look = page.look
    assert look is not None
    size = look.images.shape[2], look.images.shape[1]
    number = 1 + len(look.stages)
    beside, captions = (number, 1) if page.maps else (1, number)
    rows = max(1, min(ROWS[page.zoom], height - 1 - captions))

    def made(room: int) -> Tiles:
        widest = max(1, (room + GAP) // beside - GAP)
        return Tiles(look, *fitted(size, widest, rows), palette, page.maps, colour, dark)

    tiles = made(width)
    more = tiles.per_row(width) + 1
    smaller = made((width + BETWEEN) // more - BETWEEN)
    return smaller if smaller.across >= LEAST * tiles.across else tiles


def per_page(tiles: Tiles, width: int, height: int) -> int:
    """Number of images on a page of this size."""
    return tiles.per_row(width) * max(1, height // (tiles.height + 1))


def page_lines(
    page: Page, width: int, height: int, palette: Palette, *, colour: bool = True, dark: bool = True
) -> list[Text]:
    """Return at most `height` lines of `width` cells: a heading, then the images of the page."""
    if page.look is None:
        return [heading(safe(page.title), "", width, palette), *wrap(ink(page.note, palette.muted), width)]
    look, tiles = page.look, tiles_of(page, width, height, palette, colour=colour, dark=dark)
    count = per_page(tiles, width, height)
    start = page.first // count * count
    end = min(start + count, len(look.seen))
    shown = f"{start + 1:,}–{end:,}" if end > start + 1 else f"{start + 1:,}"
    note = f"{shown} of {look.total:,}"
    words = [f"mistakes of {safe(look.by)} first", *["yellow supports the class"][: page.maps], "← → turn"]
    for more in [page.note] if page.note else words:
        note += f" · {more}" if page.note or len(note + more) + len(page.title) + 8 < width else ""
    lines = [heading(safe(page.title), note, width, palette)]
    across = tiles.per_row(width)
    for begin in range(start, end, across):
        lines += [*tiles.row(range(begin, min(begin + across, end)), width), fit("", width)]
    return lines[:height]


def zoomed(page: Page, by: int, width: int, height: int, palette: Palette) -> int:
    """The next size at which the tiles differ from those of the page; the same if there is none."""
    if page.look is None:
        return page.zoom
    now = tiles_of(page, width, height, palette)
    zoom = page.zoom
    while 0 <= zoom + by < len(ROWS):
        zoom += by
        found = tiles_of(replace(page, zoom=zoom), width, height, palette)
        if (found.across, found.down) != (now.across, now.down):
            return zoom
    return page.zoom
