"""A widget that is lines: drawn once for a size and a theme, sent again only where a line differs."""

from collections.abc import Callable

from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from prusc_tui.palette import Palette, palette_in

Draw = Callable[[int, int, Palette], list[Text]]
"""Lines of a given width, for a given height, in given colours."""

FIRST_GUESS = 80
"""Cells that a picture is drawn at before it has a place, to tell whether there is anything to draw."""


class Picture(Widget):
    """Lines that a function draws.

    With `height: auto` it is as high as the lines are many, takes no room where there are none, and the function may
    assume `room` lines. Nothing is to be seen of it before it has something to draw.

    Args:
        draw: what is drawn until something is shown.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "Picture { height: auto; width: 1fr; }"

    def __init__(self, draw: Draw | None = None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.display = draw is not None
        self.room = 0
        self._draw = draw
        self._key: object = None
        self._strips: list[Strip] = []
        self._drawn: object = None
        self._version = 0

    @property
    def lines(self) -> list[str]:
        """What is drawn, as plain rows of text."""
        return [strip.text for strip in self._strips]

    def show(self, key: object, draw: Draw) -> None:
        """Draw what `key` stands for, unless it is what is there already."""
        if key == self._key:
            return
        self._key, self._draw = key, draw
        self.touch()
        # With lines it is the style sheet that says whether they are seen.
        seen = not self._auto or bool(self._at(self.size.width or FIRST_GUESS))
        self.styles.display = None if seen else "none"

    def give_room(self, lines: int) -> None:
        """Say how high the lines may assume that there is room."""
        if lines != self.room:
            self.room = lines
            self.touch()

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
        return len(self._at(width))

    def render_line(self, y: int) -> Strip:
        strips = self._at(self.size.width)
        return (strips[y] if y < len(strips) else Strip.blank(self.size.width)).apply_style(self.rich_style)

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh(layout=True))

    @property
    def _auto(self) -> bool:
        return self.styles.height is None or self.styles.height.is_auto

    def _at(self, width: int) -> list[Strip]:
        height, palette = self.room if self._auto else self.size.height, palette_in(self.app)
        wanted = width, height, palette, self._version
        if wanted != self._drawn and width > 0:
            console = self.app.console
            lines = self._draw(width, height, palette) if self._draw is not None else []
            self._strips = [Strip(line.render(console), width) for line in lines]
            self._drawn = wanted
        return self._strips


def _changed(old: Strip, new: Strip, y: int) -> Region | None:
    """The part of line `y` that differs, in whole segments; None if nothing does."""
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
