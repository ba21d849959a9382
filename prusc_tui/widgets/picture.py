"""A widget of lines: drawn once per size and theme, and sent again only where lines differ."""

from collections.abc import Callable

from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from prusc_tui.palette import Palette, palette_in
from prusc_tui.widgets.originals import Originals, terminal_of
from prusc_tui.widgets.themed import Themed

Draw = Callable[[int, int, Palette], list[Text]]
"""Draws lines for a width, a height and a palette."""

FIRST_GUESS = 80
"""Width before the first layout, to determine whether there is anything to draw."""


class Picture(Themed, Widget):
    """Lines drawn by a function.

    With `height: auto` it is as high as its lines, and the function may assume `room` lines. It is hidden while there
    is nothing to draw.
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
        self._originals = Originals(self)

    @property
    def lines(self) -> list[str]:
        """The drawn lines as plain text."""
        return [strip.text for strip in self._strips]

    def show(self, key: object, draw: Draw) -> None:
        """Draw, unless `key` is unchanged."""
        if key == self._key:
            return
        self._key, self._draw = key, draw
        self.touch()
        # If there are lines, the style sheet determines visibility.
        seen = not self._auto or bool(self._at(self.size.width or FIRST_GUESS))
        self.styles.display = None if seen else "none"

    def give_room(self, lines: int) -> None:
        """Set the height that the drawing may assume."""
        if lines != self.room:
            self.room = lines
            self.touch()

    def touch(self) -> None:
        """Draw again, and send the cells that differ."""
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

    def render_lines(self, crop: Region) -> list[Strip]:
        self._originals.sent(crop)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        strips = self._at(self.size.width)
        return (strips[y] if y < len(strips) else Strip.blank(self.size.width)).apply_style(self.rich_style)

    def theme_changed(self) -> None:
        self.refresh(layout=True)

    def on_unmount(self) -> None:
        self._originals.forget()

    @property
    def _auto(self) -> bool:
        return self.styles.height is None or self.styles.height.is_auto

    def _at(self, width: int) -> list[Strip]:
        height, palette = self.room if self._auto else self.size.height, palette_in(self.app)
        wanted = width, height, palette, self._version, terminal_of(self.app)
        if wanted != self._drawn and width > 0:
            console = self.app.console
            lines = self._draw(width, height, palette) if self._draw is not None else []
            strips = [Strip(line.render(console), width) for line in lines]
            self._strips = self._originals.found(lines, strips, width)
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
