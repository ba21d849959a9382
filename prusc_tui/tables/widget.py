"""A table of a comparison on the screen, which repaints only changed cells and keeps its position."""

from collections.abc import Mapping
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.widget import Widget
from textual.widgets import DataTable

from prusc_tui.palette import Palette, palette_in
from prusc_tui.tables.grid import Cell, Grid, folded
from prusc_tui.widgets.themed import Themed

_BLANK = Cell("")


class GridTable(Themed, DataTable[Text]):
    """Shows a `Grid`. The first column stays in place while the others scroll.

    Args:
        by_columns: the cursor selects a column instead of a row.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "cursor_left", show=False),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("l", "cursor_right", show=False),
        Binding("space", "select_cursor", show=False),
    ]
    DEFAULT_CSS = """
    GridTable { height: auto; background: $background; background-tint: $background 0%; scrollbar-size-horizontal: 1; }
    GridTable:focus { background-tint: $background 0%; }
    GridTable > .datatable--header, GridTable:focus > .datatable--header { background: $background; text-style: none; }
    GridTable > .datatable--fixed, GridTable:focus > .datatable--fixed { background: $background; color: $foreground; }
    GridTable > .datatable--cursor, GridTable:focus > .datatable--cursor,
    GridTable > .datatable--fixed-cursor, GridTable:focus > .datatable--fixed-cursor {
        background: $panel; color: $foreground; text-style: none;
    }
    GridTable > .datatable--header-cursor, GridTable:focus > .datatable--header-cursor {
        background: $background; color: $accent; text-style: reverse bold;
    }
    GridTable > .datatable--hover, GridTable > .datatable--header-hover { background: $surface; }
    """

    def __init__(self, *, by_columns: bool, fixed: int = 1, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(
            cursor_type="column" if by_columns else "row",
            fixed_columns=fixed,
            show_row_labels=False,
            id=id,
            classes=classes,
        )
        self._drawn: tuple[tuple[str, ...], list[tuple[Cell, ...]]] | None = None
        self._signs: Mapping[int, str] = {}
        self._grid: Grid | None = None
        self._spaced = True

    def action_cursor_down(self) -> None:
        if not self._passed_on("scroll_down"):
            super().action_cursor_down()

    def action_cursor_up(self) -> None:
        if not self._passed_on("scroll_up"):
            super().action_cursor_up()

    def action_page_down(self) -> None:
        if not self._passed_on("scroll_page_down"):
            super().action_page_down()

    def action_page_up(self) -> None:
        if not self._passed_on("scroll_page_up"):
            super().action_page_up()

    def _passed_on(self, scroll: str) -> bool:
        """Scroll the container instead, at the end of a table without a row cursor; False if the table scrolls."""
        holder = self.parent
        if not isinstance(holder, Widget) or self.cursor_type != "column":
            return False
        if scroll.endswith("down"):
            ended = self.scroll_y >= self.max_scroll_y
        else:
            ended = self.scroll_y <= 0 or holder.scroll_y > 0
        if ended:
            getattr(holder, scroll)(animate=False)
        return ended

    def theme_changed(self) -> None:
        self._again()

    def watch_virtual_size(self) -> None:
        """Lay out again once the size of all rows is known.

        Textual caches the height of an auto-sized widget while a layout is pending, but measures the rows later.
        """
        self.call_later(self.refresh, layout=True)

    def show(self, grid: Grid, *, spaced: bool = True, signs: Mapping[int, str] | None = None) -> None:
        """Show a table, `spaced` between its blocks, with a sign before the headings of some columns.

        Nothing is repainted if it has not changed.
        """
        self._grid, self._spaced, self._signs = grid, spaced, signs or {}
        heads = (grid.corner, *(self._signs.get(i, "") + t for i, t in enumerate(grid.columns)))
        rows = _rows(grid, spaced)
        before, self._drawn = self._drawn, (heads, rows)
        if before is not None and before[0] == heads and _widths(before[1]) == _widths(rows):
            for y, (old, new) in enumerate(zip(before[1], rows, strict=True)):
                for x, (was, cell) in enumerate(zip(old, new, strict=True)):
                    if was != cell:
                        self.update_cell_at(Coordinate(y, x), self._text(cell, x))
            return
        self._rebuild(heads, rows)

    def _rebuild(self, heads: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> None:
        place, scroll = self.cursor_coordinate, self.scroll_offset
        labels = [folded(head) for head in heads]
        self.clear(columns=True)
        self.header_height = max(label.count("\n") + 1 for label in labels)
        texts = [[self._text(cell, x) for x, cell in enumerate(row)] for row in rows]
        for x, label in enumerate(labels):
            # Explicit, as Textual may measure a column before it has all rows.
            width = max(map(cell_len, [*label.split("\n"), *(row[x].plain for row in texts)]))
            self.add_column(Text(label, f"bold {self._palette.text}"), width=width)
        for row in texts:
            self.add_row(*row)
        column = max(self.fixed_columns, min(place.column, len(heads) - 1))
        self.move_cursor(row=min(place.row, len(rows) - 1), column=column, scroll=False)
        self.call_after_refresh(self.scroll_to, scroll.x, scroll.y, animate=False)

    def _again(self) -> None:
        if self._grid is not None:
            self._drawn = None
            self.show(self._grid, spaced=self._spaced, signs=self._signs)

    def _text(self, cell: Cell, column: int) -> Text:
        palette = self._palette
        if column == 0:
            return Text(cell.text, f"bold {palette.text}" if cell.stands_out else palette.text)
        style = f"bold {palette.accent}" if cell.stands_out else palette.text
        text = Text(cell.text.rjust(5) if cell.is_number else cell.text, style, no_wrap=True)
        return text.append(f" {cell.spread}", palette.muted) if cell.spread else text

    @property
    def _palette(self) -> Palette:
        return palette_in(self.app)


def _widths(rows: list[tuple[Cell, ...]]) -> list[list[int]]:
    """Width of every cell; a change may affect the widths of columns."""
    return [[cell_len(cell.text) + cell_len(cell.spread) for cell in row] for row in rows]


def _rows(grid: Grid, spaced: bool) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for number, block in enumerate(grid.blocks):
        if number and spaced:
            rows.append((_BLANK,) * (len(grid.columns) + 1))
        for line in block:
            overall = line.title == "worst group"
            rows.append((Cell(line.title, stands_out=overall), *line.cells))
    return rows
