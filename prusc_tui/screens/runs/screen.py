"""The first screen: all runs, and a summary of the one under the cursor."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widgets import Static

from core.feed.board import Board, Row, Rows
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import complaints
from core.runs.query import Query, parse
from core.runs.text import safe_text
from experiments.launchers import settle
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenCompare, OpenData, OpenNew, OpenQueue, OpenRun, OpenSweep
from prusc_tui.palette import MARKS, Palette, palette_in
from prusc_tui.screens.following import Following
from prusc_tui.screens.life import Life
from prusc_tui.screens.runs.columns import BY_KEY, COLUMNS, wanted_widths
from prusc_tui.screens.runs.filter import RunFilter, ordered, pick
from prusc_tui.screens.runs.side import SidePanel
from prusc_tui.screens.runs.table import RunTable
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.themed import Themed

EVERY, EVERY_OF_MANY, MANY = 0.5, 1.0, 2000
"""Seconds between readings of the runs, and for more than MANY of them."""
WIDE = 110
"""Width of the terminal from which the side panel is shown by default."""


class RunsScreen(Themed, Following, Life):
    """All runs of a home."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("runs") + bindings("life")
    AUTO_FOCUS: ClassVar[str | None] = "RunTable"
    DEFAULT_CSS = """
    RunsScreen #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }
    RunsScreen #body { height: 1fr; layout: horizontal; }
    RunsScreen SidePanel { display: none; width: 36%; min-width: 44; max-width: 72; height: 100%; }
    RunsScreen.side SidePanel { display: block; }
    RunsScreen.below #body { layout: vertical; }
    RunsScreen.below SidePanel { width: 100%; max-width: 100%; height: 45%; border-top: solid $panel; }
    RunsScreen #welcome { display: none; width: 1fr; height: 1fr; content-align: center middle; text-align: center; }
    RunsScreen.empty #welcome { display: block; }
    RunsScreen.empty RunTable, RunsScreen.empty SidePanel { display: none; }
    """

    def __init__(self, home: Home, clock: Callable[[], float] = time.time) -> None:
        super().__init__(self._look, EVERY, home.index)
        self._board = Board(home, clock)
        self.rows = Rows()
        self._home = home
        self._clock = clock
        self._how_many_run = 0
        self._shown: Sequence[Row] = ()
        self._edition = -1
        self._wanted = wanted_widths(())
        self._query: Query = parse("")
        self._sort: tuple[str, bool] = ("started", False)
        self._order: Sequence[str] = ()
        """Ids of all runs as they are sorted, so that a filter as typed need not sort them again."""
        self._side_asked: bool | None = None
        self._covered = False

    def _look(self) -> Rows:
        rows = self._board.look()
        settle(self._home, (row.summary for row in rows.all))
        return rows

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield RunFilter()
        with Container(id="body"):
            yield RunTable(self._clock)
            yield Static(id="welcome")
            yield SidePanel(self._clock)
        yield KeyLine()

    def theme_changed(self) -> None:
        self._say_head()

    def on_mount(self) -> None:
        self._sort_by(*self._sort)
        self._say_head()

    def on_resize(self, event: Resize) -> None:
        self._place_side(event.size.width)
        self._say_head()

    def on_screen_resume(self) -> None:
        self._covered = False
        self._show_side()

    def on_screen_suspend(self) -> None:
        self._covered = True
        self.query_one(SidePanel).watch_run(None)

    def life_targets(self) -> list[RunFolder]:
        table = self._table
        ids = [id for id in self._ids() if id in table.marked] if table.marked else [table.current]
        return [RunFolder(self._home, id) for id in ids if id is not None]

    def acted(self) -> None:
        self._poller.hurry()

    def life_gone(self, ids: Sequence[str]) -> None:
        table = self._table
        table.mark(table.marked - set(ids))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Without runs, only keys that create one are active."""
        return len(self.rows) > 0 or action not in ("open", "filter", "mark", "compare", "mark_all")

    def action_open(self) -> None:
        if (id := self._table.current) is not None:
            self.post_message(OpenRun(id))

    def action_new(self) -> None:
        self.post_message(OpenNew())

    def action_data(self) -> None:
        self.post_message(OpenData())

    def action_queue(self) -> None:
        self.post_message(OpenQueue())

    def action_sweeps(self) -> None:
        self.post_message(OpenSweep())

    def action_compare(self) -> None:
        """Compare the marked runs; if one is marked, with the one under the cursor."""
        table = self._table
        chosen = table.marked | ({table.current} if len(table.marked) == 1 and table.current else set())
        ids = [id for id in self._ids() if id in chosen]
        if len(ids) < 2:
            self.notify("mark two or more runs with space, then compare", markup=False)
        else:
            self.post_message(OpenCompare(ids))

    def action_mark(self) -> None:
        if (id := self._table.current) is not None:
            self._table.toggle_mark(id)
            self._table.action_move(1)

    def action_mark_all(self) -> None:
        shown = {row.id for row in self._shown}
        marked = self._table.marked
        self._table.mark(marked - shown if shown <= marked else marked | shown)

    def action_filter(self) -> None:
        self.query_one(RunFilter).ask()

    def action_clear(self) -> None:
        line = self.query_one(RunFilter)
        if line.shown:
            line.clear()
            self._table.focus()
        else:
            self._table.mark(())

    def action_sort(self, by: int) -> None:
        keys = list(self._table.columns) or [column.key for column in COLUMNS]
        at = keys.index(self._sort[0]) if self._sort[0] in keys else -1 if by > 0 else 0
        self._sort_by(keys[(at + by) % len(keys)], False)

    def action_reverse(self) -> None:
        self._sort_by(self._sort[0], not self._sort[1])

    def action_toggle_side(self) -> None:
        self._side_asked = not self.has_class("side")
        self._place_side(self.size.width)

    @property
    def _table(self) -> RunTable:
        return self.query_one(RunTable)

    def _ids(self) -> list[str]:
        """Ids of all runs: visible ones in order, then the others."""
        return list(dict.fromkeys(row.id for row in (*self._shown, *self.rows.all)))

    async def take(self, state: Rows) -> None:
        self.rows, self._how_many_run = state, state.running
        for sentence in complaints():
            self.notify(sentence, severity="warning", markup=False)
        self.set_class(not self.rows.all, "empty")
        self._poller.every = EVERY_OF_MANY if len(self.rows) > MANY else EVERY
        # Clocks and progress alone do not reorder runs, unless sorted by them.
        if self.rows.edition != self._edition or self._sort[0] == "time":
            self._wanted = wanted_widths(self.rows.all)
            table = self._table
            if gone := {id for id in table.marked if self.rows.get(id) is None}:
                table.mark(table.marked - gone)
            self._arrange()
            self.refresh_bindings()
        else:
            self._show_rows([self.rows.by_id[row.id] for row in self._shown])
        if not self.rows.all:
            self.query_one("#welcome", Static).update(_welcome(palette_in(self.app)))
        self._say_head()

    @on(RunFilter.Filtered)
    def _filtered(self) -> None:
        line = self.query_one(RunFilter)
        self._query = line.query_in_force
        if not (found := self._picked()) and (wider := line.meanwhile) is not None:
            self._query = wider
            found = self._picked()
        self._show_rows(found)
        self._say_head()

    @on(RunFilter.Left)
    def _filter_left(self) -> None:
        self._query = self.query_one(RunFilter).query_in_force
        self._show_rows(self._picked())
        self._say_head()
        self._table.focus()

    @on(RunTable.Opened)
    def _opened(self, message: RunTable.Opened) -> None:
        self.post_message(OpenRun(message.id))

    @on(RunTable.Moved)
    def _moved(self) -> None:
        self._show_side()

    @on(RunTable.Marked)
    def _marked(self) -> None:
        self._say_head()

    @on(RunTable.SortAsked)
    def _sort_asked(self, message: RunTable.SortAsked) -> None:
        self._sort_by(message.key, not self._sort[1] if message.key == self._sort[0] else False)

    def _sort_by(self, key: str, turned: bool) -> None:
        self._sort = key, turned
        self._table.show_sorted(key, BY_KEY[key].sort.startswith("-") != turned)
        self._arrange()

    def _arrange(self) -> None:
        """Sort all runs, and show those that match."""
        key, turned = self._sort
        self._edition = self.rows.edition
        self._order = ordered(self.rows, BY_KEY[key].sort, turned)
        self._show_rows(self._picked())

    def _picked(self) -> list[Row]:
        return pick(self.rows, self._query, self._order)

    def _show_rows(self, rows: Sequence[Row]) -> None:
        self._shown = rows
        self._table.show(rows, self._nothing, self._wanted)

    @property
    def _nothing(self) -> str:
        return "no run matches; escape clears the filter" if self.rows.all else ""

    def _place_side(self, width: int) -> None:
        shown = self._side_asked if self._side_asked is not None else width >= WIDE
        self.set_class(shown, "side")
        self.set_class(width < WIDE, "below")
        self._show_side()

    def _show_side(self) -> None:
        row = self.rows.get(self._table.current) if self.has_class("side") and not self._covered else None
        folder = RunFolder(self._home, row.id) if row is not None else None
        self.query_one(SidePanel).watch_run(folder, row.summary["name"] if row is not None else "")

    def _say_head(self) -> None:
        counts = len(self.rows), len(self._shown), self._how_many_run, len(self._table.marked)
        line = _head(*counts, self._home.root, self.size.width - 2, palette_in(self.app))
        self.query_one("#head", Static).update(line, layout=False)


def _head(total: int, shown: int, running: int, marked: int, root: Path, width: int, palette: Palette) -> Text:
    """Number of runs, of visible, active and marked ones, and the path of the home."""
    line = Text("prusc-tui", f"bold {palette.accent}", no_wrap=True)
    if total:
        word = "run" if total == 1 else "runs"
        count = f"{total:,} {word}" if shown == total else f"{shown:,} of {total:,} {word}"
        line.append(f"  {count}", palette.text)
    if running:
        line.append(f"  {MARKS['running']} {running} running", palette.of_state("running"))
    if marked:
        line.append(f"  ● {marked} marked", f"bold {palette.text}")
    place = _short_path(root, max(0, width - line.cell_len - 2))
    return line.append(" " * max(2, width - line.cell_len - len(place))).append(place, palette.muted)


def _welcome(palette: Palette) -> Text:
    text, loud, muted = palette.text, f"bold {palette.text}", palette.muted
    return Text.assemble(
        ("No runs yet\n\n", loud),
        ("press ", text),
        ("n", f"bold {palette.accent}"),
        (" to start one; the preset ", text),
        ("demo", loud),
        (" takes a minute or two on a laptop\n\n", text),
        ("from a shell: prusc run demo\n", muted),
        ("all keys: ?", muted),
        justify="center",
    )


def _short_path(path: Path, width: int) -> str:
    """A path with ~ for the user's folder; its beginning is cut if it is too long."""
    try:
        shown = f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):  # outside it, or a user without a home folder
        shown = str(path)
    shown = safe_text(shown)
    if len(shown) <= width:
        return shown
    return f"…{shown[len(shown) - width + 1 :]}" if width > 8 else ""
