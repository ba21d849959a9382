"""One line of views, chosen by digit or click."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from prusc_tui.widgets.themed import Themed


class Tab(NamedTuple):
    """A view in the line."""

    key: str
    """Key that opens it."""
    name: str
    short: str = ""
    """Title for narrow lines, as titles are never cut; empty for its name."""


class ViewLine(Themed, Static):
    """`1 overview  2 charts  …`, the one in front highlighted even without colour."""

    DEFAULT_CSS = """
    ViewLine { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }
    """

    @dataclass
    class Chosen(Message):
        """A view was clicked."""

        name: str

    def __init__(self, tabs: Sequence[Tab], shown: str) -> None:
        super().__init__()
        self.tabs = tuple(tabs)
        self.shown = shown
        self._places: list[tuple[int, int, str]] = []

    def theme_changed(self) -> None:
        self.refresh(layout=False)

    def offer(self, tabs: Sequence[Tab]) -> None:
        if tuple(tabs) != self.tabs:
            self.tabs = tuple(tabs)
            self.refresh()

    def show(self, name: str) -> None:
        if name != self.shown:
            self.shown = name
            self.refresh()

    def render(self) -> Text:
        """The line: in full if it fits, else with short titles, else denser and denser, else with numbers only."""
        room = self.size.width
        for short, spaces in ((False, 3), (True, 3), (True, 2), (True, 1)):
            line = self._line(short, spaces)
            if line.cell_len <= room:
                return line
        return self._line(short=False, spaces=2, numbers=True)

    def on_click(self, event: Click) -> None:
        for begin, end, name in self._places:
            if begin <= event.x - 1 < end:
                self.post_message(self.Chosen(name))

    def _line(self, short: bool, spaces: int, numbers: bool = False) -> Text:
        """The views, each with that many spaces: before the number, behind it, behind the title, in this order.

        With `numbers`, only the one in front has a title.
        """
        line = Text(no_wrap=True)
        self._places = []
        for number, name, shortened in self.tabs:
            begin = line.cell_len
            title = (short and shortened) or name
            if name == self.shown:
                line.append(f" {number} {title} ", "reverse bold")
            else:
                line.append(f" {number}{' ' * (spaces > 1)}", "bold")
                if not numbers:
                    line.append(f"{title}{' ' * (spaces > 2)}", "dim")
            self._places.append((begin, line.cell_len, name))
        return line
