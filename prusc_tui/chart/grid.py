"""Several charts as one: charts on the same x axis share cursor and window."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from prusc_tui.chart.axes import Window, XMode, calm_reach, panned, zoomed
from prusc_tui.chart.curves import Plot, extent, step_aside
from prusc_tui.chart.frame import Settings
from prusc_tui.chart.widget import Chart
from prusc_tui.keys import bindings

MODES: tuple[XMode, ...] = ("step", "epoch", "time")
WEIGHTS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # smoothing, from none to most
MOST = 4  # maximum number of charts on the screen
_WIDE, _TALL = 96, 18  # cells needed for two charts side by side, and one above the other


class Cells(Grid):
    """The cells of the charts."""

    class Resized(Message):
        """The size has changed."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class ChartGrid(Widget, can_focus=True):
    """Charts in a grid: one, two or four on each page. Keys go to the active one and its axis."""

    BINDINGS: ClassVar[list[BindingType]] = [
        key for key in bindings("charts") if isinstance(key, Binding) and key.action != "toggle_picker"
    ]
    DEFAULT_CSS = """
    ChartGrid { layout: vertical; width: 1fr; height: 1fr; }
    ChartGrid > Cells { width: 1fr; height: 1fr; grid-gutter: 0 2; }
    ChartGrid > #pages { height: 1; padding: 0 2; color: $foreground-muted; display: none; text-wrap: nowrap; }
    """

    @dataclass
    class ModeChanged(Message):
        """The x axis has changed, so the plots must be given again."""

        mode: XMode

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.charts = [Chart() for _ in range(MOST)]
        self.mode: XMode = "step"
        self.plots: tuple[Plot, ...] = ()
        """All plots, those on other pages too."""
        self._shown: list[Plot] = []
        self._active: Hashable = None
        self._weight = 0
        self._log: set[Hashable] = set()
        self._views: dict[Hashable, Window] = {}
        self._cursors: dict[Hashable, float] = {}
        self._at_a_time = 0  # 0: as many as fit
        self._alone = False
        self._shape: tuple[int, int, int] | None = None

    def compose(self) -> ComposeResult:
        with Cells():
            yield from self.charts
        yield Static(id="pages")

    def on_mount(self) -> None:
        self._arrange()

    @on(Cells.Resized)
    def _resized(self, message: Cells.Resized) -> None:
        message.stop()
        self._arrange()

    @property
    def active(self) -> Plot | None:
        """The plot that keys go to."""
        return next((plot for plot in self.plots if plot.key == self._active), self.plots[0] if self.plots else None)

    @property
    def active_chart(self) -> Chart:
        """The chart that keys go to."""
        plot = self.active
        return self.charts[self._shown.index(plot) if plot in self._shown else 0]

    def show_plots(self, plots: Sequence[Plot]) -> None:
        """Show plots, x in the units of `mode`; cheap if they have not changed."""
        if tuple(plots) != self.plots:
            self.plots = tuple(plots)
            self._arrange()

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Where there is nothing to reset, its digit opens a view."""
        return action != "reset_view" or bool(self._views or self._cursors)

    def action_smooth(self, by: int) -> None:
        self._weight = max(0, min(self._weight + by, len(WEIGHTS) - 1))
        self._arrange()

    def action_toggle_log(self) -> None:
        if self.active is not None:
            self._log ^= {self.active.key}
            self._arrange()

    def action_next_x(self) -> None:
        self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
        self._views.clear()
        self._cursors.clear()
        self.post_message(self.ModeChanged(self.mode))

    def action_zoom(self, notches: int) -> None:
        """Zoom in (1) or out (−1), at the cursor if it is visible."""
        if self.active is None or (reach := self._reach(self.active.axis)) is None:
            return
        axis = self.active.axis
        left, right = self._views.get(axis, reach)
        cursor = self._cursors.get(axis)
        at = cursor if cursor is not None and left <= cursor <= right else (left + right) / 2
        self._look(axis, zoomed((left, right), reach, 2 * notches, at, self.mode))

    def action_pan(self, direction: int) -> None:
        if self.active is not None and (view := self._views.get(self.active.axis)):
            reach = self._reach(self.active.axis) or view
            self._look(self.active.axis, panned(view, reach, direction * (view[1] - view[0]) / 4))

    def action_reset_view(self) -> None:
        if self.active is not None:
            self._cursors.pop(self.active.axis, None)
            self._look(self.active.axis, None)

    def action_cursor(self, direction: int) -> None:
        """Move the cursor to the next point at least a cell away; start at the newest."""
        plot, frame = self.active, self.active_chart.frame
        if plot is None or frame is None or frame.bounds is None:
            return
        at = self._cursors.get(plot.axis)
        left, right = frame.window
        if at is None:
            ends = extent(plot.curves)
            x = None if ends is None else step_aside(plot.curves, min(ends[1], right), -1, 0.0)
        else:
            x = step_aside(plot.curves, at, direction, frame.cell)
        if x is None:
            return
        self._cursors[plot.axis] = x
        if (view := self._views.get(plot.axis)) and (reach := self._reach(plot.axis)):
            beyond = min(0.0, x - left) + max(0.0, x - right)
            if beyond:
                self._views[plot.axis] = panned(view, reach, beyond)
        self._arrange()

    def action_maximise(self) -> None:
        self._alone = not self._alone
        self._arrange()

    def action_next_chart(self) -> None:
        if self.active is not None:
            self._activate_after(self.active)

    def action_grid(self) -> None:
        self._alone = False
        self._at_a_time = {0: 1, 1: 2, 2: 4, 4: 0}[self._at_a_time]
        self._arrange()

    # The mouse

    @on(Chart.Touched)
    def _touched(self, message: Chart.Touched) -> None:
        message.stop()
        if (plot := self._of(message.chart)) is not None:
            self._active = plot.key
            self._arrange()

    @on(Chart.Zoomed)
    def _zoomed(self, message: Chart.Zoomed) -> None:
        message.stop()
        if (plot := self._of(message.chart)) is not None:
            self._look(plot.axis, message.view)

    @on(Chart.Pointed)
    def _pointed(self, message: Chart.Pointed) -> None:
        message.stop()
        if (plot := self._of(message.chart)) is None:
            return
        if message.x is None:
            self._cursors.pop(plot.axis, None)
        else:
            self._cursors[plot.axis] = message.x
        self._point()

    @on(events.Click, "#pages")
    def _page(self) -> None:
        self._activate_after(self._shown[-1])

    # From state to charts

    def _activate_after(self, plot: Plot) -> None:
        self._active = self.plots[(self.plots.index(plot) + 1) % len(self.plots)].key
        self._arrange()

    def _of(self, chart: Chart) -> Plot | None:
        index = self.charts.index(chart)
        return self._shown[index] if index < len(self._shown) else None

    def _look(self, axis: Hashable, view: Window | None) -> None:
        if view is None:
            self._views.pop(axis, None)
        else:
            self._views[axis] = view
        self._arrange()

    def _reach(self, axis: Hashable) -> Window | None:
        ends = extent(curve for plot in self.plots if plot.axis == axis for curve in plot.curves)
        return calm_reach(*ends, self.mode) if ends else None

    def _arrange(self) -> None:
        """Give plots, settings and cursors to the charts, which repaint only what differs."""
        if not self.is_mounted or not self._room:
            return
        columns, rows = self._fit()
        room = columns * rows
        plot = self.active
        first = self.plots.index(plot) // room * room if plot is not None else 0
        self._shown = list(self.plots[first : first + room])
        self._lay_out(columns, rows, max(1, len(self._shown)))
        for chart, shown in zip(self.charts, self._shown, strict=False):
            log, view, reach = shown.key in self._log, self._views.get(shown.axis), self._reach(shown.axis)
            settings = Settings(self.mode, log, WEIGHTS[self._weight], view, reach, shown.unit)
            chart.show(shown.curves, title=shown.title, settings=settings)
            chart.mark_active(shown is plot and len(self.plots) > 1)
        if not self._shown:
            self.charts[0].show((), title="", settings=Settings(mode=self.mode))
        self._point()
        pages = self.query_one("#pages", Static)
        pages.display = len(self._shown) < len(self.plots)
        if pages.display:
            last = f"–{first + len(self._shown)}" if len(self._shown) > 1 else ""
            line = Text(f"chart {first + 1}{last} of {len(self.plots)} · tab for the next")
            if pages.content != line:
                pages.update(line)

    @property
    def _room(self) -> Size:
        """Size of the last layout, which stays while another view is in front; zero before the first."""
        return self.query_one(Cells).outer_size

    def _fit(self) -> tuple[int, int]:
        """Columns and rows of the grid, for the plots, the available space, and the user's choice."""
        width, height = self._room
        many = 1 if self._alone else min(len(self.plots), self._at_a_time or MOST)
        wide, tall = width >= _WIDE, height >= _TALL
        if self._at_a_time and not self._alone:
            wide = tall = True
        if many <= 1 or not (wide or tall):
            return 1, 1
        if many == 2 or not (wide and tall):
            return (1, 2) if tall else (2, 1)
        return 2, 2

    def _lay_out(self, columns: int, rows: int, count: int) -> None:
        if (columns, rows, count) == self._shape:
            return
        self._shape = columns, rows, count
        grid = self.query_one(Cells)
        grid.styles.grid_size_columns = columns
        grid.styles.grid_size_rows = min(rows, -(-count // columns))
        for index, chart in enumerate(self.charts):
            chart.display = index < count
            # A last chart without a neighbour fills the row.
            chart.styles.column_span = columns if index == count - 1 and count % columns else 1

    def _point(self) -> None:
        for chart, shown in zip(self.charts, self._shown, strict=False):
            chart.point(self._cursors.get(shown.axis))
