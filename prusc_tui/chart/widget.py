"""A chart in the terminal: curves in braille, axes, a legend with values, zoom and pan by mouse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from prusc_tui.chart.axes import Window, panned, zoomed
from prusc_tui.chart.braille import runs
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve, nearest
from prusc_tui.chart.frame import Frame, Settings, build, full
from prusc_tui.chart.rows import Plan, Row, picture, plan, styles
from prusc_tui.palette import palette_in
from prusc_tui.widgets.themed import Themed


class Chart(Themed, Widget):
    """Curves over one x axis.

    `show` sets the curves, `change` their settings, `point` the cursor. Only cells that differ from the screen
    are drawn again.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "Chart { width: 1fr; height: 1fr; }"

    @dataclass
    class Zoomed(Message):
        """The mouse changed the window; None shows all and follows the newest."""

        chart: "Chart"
        view: Window | None

    @dataclass
    class Pointed(Message):
        """The mouse moved the cursor to `x`; None removed it."""

        chart: "Chart"
        x: float | None

    @dataclass
    class Touched(Message):
        """A mouse button was pressed on the chart."""

        chart: "Chart"

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.curves: tuple[Curve, ...] = ()
        """The last one on top."""
        self.settings = Settings()
        self.cursor: float | None = None
        """The x at which the legend reads; None for the newest values."""
        self._active = False
        self._cache = CurveCache()
        self.frame: Frame | None = None
        self._plan: Plan | None = None
        self._rows: list[Row] = []
        self._strips: dict[int, Strip] = {}
        self._styles: dict[str, Style] = {}
        self._grip: tuple[int, Window] | None = None
        self._hovering = False

    @property
    def rows(self) -> list[str]:
        """The chart as plain rows of text."""
        return [text for text, _ in self._rows]

    def show(self, curves: Sequence[Curve], *, title: str | None = None, settings: Settings | None = None) -> None:
        """Show curves, the last one on top; nothing happens if nothing has changed. A growing curve keeps its key."""
        new = tuple(curves), self.title if title is None else title, settings or self.settings
        if new == (self.curves, self.title, self.settings):
            return
        self.curves, self.title, self.settings = new
        self._cache.keep({curve.key for curve in curves})
        self.frame = None
        self._repaint()

    def change(self, **changes: Any) -> None:
        """Change some of the settings, by field name."""
        self.show(self.curves, settings=replace(self.settings, **changes))

    def point(self, x: float | None) -> None:
        """Put the cursor at `x`, or remove it."""
        if x != self.cursor:
            self.cursor = x
            self._repaint()

    def mark_active(self, active: bool) -> None:
        """Mark in the title whether keys go to this chart."""
        if active != self._active:
            self._active = active
            self._repaint()

    def render_line(self, y: int) -> Strip:
        if self._plan is None or (self._plan.width, self._plan.height) != self.size:
            self._draw()
        if not 0 <= y < len(self._rows):
            return Strip.blank(self.size.width)
        if y not in self._strips:
            # The length is measured: names may hold wide characters.
            self._strips[y] = Strip([Segment(text, self._styles[ink]) for text, ink in runs(*self._rows[y])])
        return self._strips[y]

    def theme_changed(self) -> None:
        self._restyle()

    def on_mount(self) -> None:
        self._restyle()

    def _restyle(self) -> None:
        self._styles = {ink: Style.parse(style) for ink, style in styles(palette_in(self.app)).items()}
        self._strips.clear()
        self.refresh()

    def _repaint(self) -> None:
        """Draw, and refresh the regions that differ from the screen."""
        if not self.size or self._plan is None:
            # Not on the screen yet.
            self._plan = None
            self.refresh()
            return
        before, strips, shape = self._rows, self._strips, (self._plan.width, self._plan.height)
        self._draw()
        if shape != self.size or len(before) != len(self._rows):
            self.refresh()
            return
        self._strips = {y: strip for y, strip in strips.items() if before[y] == self._rows[y]}
        if regions := list(_changes(before, self._rows, self.size.width)):
            self.refresh(*regions)

    def _draw(self) -> None:
        width, height = self.size
        fresh = plan(self.curves, self.settings, self.title, width, height)
        if self.frame is None or fresh != self._plan:
            self._plan = fresh
            self.frame = build(self.curves, self.settings, width, fresh.plot, self._cache)
        drawn = self.frame, fresh, self.curves, self.settings, self.title, self._cache
        self._rows = picture(*drawn, cursor=self.cursor, active=self._active)
        self._strips = {}

    # The mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, -1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.post_message(self.Touched(self))
        if event.button == 1 and self.frame is not None and self.frame.bounds:
            self._grip = event.screen_x, self.frame.window
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        if self._grip is not None:
            self._grip = None
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            event.stop()
            self._look(None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        frame = self.frame
        if frame is None or frame.bounds is None:
            return
        if self._grip is not None:
            start, window = self._grip
            self._look(panned(window, self._reach(frame), (start - event.screen_x) * frame.cell))
            return
        cell = event.x - frame.label_width - 1
        x = frame.x_at(cell)
        places = [reading.x for curve in self.curves if (reading := nearest(curve, x)) is not None]
        near = min(places, key=lambda place: abs(place - x), default=x)
        self._hover(near if 0 <= cell < frame.across else None)

    def on_leave(self, event: events.Leave) -> None:
        if event.node is self:
            self._hover(None)

    def _wheel(self, event: events.MouseEvent, notches: int) -> None:
        event.stop()
        event.prevent_default()
        frame = self.frame
        if frame is None or frame.bounds is None:
            return
        at = frame.x_at(max(0, min(event.x - frame.label_width - 1, frame.across - 1)))
        self._look(zoomed(frame.window, self._reach(frame), notches, at, self.settings.mode))

    def _look(self, view: Window | None) -> None:
        frame = self.frame
        if view is not None and frame is not None and view == self._reach(frame):
            view = None
        if view != self.settings.view:
            self.change(view=view)
            self.post_message(self.Zoomed(self, view))

    def _hover(self, x: float | None) -> None:
        if x is None and not self._hovering:
            return
        self._hovering = x is not None
        if x != self.cursor:
            self.point(x)
            self.post_message(self.Pointed(self, x))

    def _reach(self, frame: Frame) -> Window:
        return self.reach or frame.window

    @property
    def reach(self) -> Window | None:
        """The window that shows all; None if there are no points."""
        return self.settings.reach or full(self.curves, self.settings.mode)


def _changes(before: Sequence[Row], after: Sequence[Row], width: int) -> Iterator[Region]:
    """Regions in which two pictures differ, at most one per row, as Textual sends a row up to the end of each."""
    for y, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if not len(old[0]) == len(new[0]) == width:
            # With wide characters, cells are not characters.
            yield Region(0, y, width, 1)
            continue
        cells = zip(old[0], new[0], old[1], new[1], strict=True)
        differ = [x for x, (a, b, c, d) in enumerate(cells) if a != b or (c != d and a != " ")]
        if differ:
            yield Region(differ[0], y, differ[-1] - differ[0] + 1, 1)
