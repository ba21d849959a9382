"""A list of settings with a cursor; draws the lines that are seen, and again only those that changed."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from prusc_tui.draw.config import Heading, Line, Widths, line, widths
from prusc_tui.palette import SHELL, Palette


class ConfigList(ScrollView, can_focus=True):
    """Lines under headings, on which no cursor rests."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "move(-100000)", show=False),
        Binding("end,G", "move(100000)", show=False),
    ]
    COMPONENT_CLASSES = {"config-list--cursor"}  # noqa: RUF012
    DEFAULT_CSS = """
    ConfigList {
        width: 1fr; height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        & > .config-list--cursor { background: $primary 22%; }
    }
    """

    class Moved(Message):
        """The cursor came to another line, or the lines are others."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._widths = Widths(12, 12)
        self._at = 0
        self._drawn: dict[int, Strip] = {}

    @property
    def current(self) -> Line:
        """The line under the cursor; None where there is none."""
        return self._lines[self._at] if self._at in self._stops else None

    def show(self, lines: Sequence[Line], keep: bool = True) -> None:
        """Show lines; the cursor stays on its line where that is still there, or goes to the first with `keep` off."""
        if lines == self._lines:
            return
        was = _name(self.current) if keep else None
        self._lines = lines
        same = [place for place in self._stops if was and _name(lines[place]) == was]
        self._at = (same or self._stops or [0])[0]
        self._measure()
        self._reveal()
        self._repaint()
        self.post_message(self.Moved())

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._restyle())

    def on_resize(self) -> None:
        """Fit the lines to the width."""
        self._measure()
        self._reveal()
        self._restyle()

    def on_focus(self) -> None:
        """Show that the keys come here."""
        self._repaint()

    def on_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self._repaint()

    def on_click(self, event: Click) -> None:
        """Put the cursor on a line."""
        offset = event.get_content_offset(self)
        if offset is not None and (place := self.scroll_offset.y + offset.y) in self._stops:
            self._go(place)

    def action_move(self, by: int) -> None:
        """Put the cursor so many lines further on, as far as there are any."""
        if stops := self._stops:
            here = stops.index(self._at) if self._at in stops else 0
            self._go(stops[min(max(0, here + by), len(stops) - 1)])

    def action_page(self, by: int) -> None:
        """Go up or down by what is seen at once."""
        self.action_move(by * max(1, self.size.height - 2))

    def render_line(self, y: int) -> Strip:
        """Draw the line at `y` from where one has scrolled to."""
        strip = self._strip(y)
        self._drawn[y] = strip
        return strip

    @property
    def _stops(self) -> list[int]:
        """Places at which the cursor may rest."""
        return [place for place, one in enumerate(self._lines) if one is not None and not isinstance(one, Heading)]

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    @property
    def _palette(self) -> Palette:
        palette: Any = getattr(self.app, "palette", SHELL)
        return palette if isinstance(palette, Palette) else SHELL

    def _go(self, place: int) -> None:
        if place != self._at:
            self._at = place
            self._reveal()
            self._repaint()
            self.post_message(self.Moved())

    def _measure(self) -> None:
        self._widths = widths(self._lines, self._width)
        size = Size(self._width, len(self._lines))
        if size != self.virtual_size:
            self.virtual_size = size

    def _reveal(self) -> None:
        """Scroll to the cursor; a heading right above comes with it."""
        top, height = self.scroll_offset.y, max(1, self.size.height)
        above = self._at - 1 if self._at and isinstance(self._lines[self._at - 1], Heading) else self._at
        if above < top:
            self.scroll_to(y=above, animate=False, force=True)
        elif self._at >= top + height:
            self.scroll_to(y=self._at - height + 1, animate=False, force=True)

    def _restyle(self) -> None:
        self._drawn.clear()
        self.refresh()

    def _repaint(self) -> None:
        for y in range(self.size.height):
            if self._drawn.get(y) != self._strip(y):
                self.refresh(Region(0, y, self._width, 1))

    def _strip(self, y: int) -> Strip:
        width, palette, ground = self._width, self._palette, self.rich_style
        place = self.scroll_offset.y + y
        if place >= len(self._lines):
            return Strip.blank(width, ground)
        here = place == self._at and place in self._stops
        text = line(self._lines[place], self._widths, width, palette, here, self.has_focus)
        if here and palette.background == "default":
            # A terminal with its own colours has no shade for the cursor.
            text = text[:1].append_text(Text(text.plain[1:], "reverse", end=""))
        elif here:
            ground = self.get_component_rich_style("config-list--cursor")
        return Strip(text.render(self.app.console)).adjust_cell_length(width).apply_style(ground)


def _name(one: Line) -> str | None:
    """What stays the same of a line while its value changes."""
    return getattr(one, "key", None) or getattr(one, "label", None)
