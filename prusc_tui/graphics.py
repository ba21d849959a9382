"""Pictures as characters for terminals that can show them: the protocols of Kitty and of Sixel."""

import base64
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

CHUNK = 4096
"""Maximum number of characters of a part of a picture (Kitty)."""
COLOURS = 255
"""Colours of a Sixel picture."""
MANY = 64
"""Colours from which a palette that is found fast is good enough."""
SMALL = 64
"""Pixels of the width of a picture below which they stay squares."""
PLACEHOLDER = "\U0010eeee"
MARKS = "".join(map(chr, (
    0x305, 0x30D, 0x30E, 0x310, 0x312, *range(0x33D, 0x340), 0x346, *range(0x34A, 0x34D), *range(0x350, 0x353),
    0x357, 0x35B, *range(0x363, 0x370), *range(0x483, 0x488), *range(0x592, 0x596), *range(0x597, 0x59A),
    *range(0x59C, 0x5A2), 0x5A8, 0x5A9, 0x5AB, 0x5AC, 0x5AF, 0x5C4, *range(0x610, 0x618), *range(0x657, 0x65C),
    0x65D, 0x65E, *range(0x6D6, 0x6DD), *range(0x6DF, 0x6E3), 0x6E4, 0x6E7, 0x6E8, 0x6EB, 0x6EC, 0x730, 0x732,
    0x733, 0x735, 0x736, 0x73A, 0x73D, *range(0x73F, 0x742), 0x743, 0x745, 0x747, 0x749, 0x74A, *range(0x7EB,
    0x7F2), 0x7F3, *range(0x816, 0x81A), *range(0x81B, 0x824), *range(0x825, 0x828), *range(0x829, 0x82E), 0x951,
    0x953, 0x954, 0xF82, 0xF83, 0xF86, 0xF87, *range(0x135D, 0x1360), 0x17DD, 0x193A, 0x1A17, *range(0x1A75,
    0x1A7D), 0x1B6B, *range(0x1B6D, 0x1B74), 0x1CD0, 0x1CD1,
)))  # fmt: skip
"""Marks that stand for 0, 1, … over a placeholder (Kitty)."""
RUN = re.compile(r"([?-~])\1{3,}")
EMPTY = "?"


def scaled(image: "Image", width: int, height: int) -> "Image":
    """The picture in that many pixels; those of a small one stay squares."""
    from PIL import Image

    method = Image.Resampling.NEAREST if image.width < SMALL else Image.Resampling.LANCZOS
    return image.convert("RGB").resize((width, height), method)


def kitty(image: "Image", columns: int, rows: int) -> str:
    """A picture by the protocol of Kitty, in cells from the cursor on, which stays where it is."""
    return _sent(png(image), a="T", f=100, q=2, c=columns, r=rows, C=1)


def kitty_stored(png: bytes, number: int, columns: int, rows: int) -> str:
    """Hand a terminal a picture that it shows wherever there are placeholders with its number."""
    return _sent(png, a="T", f=100, U=1, q=2, i=number, c=columns, r=rows)


def kitty_forgotten(number: int) -> str:
    """Have a terminal forget a picture."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"


def placeholders(columns: int, row: int) -> str:
    """Cells that show a row of a stored picture, whose number is their colour."""
    return "".join(f"{PLACEHOLDER}{MARKS[row]}{mark}" for mark in MARKS[:columns])


def png(image: "Image") -> bytes:
    """A picture as PNG, packed fast."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _sent(png: bytes, **keys: Any) -> str:
    """PNG in base64, in parts."""
    data = base64.b64encode(png).decode()
    parts = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
    quiet = f"q={keys['q']}," if "q" in keys else ""
    out = []
    for number, part in enumerate(parts):
        head = quiet if number else "".join(f"{key}={value}," for key, value in keys.items())
        out.append(f"\x1b_G{head}m={int(number < len(parts) - 1)};{part}\x1b\\")
    return "".join(out)


def sixel(image: "Image", colours: int = COLOURS) -> str:
    """A picture as Sixel: bands of six rows, one pass over a band for each of its colours."""
    import numpy as np
    from PIL.Image import Dither, Quantize

    plain = image.convert("RGB")
    if colours >= MANY:
        reduced = plain.quantize(colours, Quantize.FASTOCTREE, dither=Dither.NONE)
    else:  # Pillow dithers to a given palette only
        reduced = plain.quantize(palette=plain.quantize(colours), dither=Dither.FLOYDSTEINBERG)
    pixels, table = np.asarray(reduced), reduced.getpalette() or []
    height, width = pixels.shape
    bits = 1 << np.arange(6)
    names = (f"#{n};2;" + ";".join(str(round(v * 100 / 255)) for v in table[3 * n : 3 * n + 3]) for n in _used(pixels))

    def bands() -> Iterator[str]:
        for top in range(0, height, 6):
            band = pixels[top : top + 6]
            used = _used(band)
            dots = (np.equal(band, np.array(used)[:, None, None]) * bits[: len(band), None]).sum(1)
            rows = (63 + dots).astype(np.uint8)
            yield "$".join(
                f"#{n}{RUN.sub(_counted, row.tobytes().decode().rstrip(EMPTY))}"
                for n, row in zip(used, rows, strict=True)
            )

    return f'\x1bP0;1;0q"1;1;{width};{height}{"".join(names)}{"-".join(bands())}\x1b\\'


def _used(pixels: "NDArray[np.uint8]") -> list[int]:
    import numpy as np

    return np.flatnonzero(np.bincount(pixels.ravel())).tolist()


def _counted(run: re.Match[str]) -> str:
    return f"!{len(run[0])}{run[1]}"
