"""Lines with pictures, printed in a terminal that draws them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from prusc_tui.graphics import kitty, scaled, sixel
from prusc_tui.protocols import Protocol, Terminal
from prusc_tui.widgets.halfblock import Place, places
from prusc_tui.words import print_lines

if TYPE_CHECKING:
    from rich.console import Console

CELL = (8, 16)
"""Width and height of a cell in pixels, where the terminal does not say."""


def print_pictures(out: "Console", lines: Sequence[Text], protocol: Protocol, terminal: Terminal) -> None:
    """Print lines as half blocks, and paint the pictures over them: a row of pictures at a time, as lines scroll away.

    A terminal paints nothing that it cannot, such as a picture that is too large for it, and the half blocks stay.
    """
    found = list(places(lines))
    done = 0
    for y in sorted({place.y for place in found}):
        row = [place for place in found if place.y == y]
        end = y + max(place.height for place in row)
        print_lines(out, lines[done:end])
        done = end
        if end - y < out.height:
            up = f"\x1b[{end - y}A"
            painted = (f"\x1b[{place.x + 1}G\x1b7{_painted(place, protocol, terminal)}\x1b8" for place in row)
            out.file.write(f"{up}{''.join(painted)}\x1b[{end - y}B\r")
    print_lines(out, lines[done:])


def _painted(place: Place, protocol: Protocol, terminal: Terminal) -> str:
    across, down = terminal.cell if all(terminal.cell) else CELL
    picture = scaled(place.original.image(), place.width * across, place.height * down)
    return kitty(picture, place.width, place.height) if protocol == "kitty" else sixel(picture, terminal.colours)
