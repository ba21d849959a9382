"""Pictures in terminals that can show them: the protocols of Kitty and of Sixel."""

import base64
import io
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.Image import Image

Protocol = Literal["kitty", "sixel", "blocks"]

CHUNK = 4096
"""Maximum number of characters of a part of a picture (Kitty)."""
COLOURS = 255
"""Colours of a Sixel picture."""
KITTY_TERMS = ("xterm-kitty", "xterm-ghostty")
KITTY_PROGRAMS = ("WezTerm", "ghostty")
SIXEL_TERMS = ("foot", "mlterm", "yaft", "contour")


def protocol(environment: Mapping[str, str]) -> Protocol:
    """What the terminal says of itself; half blocks where it says nothing, or where tmux or screen is between."""
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or "STY" in environment:
        return "blocks"
    if term in KITTY_TERMS or program in KITTY_PROGRAMS or "KITTY_WINDOW_ID" in environment:
        return "kitty"
    return "sixel" if term.partition("-")[0] in SIXEL_TERMS else "blocks"


def kitty(image: "Image", columns: int) -> str:
    """A picture by the protocol of Kitty: PNG in base64, in parts; `columns` cells wide."""
    file = io.BytesIO()
    image.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    parts = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
    out = []
    for number, part in enumerate(parts):
        head = f"a=T,f=100,c={columns}," if not number else ""
        out.append(f"\x1b_G{head}m={int(number < len(parts) - 1)};{part}\x1b\\")
    return "".join(out)


def sixel(image: "Image") -> str:
    """A picture as Sixel: bands of six rows, one pass over a band for each of its colours."""
    import numpy as np
    from PIL.Image import Dither

    reduced = image.convert("RGB").quantize(COLOURS, dither=Dither.NONE)
    pixels, table = np.asarray(reduced), reduced.getpalette() or []
    height, width = pixels.shape
    used = np.unique(pixels).tolist()
    colours = (f"#{n};2;" + ";".join(str(round(v * 100 / 255)) for v in table[3 * n : 3 * n + 3]) for n in used)
    bits = 1 << np.arange(6)

    def bands() -> Iterator[str]:
        for top in range(0, height, 6):
            band = pixels[top : top + 6]
            dots = {n: ((band == n) * bits[: len(band), None]).sum(0).tolist() for n in np.unique(band).tolist()}
            yield "$".join(f"#{n}{_runs(columns)}" for n, columns in dots.items())

    return f'\x1bP0;1;0q"1;1;{width};{height}{"".join(colours)}{"-".join(bands())}\x1b\\'


def _runs(columns: list[int]) -> str:
    """Columns of six dots as characters, equal ones next to each other as a count."""
    out = ""
    for value, same in groupby(columns):
        count = sum(1 for _ in same)
        sign = chr(63 + value)
        out += f"!{count}{sign}" if count > 3 else sign * count
    return out
