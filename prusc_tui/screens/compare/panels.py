"""Two views of a comparison: the group tables, and the settings that differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import DataTable, Static

from core.results.compare import Family
from core.runs.record import RunRecord
from prusc_tui.tables.comparison import FamilyGrid, grid_of_settings
from prusc_tui.tables.grid import Grid
from prusc_tui.tables.widget import GridTable
from prusc_tui.widgets.quiet import put

ROOM_FOR_SPACE = 26
"""Height from which the blocks of a table are separated."""


class FamilyTable(GridTable):
    """A group table, with a cursor on families that can be unfolded into their runs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "runs", tooltip="show the runs of the family, or hide them")
    ]

    owners: Sequence[Family | None] = ()
    """Families of the columns."""

    def __init__(self) -> None:
        super().__init__(by_columns=True, fixed=2)


class GroupsPanel(VerticalScroll):
    """Group tables, one for each data set, with notes below."""

    can_focus = False
    DEFAULT_CSS = """
    GroupsPanel { padding: 0; scrollbar-size-vertical: 1; }
    GroupsPanel FamilyTable { max-height: 100%; }
    GroupsPanel .notes { height: auto; color: $foreground-muted; padding: 0 1; margin: 1 0; }
    """

    @dataclass
    class Unfolded(Message):
        """A family was unfolded or folded."""

        family: Family

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[FamilyGrid] = []
        self._unfolded: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        yield FamilyTable()
        yield Static(classes="notes")

    async def show(self, grids: Sequence[FamilyGrid], unfolded: frozenset[str], empty: str) -> None:
        """Show a table for each data set; `unfolded` has the ids of the first runs of unfolded families."""
        self._shown, self._unfolded = list(grids), unfolded
        for _ in range(len(self.query(FamilyTable)), len(grids)):
            await self.mount(FamilyTable(), Static(classes="notes"))
        self._draw(empty)

    def on_resize(self) -> None:
        if self._shown:
            self._draw("")

    def _draw(self, empty: str) -> None:
        spaced = self.size.height >= ROOM_FOR_SPACE and len(self._shown) == 1
        tables, notes = self.query(FamilyTable), self.query(".notes").results(Static)
        for number, (table, note) in enumerate(zip(tables, notes, strict=True)):
            there, text = number < len(self._shown), empty
            table.display, note.display = there, there or number == 0
            if there:
                grid, table.owners = self._shown[number]
                table.show(grid, spaced=spaced, signs=self._signs(grid, table.owners))
                text = "\n".join([*grid.notes, grid.about])
            put(note, Text(text))

    def _signs(self, grid: Grid, owners: Sequence[Family | None]) -> dict[int, str]:
        """`+` before a folded family, `−` before an unfolded one; its runs have their own sign."""
        return {
            i: "− " if family.runs[0].id in self._unfolded else "+ "
            for i, family in enumerate(owners)
            if family is not None and len(family.runs) > 1 and not grid.columns[i].startswith("└")
        }

    @on(DataTable.ColumnSelected)
    def _column_selected(self, event: DataTable.ColumnSelected) -> None:
        event.stop()
        self._unfold(event.data_table, event.cursor_column)

    @on(DataTable.HeaderSelected)
    def _header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        self._unfold(event.data_table, event.column_index)

    def _unfold(self, table: object, column: int) -> None:
        # The first column holds the titles, not a family.
        family = table.owners[column - 1] if column and isinstance(table, FamilyTable) else None
        if family is not None and len(family.runs) > 1:
            self.post_message(self.Unfolded(family))


class SettingsPanel(VerticalScroll):
    """Settings of the runs, differing ones or all, with the overlap of their masks below."""

    can_focus = False
    DEFAULT_CSS = """
    SettingsPanel { padding: 0 1; scrollbar-size-vertical: 1; }
    SettingsPanel GridTable { max-height: 100%; }
    SettingsPanel Static { height: auto; color: $foreground-muted; padding: 0 1; margin: 0 0 1 0; }
    SettingsPanel #masks { margin: 1 0; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="same")
        yield GridTable(by_columns=False, id="settings")
        yield Static(id="masks")
        yield GridTable(by_columns=False, id="overlaps")

    def show(self, records: Sequence[RunRecord], everything: bool, overlaps: Grid | None) -> None:
        title = "all settings; ≠ where the runs differ" if everything else "settings in which the runs differ"
        settings = grid_of_settings(records, everything=everything)
        self._show("settings", settings)
        self._say("same", title if settings is not None else "the runs have the same settings and seed")
        self._show("overlaps", overlaps)
        self._say("masks", overlaps.about if overlaps is not None else "")

    def _show(self, id: str, grid: Grid | None) -> None:
        table = self.query_one(f"#{id}", GridTable)
        table.display = grid is not None
        if grid is not None:
            table.show(grid)

    def _say(self, id: str, text: str) -> None:
        line = self.query_one(f"#{id}", Static)
        line.display = bool(text)
        put(line, Text(text))
