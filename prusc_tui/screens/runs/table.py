"""The table of runs: draws visible lines, and redraws only changed ones."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from core.feed.board import Row
from prusc_tui.screens.runs.columns import GAP, Cell, Column, cells, lay_out, wanted_widths
from prusc_tui.widgets.bars import filled
from prusc_tui.widgets.cursor_list import CursorList

GUTTER = 3
"""Cells at the left: cursor bar, mark, space."""


class RunTable(CursorList):
    """Any number of runs, with a cursor that stays on its run when rows change."""

    HEAD: ClassVar[int] = 1
    """The names of the columns."""
    OVERLAP: ClassVar[int] = 1
    COMPONENT_CLASSES = {"run-table--head"}  # noqa: RUF012
    DEFAULT_CSS = "RunTable > .run-table--head { background: $surface; }"

    @dataclass
    class Opened(Message):
        """A run was double-clicked."""

        id: str

    class Moved(Message):
        """The cursor moved to another run, or to none."""

    class Marked(Message):
        """The marks have changed."""

    @dataclass
    class SortAsked(Message):
        """The heading of a column was clicked."""

        key: str

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.marked: set[str] = set()
        self.rows: Sequence[Row] = ()
        self._clock = clock
        self._wanted: Mapping[str, int] = wanted_widths(())
        self._anchor: str | None = None
        self.current: str | None = None
        """Id of the run under the cursor."""
        self._columns: tuple[tuple[Column, int], ...] = ()
        self._sorted: tuple[str, bool] = ("started", True)
        self._nothing = ""
        self._strips: dict[tuple[str, bool, bool, bool], tuple[Row, Strip]] = {}

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column.key for column, _ in self._columns)

    def show(self, rows: Sequence[Row], nothing: str = "", wanted: Mapping[str, int] | None = None) -> None:
        """Show these rows, or a text if there are none.

        The widths of columns fit the rows by default; those wanted by all runs keep them in place while a filter is
        typed.
        """
        offset = self._at - self.scroll_offset.y
        self.rows, self._nothing = rows, nothing
        self._wanted = wanted if wanted is not None else wanted_widths(rows)
        if self._anchor is None and rows:
            self._anchor = rows[0].id
        # The run of the cursor may be filtered out; the cursor returns to it later.
        there = (place for place, row in enumerate(rows) if row.summary["id"] == self._anchor)
        self._at = next(there, min(self._at, max(0, len(rows) - 1)))
        self._measure()
        if self.scroll_offset.y:
            self._scroll(self._at - offset)
        self._reveal()
        self._repaint()
        self.moved()

    def show_sorted(self, key: str, down: bool) -> None:
        """Mark the column by which the rows are sorted, and the direction."""
        self._sorted = key, down
        self._repaint()

    def toggle_mark(self, id: str) -> None:
        self.mark(self.marked ^ {id})

    def mark(self, ids: Iterable[str]) -> None:
        if (marked := set(ids)) != self.marked:
            self.marked = marked
            self._repaint()
            self.post_message(self.Marked())

    def on_click(self, event: Click) -> None:
        if event.y == 0:
            if (key := self._column_at(event.x)) is not None:
                self.post_message(self.SortAsked(key))
            return
        if (place := self.place_under(event)) is None:
            return
        self._go(place)
        if event.x < GUTTER:
            self.toggle_mark(self.rows[place].id)
        elif event.chain == 2:
            self.post_message(self.Opened(self.rows[place].id))

    def draw_head(self, y: int) -> Strip:  # noqa: ARG002
        palette = self._palette
        made = [Cell(" " * GUTTER, palette.muted)]
        for column, width in self._columns:
            ours = column.key == self._sorted[0]
            arrow = ("▼" if self._sorted[1] else "▲") if ours else ""
            title = arrow + column.title if column.right else column.title + arrow
            style = f"bold {palette.accent}" if ours else palette.muted
            made += [Cell(filled(title, width, column.right), style), Cell(" " * GAP, palette.muted)]
        return self._strip(made, self.get_component_rich_style("run-table--head"))

    def draw_line(self, place: int) -> Strip:
        if place < len(self.rows):
            return self._run(self.rows[place], place == self._at)
        text = f"{' ' * GUTTER}{self._nothing}" if place == 1 and not self.rows else ""
        return self._strip([Cell(text, self._palette.muted)], self.rich_style)

    def moved(self) -> None:
        current = self.rows[self._at].id if self.rows else None
        if current != self.current:
            self.current = current
            self.post_message(self.Moved())

    def _go(self, place: int) -> None:
        self._anchor = self.rows[place].id
        super()._go(place)

    def _measure(self) -> None:
        columns = lay_out(self._wanted, max(0, self._width - GUTTER))
        if columns != self._columns:
            self._columns = columns
            self._restyle()
        super()._measure()

    def _restyle(self) -> None:
        self._strips.clear()
        super()._restyle()

    def _run(self, row: Row, here: bool) -> Strip:
        marked, focused = row.id in self.marked, here and self.has_focus
        key = row.id, here, focused, marked
        known = self._strips.get(key)
        if known is not None and known[0] is row:
            return known[1]
        palette = self._palette
        made = [
            Cell("▌" if here else " ", palette.accent if focused else palette.muted),
            Cell("● " if marked else "  ", palette.accent),
        ]
        now = self._clock()
        for column, width in self._columns:
            made += [*cells(row, column, width, now, palette), Cell(" " * GAP, palette.muted)]
        ground = self.get_component_rich_style("cursor-list--cursor") if here else self.rich_style
        if here and palette.background == "default":  # none of the terminal's own colours is sure to stand out
            made, ground = [made[0], *(Cell(cell.text, "reverse") for cell in made[1:])], self.rich_style
        strip = self._strip(made, ground)
        if len(self._strips) > 512:
            self._strips.clear()
        self._strips[key] = row, strip
        return strip

    def _strip(self, made: Sequence[Cell], ground: Style) -> Strip:
        segments = [Segment(cell.text, ground + Style.parse(cell.style)) for cell in made if cell.text]
        return Strip(segments).adjust_cell_length(self._width, ground)

    def _column_at(self, x: int) -> str | None:
        begin = GUTTER
        for column, width in self._columns:
            if begin <= x < begin + width + GAP:
                return column.key
            begin += width + GAP
        return None
