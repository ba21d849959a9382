"""A list with a cursor; draws visible lines, and redraws only changed ones."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from prusc_tui.keys import motions
from prusc_tui.palette import Palette, palette_in
from prusc_tui.widgets.bars import ink
from prusc_tui.widgets.themed import Themed


class CursorList(Themed, ScrollView, can_focus=True):
    """One-row lines below a fixed head; subclasses hold the lines and draw them."""

    ALLOW_SELECT = False
    HEAD: ClassVar[int] = 0
    """Rows of the head."""
    OVERLAP: ClassVar[int] = 2
    """Lines shared by consecutive pages."""
    BINDINGS: ClassVar[list[BindingType]] = motions()
    COMPONENT_CLASSES = {"cursor-list--cursor"}  # noqa: RUF012
    DEFAULT_CSS = """
    CursorList {
        width: 1fr; height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        & > .cursor-list--cursor { background: $primary 22%; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._at = 0
        self._drawn: dict[int, Strip] = {}
        self._fitted = 0, 0
        """Cells and lines that everything was measured for."""

    @property
    def count(self) -> int:
        raise NotImplementedError

    @property
    def stops(self) -> Sequence[int]:
        """Indices where the cursor may stop, in order."""
        return range(self.count)

    def is_heading(self, place: int) -> bool:  # noqa: ARG002
        """Whether the line at `place` should be visible with the one below it."""
        return False

    def draw_head(self, y: int) -> Strip:
        """Draw row `y` of the head."""
        raise NotImplementedError

    def draw_line(self, place: int) -> Strip:
        """Draw the line at `place`, which may be below the last one."""
        raise NotImplementedError

    def moved(self) -> None:
        """Called when the cursor moved."""

    def action_move(self, by: int) -> None:
        if stops := self.stops:
            here = stops.index(self._at) if self._at in stops else 0
            self._go(stops[min(max(0, here + by), len(stops) - 1)])

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self._seen - self.OVERLAP))

    def action_first(self) -> None:
        if stops := self.stops:
            self._go(stops[0])

    def action_last(self) -> None:
        if stops := self.stops:
            self._go(stops[-1])

    def place_under(self, event: Click) -> int | None:
        """Index of the clicked line; None if the cursor cannot stop there."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self.HEAD:
            return None
        place = self.scroll_offset.y + offset.y - self.HEAD
        return place if place in self.stops else None

    def theme_changed(self) -> None:
        self._restyle()

    def on_resize(self) -> None:
        if self._fitted == (self._width, self._seen):
            return  # shown again as it was
        self._measure()
        self._reveal()
        self._restyle()

    def render_line(self, y: int) -> Strip:
        self._drawn[y] = self._row(y)
        return self._drawn[y]

    @property
    def _palette(self) -> Palette:
        return palette_in(self.app)

    @property
    def _width(self) -> int:
        """Cells of a line, without the scrollbar."""
        return max(1, self.scrollable_content_region.width)

    @property
    def _seen(self) -> int:
        """Number of visible lines."""
        return max(1, self.size.height - self.HEAD)

    def _across(self, line: Text, here: bool = False) -> Strip:
        """A line of the full width, highlighted under the cursor; its first cell is the cursor's bar."""
        ground = self.rich_style
        if here and self._palette.background == "default":
            # A terminal with its own colours has no shade for the cursor.
            line = ink("").append_text(line[:1]).append(line.plain[1:], "reverse")
        elif here:
            ground = self.get_component_rich_style("cursor-list--cursor")
        return Strip(line.render(self.app.console)).adjust_cell_length(self._width).apply_style(ground)

    def _go(self, place: int) -> None:
        other, self._at = place != self._at, place
        self._reveal()
        self._repaint()
        if other:
            self.moved()

    def _measure(self) -> None:
        self._fitted = self._width, self._seen
        size = Size(self._width, self.count + self.HEAD)
        if size != self.virtual_size:
            self.virtual_size = size

    def _reveal(self) -> None:
        """Scroll to the cursor, including a heading right above."""
        top = self.scroll_offset.y
        above = self._at - 1 if self._at and self.is_heading(self._at - 1) else self._at
        if above < top:
            self._scroll(above)
        elif self._at >= top + self._seen:
            self._scroll(self._at - self._seen + 1)

    def _scroll(self, top: int) -> None:
        """Scroll the line at `top` right below the head, as far as possible."""
        most = max(0, self.count - self._seen)
        self.scroll_to(y=min(max(0, top), most), animate=False, force=True, immediate=True)

    def _restyle(self) -> None:
        self._drawn.clear()
        self.refresh()

    def _repaint(self) -> None:
        """Redraw the rows that differ from the screen."""
        for y in range(self.size.height):
            if self._drawn.get(y) != self._row(y):
                self.refresh(Region(0, y, self._width, 1))

    def _row(self, y: int) -> Strip:
        return self.draw_head(y) if y < self.HEAD else self.draw_line(self.scroll_offset.y + y - self.HEAD)
