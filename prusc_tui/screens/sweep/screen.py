"""One sweep: its cells as a grid, the best points so far, and a parameter against what they reach."""

from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from core.runs.home import Home
from core.runs.text import safe_text
from core.words import percent
from experiments.launchers import launcher
from experiments.study import OBJECTIVES
from experiments.sweeps import control, registry
from experiments.sweeps.cells import IN_HAND
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenCompare, OpenRun
from prusc_tui.palette import Palette, palette_in
from prusc_tui.report.sweep import mark, meaning, progress, style
from prusc_tui.screens.acting import Acting
from prusc_tui.screens.following import Following
from prusc_tui.screens.sweep.chart import chart, parameters
from prusc_tui.screens.sweep.grid import CellGrid
from prusc_tui.screens.sweep.state import Looker, State
from prusc_tui.widgets.bars import fit, ink, wrap
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.picture import Picture
from prusc_tui.widgets.quiet import put
from prusc_tui.widgets.themed import Themed

EVERY = 1.0
"""Seconds between readings of the sweep."""
WIDE = 110
"""Width from which the chart is beside the grid."""
BAR = 24
"""Largest width of the bar."""
COMPARED = 40
"""Most runs that are compared at once."""


class About(Static):
    """Lines below the cells, which are wrapped again when their width has changed."""

    class Resized(Message):
        """They have another size."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class SweepScreen(Themed, Following, Acting):
    """A sweep at work or over."""

    BINDINGS = bindings("sweep")
    AUTO_FOCUS: ClassVar[str | None] = "CellGrid"
    DEFAULT_CSS = """
    SweepScreen #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    SweepScreen #body { height: 1fr; layout: vertical; }
    SweepScreen.-wide #body { layout: horizontal; }
    SweepScreen #left { width: 1fr; height: 1fr; }
    SweepScreen #chart { width: 100%; height: 45%; padding: 0 1; border-top: solid $panel; }
    SweepScreen.-wide #chart { width: 45%; height: 100%; border-top: none; border-left: solid $panel; }
    SweepScreen.-plain #chart { display: none; }
    SweepScreen #about { height: auto; padding: 0 1; text-wrap: nowrap; }
    """

    def __init__(self, home: Home, name: str) -> None:
        looker = Looker(home, name)
        super().__init__(looker.look, EVERY, home.root / "sweeps")
        self._looker = looker
        self._home = home
        self._sweep = name
        self._state: State | None = None
        self._ordered = False
        self._parameter = ""

    def compose(self) -> ComposeResult:
        yield Static(Text(f"{safe_text(self._sweep)}  reading …"), id="head")
        with Container(id="body"):
            with Vertical(id="left"):
                yield CellGrid()
                yield About(id="about")
            yield Picture(id="chart")
        yield KeyLine()

    def theme_changed(self) -> None:
        self._show()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._show)

    def acted(self) -> None:
        self._poller.hurry()

    def action_open(self) -> None:
        cell = self._grid.current
        if cell is not None and cell.run is not None:
            self.post_message(OpenRun(cell.run["id"]))
        elif cell is not None:
            self._say("nothing has run yet; R starts the missing runs")

    def action_seed(self, by: int) -> None:
        self._grid.turn(by)

    def action_next_parameter(self) -> None:
        if self._state is not None and (names := parameters(self._state)):
            self._parameter = names[(names.index(self._shown) + 1) % len(names)]
            self._draw()

    def action_next_rule(self) -> None:
        if self._state is not None:
            self._looker.rule = OBJECTIVES[(OBJECTIVES.index(self._state.rule) + 1) % len(OBJECTIVES)]
            self._poller.hurry()

    def action_order(self) -> None:
        self._ordered = not self._ordered
        self._show()

    def action_compare(self) -> None:
        rows = self._state.best if self._state is not None else ()
        cells = [cell for row in rows for cell in row.cells if cell.state == "finished"]
        ids = [cell.run["id"] for cell in cells if cell.run is not None]
        if len(ids) < 2:
            self._say("fewer than two runs have finished")
            return
        if len(ids) > COMPARED:
            self._say(f"the {COMPARED} runs of the best points, of {len(ids):,}")
        self.post_message(OpenCompare(ids[:COMPARED]))

    def action_start(self) -> None:
        if self._state is None:
            return
        missing = sum(self._state.counts.get(state, 0) for state in ("missing", "stopped", "failed", "lost"))
        if not missing:
            self._say("nothing to start: every run has finished, is running or waits", "warning")
            return
        host = launcher(self._state.sweep.launcher)
        words = [self._sweep, *([] if host.queues else ["--launcher", "queue"])]
        self._say(f"starting {missing:,} run{'s' * (missing != 1)} …")
        self._do(lambda: f"{control.start_outside(self._home, *words)} started")

    def action_stop(self) -> None:
        if self._state is None:
            return
        running, waiting, held = (self._state.counts.get(state, 0) for state in IN_HAND)
        waiting += held
        if not running + waiting:
            self._say("nothing to stop: no run of this sweep is running or waits", "warning")
            return
        text = (
            f"{running:,} running: each stops at its next step, with a checkpoint. "
            f"{waiting:,} waiting: they leave the queue. R starts them again."
        )
        self._ask(f"Stop all runs of {safe_text(self._sweep)}?", text, "stop them", partial(self._do, self._stop))

    def action_delete(self) -> None:
        text = "The runs that it made are deleted with all their files; runs that existed before are kept."
        self._ask(f"Delete sweep {safe_text(self._sweep)}?", text, "delete", partial(self._do, self._delete))

    def action_back(self) -> None:
        self.dismiss()

    async def take(self, state: State) -> None:
        self._state = state
        self._show()

    @on(CellGrid.Opened)
    def _opened(self) -> None:
        self.action_open()

    @on(CellGrid.Moved)
    @on(About.Resized)
    def _redraw(self) -> None:
        self._draw()

    @property
    def _grid(self) -> CellGrid:
        return self.query_one(CellGrid)

    @property
    def _shown(self) -> str:
        """The parameter in the chart."""
        names = parameters(self._state) if self._state is not None else []
        return self._parameter if self._parameter in names else names[0] if names else ""

    def _stop(self) -> str:
        assert self._state is not None
        number = control.stop(self._home, self._state.sweep)
        return f"{number:,} run{'s' * (number != 1)} asked to stop"

    def _delete(self) -> str:
        number = control.delete(self._home, registry.get(self._home, self._sweep))
        self.app.call_later(self.dismiss)
        return f"deleted {self._sweep} and {number:,} run{'s' * (number != 1)}"

    def _show(self) -> None:
        if self._state is None or not self.is_attached:
            return
        state, palette = self._state, palette_in(self.app)
        self.set_class(not parameters(state), "-plain")
        size = min(BAR, max(8, self.size.width - 60))
        head = ink(safe_text(self._sweep), f"bold {palette.text}")
        put(self.query_one("#head", Static), head.append("  ").append_text(progress(state.counts, size, palette)))
        self._grid.show(state.rows if self._ordered else state.best, state.rule)
        self._draw()

    def _draw(self) -> None:
        """Draw the chart and the line of the cell under the cursor."""
        if (state := self._state) is None:
            return
        about = self.query_one("#about", Static)
        text = self._about(state, about.size.width or self.size.width - 2, palette_in(self.app))
        put(about, text)
        parameter, chosen = self._shown, self._grid.row
        if parameter:
            picture = self.query_one(Picture)
            picture.show(
                (id(state), parameter, chosen and chosen.name),
                lambda width, height, palette: chart(state, parameter, chosen, width, height, palette),
            )

    def _about(self, state: State, width: int, palette: Palette) -> Text:
        """The cell under the cursor in one line, and below it what its number means."""
        text = ink("")
        cell, row = self._grid.current, self._grid.row
        if cell is not None and row is not None:
            value = row.values[row.cells.index(cell)]
            text.append(f"{mark(cell)} {cell.state}  ", style(cell.state, palette))
            text.append(f"{safe_text(row.name)}, seed {cell.task.plan.config.seed}", palette.text)
            text.append(f"  {percent(value)} %" if value is not None else "", f"bold {palette.text}")
            if cell.run is not None and cell.run["reason"]:
                text.append(f"  {safe_text(cell.run['reason'])}", palette.bad)
        return Text("\n").join([fit(text, width), *wrap(ink(meaning(state.rule), palette.muted), width)])
