"""A widget that is lines: drawn once for a size and a theme, sent again only where a line differs."""

from typing import Any

from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from prusc_tui.palette import SHELL, Palette


class Drawing(Widget):
    """Subclasses say what to draw; `touch` tells that it changed.

    With `height: auto` it is as high as the lines are many, and `room` is the height they may assume.
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.room = 0
        self._strips: list[Strip] = []
        self._drawn: object = None
        self._version = 0

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:
        """Return the lines for this size."""
        raise NotImplementedError

    @property
    def palette(self) -> Palette:
        """The colours in force."""
        palette: Any = getattr(self.app, "palette", SHELL)
        return palette if isinstance(palette, Palette) else SHELL

    @property
    def lines(self) -> list[str]:
        """What is drawn, as plain rows of text."""
        return [strip.text for strip in self._strips]

    def touch(self) -> None:
        """What is to be drawn changed: draw it, and send the lines that differ."""
        self._version += 1
        if not self.is_attached or not self.size.width:
            self.refresh(layout=True)
            return
        before, after = self._strips, self._at(self.size.width)
        if len(before) != len(after):
            self.refresh(layout=True)
            return
        lines = zip(before, after, strict=True)
        changed = [Region(0, y, self.size.width, 1) for y, (old, new) in enumerate(lines) if list(old) != list(new)]
        if changed:
            self.refresh(*changed)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As many lines as are drawn at this width."""
        return len(self._at(width))

    def render_line(self, y: int) -> Strip:
        """Give one line to the screen."""
        strips = self._at(self.size.width)
        return (strips[y] if y < len(strips) else Strip.blank(self.size.width)).apply_style(self.rich_style)

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh(layout=True))

    def _at(self, width: int) -> list[Strip]:
        auto = self.styles.height is None or self.styles.height.is_auto
        height = self.room if auto else self.size.height
        wanted = width, height, self.palette, self._version
        if wanted != self._drawn and width > 0:
            console = self.app.console
            lines = self.draw(width, height, self.palette)
            self._strips = [Strip(line.render(console), width) for line in lines]
            self._drawn = wanted
        return self._strips
