"""Widgets that are lines: drawn once for a size and a theme, sent again only where a line differs."""

from collections.abc import Callable

from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from prusc_tui.palette import Palette, palette_in

Draw = Callable[[int, Palette], list[Text]]
"""Lines of a given width in given colours."""

FIRST_GUESS = 80
"""Cells that a picture is drawn at before it has a place, to tell whether there is anything to draw."""


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
        return palette_in(self.app)

    @property
    def lines(self) -> list[str]:
        """What is drawn, as plain rows of text."""
        return [strip.text for strip in self._strips]

    def touch(self) -> None:
        """What is to be drawn changed: draw it, and send the cells that differ."""
        self._version += 1
        if not self.is_attached or not self.size.width:
            self.refresh(layout=True)
            return
        before, after = self._strips, self._at(self.size.width)
        if len(before) != len(after):
            self.refresh(layout=True)
            return
        changed = [_changed(old, new, y) for y, (old, new) in enumerate(zip(before, after, strict=True))]
        if regions := [region for region in changed if region is not None]:
            self.refresh(*regions)

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


class Picture(Drawing):
    """Lines that a function draws; takes no room where there are none."""

    DEFAULT_CSS = "Picture { height: auto; width: 1fr; }"

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.display = False
        self._key: object = None
        self._draw: Draw | None = None

    def show(self, key: object, draw: Draw) -> None:
        """Draw what `key` stands for, unless it is what is there already."""
        if key == self._key:
            return
        self._key, self._draw = key, draw
        self.touch()
        self.display = bool(self._at(self.size.width or FIRST_GUESS))

    def draw(self, width: int, height: int, palette: Palette) -> list[Text]:  # noqa: ARG002
        """The lines that the function draws."""
        return self._draw(width, palette) if self._draw is not None else []


def _changed(old: Strip, new: Strip, y: int) -> Region | None:
    """The part of line `y` that differs, in whole segments; None where nothing does."""
    before, after = list(old), list(new)
    if before == after:
        return None
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    left = sum(segment.cell_length for segment in after[:same])
    tail = 0
    while tail < min(len(before), len(after)) - same and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    right = sum(segment.cell_length for segment in after[len(after) - tail :])
    return Region(left, y, max(1, new.cell_length - left - right), 1)
