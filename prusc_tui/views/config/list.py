"""The settings of a run as a list with a cursor."""

from collections.abc import Sequence

from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from prusc_tui.views.config.lines import Heading, Line, Widths, line, widths
from prusc_tui.widgets.bars import ink
from prusc_tui.widgets.cursor_list import CursorList


class ConfigList(CursorList):
    """Lines under headings, on which no cursor rests."""

    class Moved(Message):
        """The cursor came to another line, or the lines are others."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._widths = Widths(12, 12)

    @property
    def current(self) -> Line:
        """The line under the cursor; None where there is none."""
        return self._lines[self._at] if self._at in self.stops else None

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    @property
    def stops(self) -> list[int]:
        """Places of what is neither a heading nor a blank."""
        return [place for place, one in enumerate(self._lines) if one is not None and not isinstance(one, Heading)]

    def is_heading(self, place: int) -> bool:
        """Whether there is a heading."""
        return isinstance(self._lines[place], Heading)

    def show(self, lines: Sequence[Line], keep: bool = True) -> None:
        """Show lines; the cursor stays on its line where that is still there, or goes to the first with `keep` off."""
        if lines == self._lines:
            return
        was = _name(self.current) if keep else None
        self._lines = lines
        stops = self.stops
        same = [place for place in stops if was and _name(lines[place]) == was]
        self._at = (same or stops or [0])[0]
        self._measure()
        self._reveal()
        self._repaint()
        self.moved()

    def on_click(self, event: Click) -> None:
        """Put the cursor on a line."""
        if (place := self.place_under(event)) is not None:
            self._go(place)

    def draw_line(self, place: int) -> Strip:
        """Draw a setting, a fact, a heading or a blank."""
        if place >= len(self._lines):
            return self._across(ink(""))
        one = self._lines[place]
        here = place == self._at and one is not None and not isinstance(one, Heading)
        return self._across(line(one, self._widths, self._width, self._palette, here, self.has_focus), here)

    def moved(self) -> None:
        """Tell whoever explains the line under the cursor."""
        self.post_message(self.Moved())

    def _measure(self) -> None:
        self._widths = widths(self._lines, self._width)
        super()._measure()


def _name(one: Line) -> str | None:
    """What stays the same of a line while its value changes."""
    return getattr(one, "key", None) or getattr(one, "label", None)
