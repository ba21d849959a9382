"""One line of views to choose from: a digit or a click."""

from collections.abc import Sequence

from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

SHORTEST = 4
"""Letters to which a title is cut at most."""


class ViewLine(Static):
    """`1 overview  2 charts  …`, the one shown standing out without colour too."""

    DEFAULT_CSS = """
    ViewLine { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }
    """

    class Chosen(Message):
        """A view was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str], shown: str) -> None:
        super().__init__()
        self._names = tuple(names)
        self._shown = shown
        self._places: list[tuple[int, int, str]] = []

    @property
    def shown(self) -> str:
        """Name of the view in front."""
        return self._shown

    def on_mount(self) -> None:
        """Draw, and again under another theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh(layout=False))

    def show(self, name: str) -> None:
        """Say which view is in front."""
        if name != self._shown:
            self._shown = name
            self.refresh()

    def render(self) -> Text:
        """The line, in full where it fits, else closer together and with the titles of the others cut as needed."""
        line, room = self._line(most=None), self.size.width
        for most in range(max(map(len, self._names)), SHORTEST - 1, -1):
            if line.cell_len <= room:
                break
            line = self._line(most)
        return line

    def on_click(self, event: Click) -> None:
        """Choose."""
        for begin, end, name in self._places:
            if begin <= event.x - 1 < end:
                self.post_message(self.Chosen(name))

    def _line(self, most: int | None) -> Text:
        """The views; with `most` letters in the titles of those that are not in front, and a blank less between."""
        line = Text(no_wrap=True)
        self._places = []
        for number, name in enumerate(self._names, 1):
            chosen = name == self._shown
            begin = line.cell_len
            title = name if chosen else name[:most]
            if chosen:
                line.append(f" {number} {title} ", "reverse bold")
            else:
                line.append(f" {number} ", "bold").append(title if most else f"{title} ", "dim")
            self._places.append((begin, line.cell_len, name))
        return line
