"""Images in cells: two pixels per cell, or eight dots in terminals without colour."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style
from rich.text import Text

from prusc_tui.chart.braille import DOTS, glyph

if TYPE_CHECKING:
    from PIL.Image import Image

HALF = "▀"


class Original(str):
    """A style that changes nothing: it marks the first row of a picture in cells, and knows the picture.

    Widgets in terminals that draw pictures find it in the lines, wherever these were put together.
    """

    image: "Callable[[], Image]"
    height: int

    @classmethod
    def of(cls, image: "Callable[[], Image]", height: int) -> "Original":
        """Mark a picture of `height` rows."""
        mark = cls("none")
        mark.image, mark.height = image, height
        return mark


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a picture is in lines, in cells."""

    x: int
    y: int
    width: int
    original: Original

    @property
    def height(self) -> int:
        return self.original.height


def places(lines: Sequence[Text]) -> Iterator[Place]:
    """Pictures in lines of which nothing was cut off."""
    for y, line in enumerate(lines):
        for span in line.spans:
            if isinstance(mark := span.style, Original) and y + mark.height <= len(lines):
                yield Place(Text(line.plain[: span.start]).cell_len, y, span.end - span.start, mark)


def fitted(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Cells of the largest picture of that shape in `width` × `height` cells, as (across, down), at least one each.

    A cell is twice as high as it is wide, so a pixel of half a cell is a square.
    """
    scale = min(width / size[0], 2 * height / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale / 2))


def half_blocks(image: "Image", width: int, height: int, original: "Callable[[], Image] | None" = None) -> list[Text]:
    """Draw a picture in `height` rows of `width` cells, each the upper pixel in front of the lower one.

    Shrinks by averaging areas, enlarges by repeating pixels. Terminals with 16 colours get the nearest ones; where a
    terminal draws pictures, it gets the `original`, by default the image.
    """
    from PIL import Image

    # Box filtering also enlarges without blur.
    pixels = image.convert("RGB").resize((width, 2 * height), Image.Resampling.BOX).tobytes()
    stride = 3 * width
    rows = []
    for top in range(0, 2 * height * stride, 2 * stride):
        line = Text(end="", no_wrap=True)
        cells = ((pixels[i : i + 3], pixels[i + stride : i + stride + 3]) for i in range(top, top + stride, 3))
        for (upper, lower), same in groupby(cells):
            # For a single colour, a space is shorter and has no gaps in any font.
            line.append((" " if upper == lower else HALF) * sum(1 for _ in same), _style(upper, lower))
        rows.append(line)
    rows[0].stylize(Original.of(original or (lambda: image), height), 0, width)
    return rows


def dots(image: "Image", width: int, height: int, *, invert: bool = False) -> list[Text]:
    """Draw a picture in braille, 2 × 4 dots to a cell, for terminals without colour.

    Grey is dithered (Floyd and Steinberg 1976), stretched from the darkest to the lightest pixel; with `invert`, for
    light backgrounds, dots are dark pixels.
    """
    from PIL import Image, ImageOps

    grey = ImageOps.autocontrast(image.convert("L").resize((2 * width, 4 * height), Image.Resampling.BOX))
    # One byte per pixel is easier to read than eight pixels per byte.
    light = (ImageOps.invert(grey) if invert else grey).convert("1").convert("L").tobytes()
    stride = 2 * width
    rows = []
    for top in range(0, 4 * height * stride, 4 * stride):
        cells = (
            sum(DOTS[y][x] for y in range(4) for x in range(2) if light[top + y * stride + 2 * cell + x])
            for cell in range(width)
        )
        rows.append(Text("".join(map(glyph, cells)), end="", no_wrap=True))
    return rows


@lru_cache(maxsize=8192)
def _style(upper: bytes, lower: bytes) -> Style:
    ground = Color.from_rgb(*lower)
    return Style.from_color(None if upper == lower else Color.from_rgb(*upper), ground)
