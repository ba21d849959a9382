"""Images of a group with what networks look at, in cells of a terminal, and a table of the groups."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from core.groups import wilson_interval
from core.words import percent
from prusc_tui.palette import MARKS, Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap
from prusc_tui.widgets.halfblock import dots, fitted, half_blocks
from prusc_tui.words import attributes_sentence

if TYPE_CHECKING:
    from PIL.Image import Image

    from core.explore.look import Counts, Look, Seen

TILE, MOST = 18, 30
"""Cells of a tile: wanted, and at most."""
GAP, BETWEEN = 1, 3
"""Cells between the tiles of an image, and between images."""
ACCURACY, INTERVAL = 7, 12
"""Cells of an accuracy, and of its interval."""
CURSOR = "▸"
MAPS = (
    "Each image is shown as it is, then in grey with the class-activation map (Grad-CAM) of each network for the class "
    "that it predicts; yellow marks evidence for that class. A map shows where a network looks, not why."
)


@dataclass(frozen=True)
class Tiles:
    """How images are drawn: in tiles of `across` × `down` cells, as half blocks in colour, else as dots.

    With `maps`, each image is drawn as it is and beside that with the map of every network, which says below it what
    the network predicts; without, once, and the predictions are in lines of their own.
    """

    look: "Look"
    across: int
    down: int
    palette: Palette
    maps: bool = True
    colour: bool = True
    dark: bool = True

    @property
    def width(self) -> int:
        """Cells of an image with all its tiles."""
        return (self.across + GAP) * (1 + len(self.look.stages) if self.maps else 1) - GAP

    @property
    def height(self) -> int:
        """Lines of an image with its captions."""
        return self.down + (1 if self.maps else 1 + len(self.look.stages))

    def per_row(self, width: int) -> int:
        """Number of images side by side."""
        return max(1, (width + BETWEEN) // (self.width + BETWEEN))

    def row(self, part: Sequence[int], width: int) -> list[Text]:
        """Draw images side by side, with captions."""
        lines = []
        for pieces in zip(*map(self._block, part), strict=True):
            line = ink("")
            for place, piece in enumerate(pieces):
                line.append(" " * BETWEEN if place else "").append_text(piece)
            lines.append(fit(line, width))
        return lines

    def _block(self, i: int) -> list[Text]:
        one, networks = self.look.seen[i], range(len(self.look.stages))
        captions = [fit(shorten(f"{one.index} {safe(one.group)}", self.across), self.across, self.palette.text)]
        captions += [fit(_said(self.look, one, network, self.palette), self.across) for network in networks]
        drawn = [self._drawn(self.look.picture(i))]
        if not self.maps:
            return [*drawn[0], *captions]
        for network in networks:
            # In dots, a map over an image is a picture of neither.
            tile = self.look.overlaid(i, network, (self.across, 2 * self.down))
            original = partial(self.look.overlaid, i, network)
            drawn.append(self._drawn(tile if self.colour else self.look.heat(i, network), original))
        return [*map(_beside, zip(*drawn, strict=True)), _beside(captions)]

    def _drawn(self, picture: "Image", original: "Callable[[], Image] | None" = None) -> list[Text]:
        if self.colour:
            return half_blocks(picture, self.across, self.down, original)
        rows = dots(picture, self.across, self.down, invert=not self.dark)
        return [ink(row.plain, self.palette.text) for row in rows]


def title_of(look: "Look") -> str:
    """The group, and whose mistakes come first."""
    return f"{look.kind.capitalize()} {safe(look.title)}"


def facts_of(look: "Look") -> str:
    """Split, number of images, accuracy of every network with its interval, and supervision."""
    accuracy = []
    for stage, correct in zip(look.stages, look.correct, strict=True):
        low, high = wilson_interval(correct, look.total)
        accuracy.append(f"{safe(stage)} {percent(correct / look.total)} % ({percent(low)}–{percent(high)})")
    used = attributes_sentence(look.attributes_used, look.selection)
    shown = f"{len(look.seen):,} of {look.total:,} images"
    return f"{look.split} split, {shown}; accuracy: {', '.join(accuracy)}; mistakes of {safe(look.by)} first; {used}"


def looked(look: "Look", width: int, palette: Palette, *, colour: bool = True) -> list[Text]:
    """Lines of `width` cells; without colour only what the networks say, as half blocks would show nothing."""
    facts = wrap(ink(facts_of(look), palette.muted), width)
    lines = [heading(title_of(look), "", width, palette), *facts, fit("", width)]
    if not colour:
        return lines + [fit(_line(look, one, palette), width) for one in look.seen]
    number = 1 + len(look.stages)
    least = number * (TILE + GAP) - GAP
    count = max(1, min(len(look.seen), (width + BETWEEN) // (least + BETWEEN)))
    room = (width - BETWEEN * (count - 1)) // count
    most = max(4, min(MOST, (room + GAP) // number - GAP))
    tiles = Tiles(look, *fitted((look.images.shape[2], look.images.shape[1]), most, most), palette)
    for start in range(0, len(look.seen), count):
        lines += [*tiles.row(range(start, min(start + count, len(look.seen))), width), fit("", width)]
    return lines + wrap(ink(MAPS, palette.muted), width)


def counted(counts: "Counts", width: int, palette: Palette, chosen: int | None = None) -> list[Text]:
    """A heading and a line for every group or cell: images, and the accuracy of every network with its interval.

    The worst accuracy of a network has the colour of the worst group, the line of the `chosen` group has a cursor.
    """
    from core.explore.look import SPLIT

    stages = list(counts.correct)
    lead = "" if chosen is None else "  "
    images = max(8, max(len(f"{total:,}") for total in counts.totals) + 2)
    name = max(12, min(max(len(safe(title)) for title in counts.titles) + len(lead) + 1, width // 2))
    intervals = name + images + len(stages) * (ACCURACY + INTERVAL) <= width
    room = ACCURACY + (INTERVAL if intervals else 0)
    if not intervals:
        name = min(name, max(12, width - images - len(stages) * room))
    head = ink(" " * name).append_text(fit("images", images, palette.muted, right=True))
    for stage in stages:
        head.append_text(fit(shorten(safe(stage), room - 1), room, palette.muted, right=True))
    note = "accuracy in %" + (", 95 % interval" if intervals else "")
    lines = [heading(f"{counts.kind.capitalize()}s of the {SPLIT[counts.kind]} split", note, width, palette)]
    lines.append(fit(head, width))
    worst = {stage: counts.worst(stage) for stage in stages}
    for number, (title, total) in enumerate(zip(counts.titles, counts.totals, strict=True)):
        here = number == chosen
        lead = "" if chosen is None else f"{CURSOR} " if here else "  "
        style = f"bold {palette.accent}" if here else palette.text
        line = fit(f"{lead}{shorten(safe(title), name - len(lead) - 1)}", name, style)
        line.append_text(fit(f"{total:,}", images, palette.text, right=True))
        for stage in stages:
            if not total:
                line.append_text(fit("–", ACCURACY, palette.muted, right=True)).append(" " * (room - ACCURACY))
                continue
            correct = counts.correct[stage][number]
            style = palette.bad if worst[stage] == number else palette.text
            line.append_text(fit(percent(correct / total), ACCURACY, style, right=True))
            if intervals:
                low, high = wilson_interval(correct, total)
                line.append_text(fit(f" {percent(low)}–{percent(high)}", INTERVAL, palette.muted))
        lines.append(fit(line, width))
    return lines


def _beside(tiles: Sequence[Text]) -> Text:
    line = ink("")
    for place, tile in enumerate(tiles):
        line.append(" " * GAP if place else "").append_text(tile)
    return line


def _said(look: "Look", one: "Seen", network: int, palette: Palette) -> Text:
    """Whether it is right, the class that it predicts, its confidence in per cent, and its stage."""
    mark, style = (MARKS["done"], palette.good) if one.right(network) else (MARKS["failed"], palette.bad)
    text = f" {safe(look.labels[one.predicted[network]])} {100 * one.confidence[network]:.0f} %"
    return ink(mark, style).append(text, palette.text).append(f" {safe(look.stages[network])}", palette.muted)


def _line(look: "Look", one: "Seen", palette: Palette) -> Text:
    line = ink(f"{one.index:>7}  {safe(one.group)}", palette.text)
    for network in range(len(look.stages)):
        line.append("  ").append_text(_said(look, one, network, palette))
    return line
