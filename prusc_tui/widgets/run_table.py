"""The table of runs: draws the lines that are seen, and again only those that changed."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from prusc_tui.palette import Palette
from prusc_tui.widgets.run_columns import GAP, Cell, Column, cells, fit, lay_out, wanted_widths
from prusc_tui.work.board import Row

GUTTER = 3
"""Cells at the left: the cursor's bar, the mark, a blank."""


class RunTable(ScrollView, can_focus=True):
    """Any number of runs, with a cursor that stays on its run while rows come, go and move.

    Args:
        clock: gives the seconds since 1970.
    """

    DEFAULT_CSS = """
    RunTable {
        width: 1fr; height: 1fr; background: $background; color: $foreground;
        overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
        & > .run-table--cursor { background: $primary 22%; }
        & > .run-table--head { background: $surface; }
    }
    """
    COMPONENT_CLASSES = {"run-table--cursor", "run-table--head"}  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False),
        Binding("home,g", "first", "first", show=False),
        Binding("end,G", "last", "last", show=False),
    ]

    class Opened(Message):
        """A run was clicked twice."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    class Moved(Message):
        """The cursor came to another run; None where there is none."""

        def __init__(self, id: str | None) -> None:
            super().__init__()
            self.id = id

    class Marked(Message):
        """Other runs are marked than before."""

    class SortAsked(Message):
        """The head of a column was clicked; `key` names the column."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, clock: Callable[[], float] = time.time, id: str | None = None) -> None:
        super().__init__(id=id)
        self.marked: set[str] = set()
        self.rows: Sequence[Row] = ()
        self._clock = clock
        self._wanted: Mapping[str, int] = wanted_widths(())
        self._places: dict[str, int] = {}
        self._at = 0
        self._anchor: str | None = None
        self._current: str | None = None
        self._columns: tuple[tuple[Column, int], ...] = ()
        self._sorted: tuple[str, bool] = ("started", True)
        self._nothing = ""
        self._strips: dict[str, tuple[Row, bool, Strip]] = {}
        self._drawn: dict[int, Strip] = {}

    @property
    def current(self) -> str | None:
        """Id of the run under the cursor."""
        return self._current

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are shown."""
        return tuple(column.key for column, _ in self._columns)

    def show(self, rows: Sequence[Row], nothing: str = "", wanted: Mapping[str, int] | None = None) -> None:
        """Take in the rows to show, in their order.

        Args:
            rows: from top to bottom.
            nothing: is said where there are none.
            wanted: widths of the columns; None fits them to the rows. Those of all runs keep the columns where they
                are while a filter is typed.
        """
        offset = self._at - self.scroll_offset.y
        self.rows, self._nothing = rows, nothing
        self._wanted = wanted if wanted is not None else wanted_widths(rows)
        self._places = {row.id: place for place, row in enumerate(rows)}
        if self._anchor is None and rows:
            self._anchor = rows[0].id
        # The run that the cursor was put on may be filtered out; it is found again when it comes back.
        self._at = self._places.get(self._anchor or "", min(self._at, max(0, len(rows) - 1)))
        self._measure()
        if self.scroll_offset.y:
            self._scroll(self._at - offset)
        self._reveal()
        self._repaint()
        self._tell()

    def show_sorted(self, key: str, down: bool) -> None:
        """Say by which column the rows are sorted, and whether the greatest comes first."""
        self._sorted = key, down
        self._repaint()

    def toggle_mark(self, id: str) -> None:
        """Mark a run, or no longer."""
        self.mark(self.marked ^ {id})

    def mark(self, ids: Iterable[str]) -> None:
        """Mark these runs and no others."""
        if (marked := set(ids)) != self.marked:
            self.marked = marked
            self._repaint()
            self.post_message(self.Marked())

    def go_to(self, place: int) -> None:
        """Put the cursor on the row at `place`, or as near as there is one."""
        if not self.rows:
            return
        self._at = min(max(0, place), len(self.rows) - 1)
        self._anchor = self.rows[self._at].id
        self._reveal()
        self._repaint()
        self._tell()

    def action_move(self, by: int) -> None:
        """Go up or down."""
        self.go_to(self._at + by)

    def action_page(self, by: int) -> None:
        """Go up or down by what is seen at once."""
        self.go_to(self._at + by * max(1, self._seen - 1))

    def action_first(self) -> None:
        """Go to the top."""
        self.go_to(0)

    def action_last(self) -> None:
        """Go to the bottom."""
        self.go_to(len(self.rows) - 1)

    def on_mount(self) -> None:
        """Draw again under another theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._restyle())

    def on_resize(self, _event: Resize) -> None:
        """Fit the columns to the new width."""
        self._measure()
        self._reveal()

    def on_focus(self) -> None:
        """Show that the keys come here."""
        self._restyle()

    def on_blur(self) -> None:
        """Show that the keys go elsewhere."""
        self._restyle()

    def on_click(self, event: Click) -> None:
        """Sort by a column, mark a run, go to a run, open it."""
        if event.y == 0:
            if (key := self._column_at(event.x)) is not None:
                self.post_message(self.SortAsked(key))
            return
        place = self.scroll_offset.y + event.y - 1
        if place >= len(self.rows):
            return
        self.go_to(place)
        if event.x < GUTTER:
            self.toggle_mark(self.rows[place].id)
        elif event.chain == 2:
            self.post_message(self.Opened(self.rows[place].id))

    def render_line(self, y: int) -> Strip:
        """Draw the line at `y`: the head, then the rows from where one has scrolled to."""
        strip = self._line(y)
        self._drawn[y] = strip
        return strip

    @property
    def _palette(self) -> Palette:
        palette: Palette = self.app.palette  # type: ignore[attr-defined]
        return palette

    @property
    def _width(self) -> int:
        """Cells of a line; the scrollbar has its own."""
        return max(0, self.scrollable_content_region.width)

    @property
    def _seen(self) -> int:
        """Rows that are seen at once."""
        return max(1, self.size.height - 1)

    def _measure(self) -> None:
        columns = lay_out(self._wanted, max(0, self._width - GUTTER))
        if columns != self._columns:
            self._columns = columns
            self._restyle()
        size = Size(self._width, len(self.rows) + 1)
        if size != self.virtual_size:
            self.virtual_size = size

    def _restyle(self) -> None:
        self._strips.clear()
        self._drawn.clear()
        self.refresh()

    def _scroll(self, top: int) -> None:
        most = max(0, len(self.rows) - self._seen)
        self.scroll_to(y=min(max(0, top), most), animate=False, force=True, immediate=True)

    def _reveal(self) -> None:
        top = self.scroll_offset.y
        if self._at < top:
            self._scroll(self._at)
        elif self._at >= top + self._seen:
            self._scroll(self._at - self._seen + 1)

    def _repaint(self) -> None:
        for y in range(self.size.height):
            if self._drawn.get(y) != self._line(y):
                self.refresh(Region(0, y, self._width, 1))

    def _tell(self) -> None:
        current = self.rows[self._at].id if self.rows else None
        if current != self._current:
            self._current = current
            self.post_message(self.Moved(current))

    def _line(self, y: int) -> Strip:
        if y == 0:
            return self._head()
        place = self.scroll_offset.y + y - 1
        if place < len(self.rows):
            return self._row(place)
        text = f"{' ' * GUTTER}{self._nothing}" if y == 2 and not self.rows else ""
        return self._strip([Cell(text, self._palette.muted)], self.rich_style)

    def _head(self) -> Strip:
        palette = self._palette
        made = [Cell(" " * GUTTER, palette.muted)]
        for column, width in self._columns:
            ours = column.key == self._sorted[0]
            arrow = ("▼" if self._sorted[1] else "▲") if ours else ""
            title = arrow + column.title if column.right else column.title + arrow
            style = f"bold {palette.accent}" if ours else palette.muted
            made += [Cell(fit(title, width, column.right), style), Cell(" " * GAP, palette.muted)]
        return self._strip(made, self.get_component_rich_style("run-table--head"))

    def _row(self, place: int) -> Strip:
        row, here = self.rows[place], place == self._at
        marked = row.id in self.marked
        key = row.id if not here else f"{row.id} here"
        known = self._strips.get(key)
        if known is not None and known[0] is row and known[1] == marked:
            return known[2]
        palette = self._palette
        made = [
            Cell("▌" if here else " ", palette.accent if self.has_focus else palette.muted),
            Cell("● " if marked else "  ", palette.accent),
        ]
        now = self._clock()
        for column, width in self._columns:
            made += [*cells(row, column, width, now, palette), Cell(" " * GAP, palette.muted)]
        ground = self.get_component_rich_style("run-table--cursor") if here else self.rich_style
        if here and palette.background == "default":  # the terminal's own colours: none of them is sure to stand out
            made, ground = [made[0], *(Cell(cell.text, "reverse") for cell in made[1:])], self.rich_style
        strip = self._strip(made, ground)
        if len(self._strips) > 512:
            self._strips.clear()
        self._strips[key] = row, marked, strip
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
