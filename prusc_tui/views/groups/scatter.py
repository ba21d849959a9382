"""The map of a representation: points as braille dots, or as marks in terminals without colour."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import floor, inf
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from prusc_tui.chart.braille import DOTS, glyph
from prusc_tui.palette import MARKS as STATES
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap

if TYPE_CHECKING:
    from core.explore.pictures import Map

TITLES = {"pca": "Map by PCA", "tsne": "Map by t-SNE"}
COLOURS = ("label", "pseudo-group", "group", "correctness")  # what the points can be coloured by
MARKS = "●○■□▲△◆◇"  # marks of the categories in order, repeated if there are more
QUIET = "·"  # mark of a point outside the chosen pseudo-group


class Category(NamedTuple):
    """Name, mark and colour of a set of points."""

    name: str
    mark: str
    style: str


def picture(
    found: "Map | None",
    colour: str,
    titles: Sequence[str],
    chosen: int,
    note: str,
    width: int,
    height: int,
    palette: Palette,
    *,
    marks: bool = False,
) -> list[Text]:
    """Return heading, note, points and legend in at most `height` lines; pseudo-group `chosen` is highlighted.

    The pseudo-groups have these `titles`. Terminals without colour get `marks` instead of dots.
    """
    if found is None:
        title = heading("Map", "of the representation", width, palette)
        return [title, *wrap(ink(note, palette.muted), width)][:height]
    kinds, shown = kinds_of(found, colour, titles, palette)
    top = [heading(TITLES.get(found.method, "Map"), _facts(found, colour), width, palette)]
    if note:
        top += wrap(ink(note, palette.warn), width)
    below = legend(kinds, shown, width, palette)
    room = max(0, height - len(top) - len(below))
    among = [cluster == chosen for cluster in found.cluster]
    points = scatter(found.x, found.y, kinds, shown, width, room, chosen=among, marks=marks)
    return [*top, *(fit(line, width) for line in points), *below][:height]


def kinds_of(
    found: "Map", colour: str, titles: Sequence[str], palette: Palette
) -> tuple[Sequence[int], list[Category]]:
    """Category of every point of a map, and the categories, under one of `COLOURS`."""
    if colour == "correctness" and found.correct is not None:
        right = Category("right", STATES["done"], palette.good)
        return found.correct, [Category("wrong", STATES["failed"], palette.bad), right]
    if colour == "group" and found.group is not None:
        return found.group, categories([safe(group) for group in found.groups], palette)
    if colour == "pseudo-group":
        names = [*map(safe, titles), "left out"]  # of number −1
        return [number % len(names) for number in found.cluster], categories(names, palette)
    return found.label, categories([safe(label) for label in found.labels], palette)


def colours_of(found: "Map | None") -> list[str]:
    """What the points of a map can be coloured by."""
    columns = {"group": found and found.group, "correctness": found and found.correct}
    return [colour for colour in COLOURS if columns.get(colour, ()) is not None]


def categories(names: Sequence[str], palette: Palette) -> list[Category]:
    """Give every name a mark and a colour; names of the same colour get different marks."""
    # The second round of colours shifts the marks by one.
    colours = len(palette.series)
    return [
        Category(name, MARKS[(i + i // colours) % len(MARKS)], palette.of_series(i)) for i, name in enumerate(names)
    ]


def scatter(
    x: Sequence[float],
    y: Sequence[float],
    kinds: Sequence[int],
    shown: Sequence[Category],
    width: int,
    height: int,
    *,
    chosen: Sequence[bool] | None = None,
    marks: bool = False,
) -> list[Text]:
    """Draw n points, each with the number of its category, in `height` rows of `width` cells.

    A cell shared by several categories has the colour of the rarest, so that small ones stay visible; chosen points
    take precedence.
    """
    if width < 1 or height < 1:
        return []
    size = Counter(kinds)
    order = sorted(range(len(x)), key=lambda i: (chosen is not None and chosen[i], -size[kinds[i]]))
    across, down = _scale(x, 2 * width), _scale(y, 4 * height)
    bits = [[0] * width for _ in range(height)]
    top: list[list[tuple[int, bool] | None]] = [[None] * width for _ in range(height)]
    for i in order:
        column, row = across[i], 4 * height - 1 - down[i]
        bits[row // 4][column // 2] |= DOTS[row % 4][column % 2]
        top[row // 4][column // 2] = kinds[i], chosen is None or chosen[i]
    lines = []
    for dots, owners in zip(bits, top, strict=True):
        line = Text(end="", no_wrap=True)
        for owner, cells in groupby(zip(owners, dots, strict=True), key=lambda cell: cell[0]):
            found = [dot for _, dot in cells]
            if owner is None:
                line.append(" " * len(found))
                continue
            kind, loud = owner
            mark = shown[kind].mark if loud else QUIET
            text = mark * len(found) if marks else "".join(map(glyph, found))
            voice = "" if chosen is None else "bold " if loud else "dim "
            line.append(text, f"{voice}{shown[kind].style}")
        lines.append(line)
    return lines


def legend(kinds: Sequence[int], shown: Sequence[Category], width: int, palette: Palette, lines: int = 2) -> list[Text]:
    """Return mark, name and number of points of each category present, in at most `lines` lines of `width` cells."""
    size = Counter(kinds)
    present = [kind for kind in range(len(shown)) if size[kind]]
    out: list[Text] = []
    line = ink("")
    for place, kind in enumerate(present):
        category, count = shown[kind], f" {size[kind]:,}"
        name = shorten(category.name, max(4, min(24, width - 2 - len(count))))
        left = len(present) - place
        more = f"… {left:,} more"
        # The last line keeps room for the number of omitted categories.
        reserve = len(more) + 2 if len(out) == lines - 1 and left > 1 else 0
        need = 2 + cell_len(name) + len(count)
        if line.cell_len and line.cell_len + 2 + need + reserve > width:
            if len(out) == lines - 1:
                line.append(f"  {more}", palette.muted)
                break
            out.append(fit(line, width))
            line = ink("")
        if line.cell_len:
            line.append("  ")
        line.append(f"{category.mark} ", category.style).append(name, palette.text).append(count, palette.muted)
    if line.cell_len:
        out.append(fit(line, width))
    return out


def _scale(values: Sequence[float], dots: int) -> list[int]:
    """Map values to dots: the smallest to the first, the largest to the last."""
    low, high = min(values, default=inf), max(values, default=-inf)
    if high <= low:
        return [(dots - 1) // 2] * len(values)
    factor = (dots - 1) / (high - low)
    return [floor((value - low) * factor + 0.5) for value in values]


def _facts(found: "Map", colour: str) -> str:
    # Correctness is that of the mapped network: a checkpoint, or the final one of ERM.
    at = f" at epoch {found.epoch:g}" if found.epoch == found.epoch else " of ERM"
    facts = [f"by {colour}{at if colour == 'correctness' else ''}"]
    if found.explained:
        facts.append(f"{100 * sum(found.explained):.0f} % of variance")
    return " · ".join([*facts, f"{len(found):,} images"])
