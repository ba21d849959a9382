"""One picture of images of a group, each as it is and with the maps of the networks, to be kept or printed."""

from typing import TYPE_CHECKING, Any

from core.data.sample import FAINT, INK, MARGIN, PAPER
from core.explore.look import Look, Seen

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, GAP, CAPTION, LINE = 160, 6, 40, 16
"""Pixels of a tile, between tiles, of the text below, and of a line of the note above."""
ACROSS = 2
"""Images side by side."""
RIGHT, WRONG = (120, 200, 125), (255, 130, 115)


def sheet(look: Look, heading: str, note: str) -> "Image":
    """One picture of all images: each as it is and with the map of every network, and their predictions."""
    from PIL import Image, ImageDraw, ImageFont

    large, small = (ImageFont.load_default(size) for size in (16, 12))
    tiles = 1 + len(look.stages)
    block = (tiles * (SIDE + GAP) - GAP, SIDE + CAPTION)
    across = min(ACROSS, len(look.seen))
    down = -(-len(look.seen) // across)
    between = 4 * GAP
    width = 2 * MARGIN + across * (block[0] + between) - between
    lines = _wrapped(_plain(note), small, width - 2 * MARGIN)
    top = MARGIN + 40 + LINE * len(lines)
    picture = Image.new("RGB", (width, top + down * block[1] + MARGIN), PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((MARGIN, MARGIN), _plain(heading), INK, large)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + 26 + LINE * number), line, FAINT, small)
    for number, one in enumerate(look.seen):
        y, x = top + number // across * block[1], MARGIN + number % across * (block[0] + between)
        row = [look.picture(number), *(look.overlaid(number, network) for network in range(len(look.stages)))]
        told = [(f"{one.index}: {one.group}", FAINT), *(_told(look, one, i) for i in range(len(look.stages)))]
        for column, (tile, (text, ink)) in enumerate(zip(row, told, strict=True)):
            left = x + column * (SIDE + GAP)
            picture.paste(_scaled(tile), (left, y))
            pen.text((left, y + SIDE + 4), _fit(_plain(text), small), ink, small)
    return picture


def _told(look: Look, one: Seen, network: int) -> tuple[str, tuple[int, int, int]]:
    said = f"{look.stages[network]}: {look.labels[one.predicted[network]]} {100 * one.confidence[network]:.0f} %"
    return said, RIGHT if one.right(network) else WRONG


def _scaled(tile: "Image") -> "Image":
    """The tile in a square of `SIDE`; small images keep their pixels."""
    from PIL import Image

    scale = SIDE / max(tile.size)
    size = tuple(max(1, round(scale * length)) for length in tile.size)
    return tile.resize((size[0], size[1]), Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS)


def _wrapped(text: str, font: Any, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _fit(text: str, font: Any) -> str:
    while text and font.getlength(text) > SIDE:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    return text


def _plain(text: str) -> str:
    return text.replace("–", "-").replace("…", "...")  # Pillow's font has neither
