"""Images of a group with what networks look at, in half blocks."""

from rich.text import Text

from core.explore.look import Look, Seen
from core.groups import wilson_interval
from core.words import percent
from prusc_tui.palette import MARKS, Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, shorten, wrap
from prusc_tui.widgets.halfblock import fitted, half_blocks
from prusc_tui.words import attributes_sentence

TILE, MOST = 18, 30
"""Cells of a tile: wanted, and at most."""
GAP, BETWEEN = 1, 3
"""Cells between the tiles of an image, and between images."""
MAPS = (
    "Each image as it is, then in grey with the class-activation map (Grad-CAM) of every network for the class that it "
    "predicts: yellow is what speaks for that class. A map shows where a network looks, not why."
)


def title_of(look: Look) -> str:
    """The group, and whose mistakes come first."""
    return f"{look.kind.capitalize()} {safe(look.title)}"


def facts_of(look: Look) -> str:
    """Split, number of images, accuracy of every network with its interval, and supervision."""
    accuracy = []
    for stage, correct in zip(look.stages, look.correct, strict=True):
        low, high = wilson_interval(correct, look.total)
        accuracy.append(f"{safe(stage)} {percent(correct / look.total)} % ({percent(low)}–{percent(high)})")
    used = attributes_sentence(look.attributes_used, look.selection)
    shown = f"{len(look.seen):,} of {look.total:,} images"
    return f"{look.split} split, {shown}; accuracy: {', '.join(accuracy)}; mistakes of {safe(look.by)} first; {used}"


def looked(look: Look, width: int, palette: Palette, *, colour: bool = True) -> list[Text]:
    """Lines of `width` cells; without colour only what the networks say, as half blocks would show nothing."""
    facts = wrap(ink(facts_of(look), palette.muted), width)
    lines = [heading(title_of(look), "", width, palette), *facts, fit("", width)]
    if not colour:
        return lines + [fit(_line(look, one, palette), width) for one in look.seen]
    tiles = 1 + len(look.stages)
    least = tiles * (TILE + GAP) - GAP
    count = max(1, min(len(look.seen), (width + BETWEEN) // (least + BETWEEN)))
    room = (width - BETWEEN * (count - 1)) // count
    most = max(4, min(MOST, (room + GAP) // tiles - GAP))
    across, down = fitted((look.images.shape[2], look.images.shape[1]), most, most)
    for start in range(0, len(look.seen), count):
        part = range(start, min(start + count, len(look.seen)))
        blocks = [_block(look, i, across, down, tiles * (most + GAP) - GAP, most, palette) for i in part]
        for pieces in zip(*blocks, strict=True):
            row = ink("")
            for place, piece in enumerate(pieces):
                row.append(" " * BETWEEN if place else "").append_text(piece)
            lines.append(fit(row, width))
    return lines + wrap(ink(MAPS, palette.muted), width)


def _block(look: Look, i: int, across: int, down: int, width: int, tile: int, palette: Palette) -> list[Text]:
    """The pictures of one image, what the networks say below them, and a blank line."""
    pictures = [look.picture(i), *(look.overlaid(i, network) for network in range(len(look.stages)))]
    rows = [ink("") for _ in range(down)]
    for place, picture in enumerate(pictures):
        for row, piece in zip(rows, half_blocks(picture, across, down), strict=True):
            row.append(" " * GAP if place else "").append_text(fit(piece, tile))
    one, said = look.seen[i], ink("")
    said.append_text(fit(shorten(f"{one.index} {safe(one.group)}", tile), tile, palette.text))
    for network in range(len(look.stages)):
        said.append(" " * GAP).append_text(fit(_said(look, one, network, palette), tile))
    return [*(fit(row, width) for row in rows), fit(said, width), fit("", width)]


def _said(look: Look, one: Seen, network: int, palette: Palette) -> Text:
    """Whether it is right, the class that it predicts, its confidence in per cent, and its stage."""
    mark, style = (MARKS["done"], palette.good) if one.right(network) else (MARKS["failed"], palette.bad)
    text = f" {safe(look.labels[one.predicted[network]])} {100 * one.confidence[network]:.0f} %"
    return ink(mark, style).append(text, palette.text).append(f" {safe(look.stages[network])}", palette.muted)


def _line(look: Look, one: Seen, palette: Palette) -> Text:
    line = ink(f"{one.index:>7}  {safe(one.group)}", palette.text)
    for network in range(len(look.stages)):
        line.append("  ").append_text(_said(look, one, network, palette))
    return line
