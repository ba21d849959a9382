"""Pictures in place of half blocks, for a widget in a terminal that draws them.

Kitty shows a picture in cells of text, so it moves and goes with them. Sixel is painted over the cells after these were
sent, again whenever they are sent again, and goes when they are: half blocks are below it, and stay where something
else is in front.
"""

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from prusc_tui.graphics import MARKS, kitty_forgotten, kitty_stored, placeholders, png, scaled, sixel
from prusc_tui.protocols import Terminal
from prusc_tui.widgets.halfblock import Place, places

PROBE = 3
"""Every such cell of a picture is checked for something in front of it; nothing that opens is smaller."""


@dataclass(slots=True)
class Originals:
    """The pictures in the lines of a widget."""

    widget: Widget
    places: Sequence[Place] = ()
    _painted: dict[tuple[Place, tuple[int, int]], str] = field(default_factory=dict)
    """Sixel of a picture for a size of cells; empty while it is being made."""
    _sent: set[int] = field(default_factory=set)
    _due: list[Region] = field(default_factory=list)

    def found(self, lines: Sequence[Text], strips: list[Strip], width: int) -> list[Strip]:
        """Look for pictures in new lines; return what is to be shown."""
        terminal = terminal_of(self.widget.app)
        if terminal.protocol == "blocks" or self.widget.app.no_color:
            return strips
        self._painted = {}
        self.places = [place for place in places(lines) if place.x + place.width <= width]
        if terminal.placeholders and self.widget.app.console.color_system == "truecolor":
            return self._in_cells(strips, terminal)
        return strips

    def sent(self, part: Region) -> None:
        """A part of the widget was sent, which Sixel has to be painted over."""
        if self.places and terminal_of(self.widget.app).protocol == "sixel":
            self._due.append(part)
            if len(self._due) == 1:
                self.widget.call_later(self._paint)

    def forget(self) -> None:
        """Have the terminal forget the pictures that it has."""
        for number in self._sent:
            _write(self.widget.app, kitty_forgotten(number))
        self._sent.clear()

    # Kitty

    def _in_cells(self, strips: list[Strip], terminal: Terminal) -> list[Strip]:
        across, down = terminal.cell
        numbers = set()
        strips = list(strips)
        for place in self.places:
            x, y, width, height = _region(place)
            if max(width, height) > len(MARKS) or not across:
                continue
            file = png(scaled(place.original.image(), width * across, height * down))
            # Numbers are colours of 24 bits, other ones in every widget.
            number = zlib.crc32(b"%d %d %d " % (id(self), width, height) + file) & 0xFFFFFF or 1
            numbers.add(number)
            if number not in self._sent:
                _write(self.widget.app, kitty_stored(file, number, width, height))
            style = Style(color=Color.from_rgb(number >> 16, number >> 8 & 255, number & 255))
            for row in range(height):
                strip = strips[y + row]
                cells = Strip([Segment(placeholders(width, row), style)], width)
                parts = [strip.crop(0, x), cells, strip.crop(x + width)]
                strips[y + row] = Strip.join(parts)
        gone, self._sent = self._sent - numbers, numbers
        for number in gone:
            _write(self.widget.app, kitty_forgotten(number))
        return strips

    # Sixel

    def _paint(self) -> None:
        """Paint what was sent and is in front; what has to be made first is painted once it is."""
        due, self._due = self._due, []
        if not self.widget.is_attached or not self.widget.screen.is_active:
            return
        terminal = terminal_of(self.widget.app)
        cell = terminal.cell
        shown = [place for place in self.places if any(_region(place).overlaps(part) for part in due)]
        shown = [place for place in shown if all(cell) and self._in_front(_region(place))]
        missing = [place for place in shown if (place, cell) not in self._painted]
        for place in shown:
            if painted := self._painted.get((place, cell), ""):
                at = _region(place).translate(self.widget.content_region.offset)
                _write(self.widget.app, f"\x1b7\x1b[{at.y + 1};{at.x + 1}H{painted}\x1b8")
        if missing:
            self._painted.update(((place, cell), "") for place in missing)
            threading.Thread(target=self._make, args=(missing, cell, terminal.colours), daemon=True).start()

    def _make(self, places: Sequence[Place], cell: tuple[int, int], colours: int) -> None:
        """On a thread: make Sixel of pictures, as long as they are wanted."""
        painted = self._painted
        for place in places:
            if self._painted is not painted:
                return
            width, height = place.width * cell[0], place.height * cell[1]
            painted[place, cell] = sixel(scaled(place.original.image(), width, height), colours)
            self.widget.call_later(self.sent, _region(place))

    def _in_front(self, region: Region) -> bool:
        """Whether the whole of it is seen."""
        screen, at = self.widget.screen, region.translate(self.widget.content_region.offset)
        visible = screen.find_widget(self.widget).visible_region
        if not self.widget.content_region.intersection(visible).contains_region(at):
            return False
        rows = {*range(at.y, at.bottom, PROBE), at.bottom - 1}
        columns = {*range(at.x, at.right, PROBE), at.right - 1}
        return all(screen.get_widget_at(x, y)[0] is self.widget for y in rows for x in columns)


def terminal_of(app: App[object]) -> Terminal:
    """What the terminal of an app can draw; nothing if that is not known."""
    found = getattr(app, "terminal", None)
    return found if isinstance(found, Terminal) else Terminal()


def _region(place: Place) -> Region:
    return Region(place.x, place.y, place.width, place.height)


def _write(app: App[object], text: str) -> None:
    if app._driver is not None:
        app._driver.write(text)
