"""The cells of a sweep: points down, seeds across, the value of each point; draws visible lines only."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from core.runs.text import safe_text
from core.words import percent
from experiments.sweeps.cells import Cell
from prusc_tui.report.sweep import mark, style
from prusc_tui.screens.sweep.state import Row
from prusc_tui.widgets.bars import fit, ink, shorten
from prusc_tui.widgets.cursor_list import CursorList

VALUE = 20
"""Cells of the value of a point, with the number of runs behind it."""
LEAST_NAME, LEAST_MARKS = 12, 5
FEW = 8
"""Number of seeds up to which their marks are apart."""


class CellGrid(CursorList):
    """A cursor on one cell; it stays on its point when points change places."""

    HEAD = 1
    OVERLAP = 1
    COMPONENT_CLASSES = {"cell-grid--head"}  # noqa: RUF012
    DEFAULT_CSS = "CellGrid > .cell-grid--head { background: $surface; }"

    class Moved(Message):
        """The cursor is on another cell, or its cell has changed."""

    class Opened(Message):
        """A cell was double-clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: Sequence[Row] = ()
        self._rule = ""
        self._seed = 0
        self._anchor: str | None = None
        self._current: Cell | None = None
        self._longest = LEAST_NAME
        self._most = 1
        self._best: Row | None = None
        self._lines: dict[int, Strip] = {}
        """Lines without the cursor, by place."""

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def row(self) -> Row | None:
        """The point under the cursor."""
        return self.rows[self._at] if self.rows else None

    @property
    def current(self) -> Cell | None:
        """The cell under the cursor."""
        return self.row.cells[min(self._seed, len(self.row.cells) - 1)] if self.row is not None else None

    def show(self, rows: Sequence[Row], rule: str) -> None:
        """Show the points of a sweep in this order, each with its value under a rule."""
        self.rows, self._rule = rows, rule
        self._lines.clear()
        self._longest = max((cell_len(safe_text(row.name)) for row in rows), default=0)
        self._most = max((len(row.cells) for row in rows), default=1)
        self._best = max((row for row in rows if row.mean is not None), key=lambda row: row.mean or 0.0, default=None)
        at = next((n for n, row in enumerate(rows) if row.name == self._anchor), None)
        self._at = min(self._at, max(0, len(rows) - 1)) if at is None else at
        self._measure()
        self._reveal()
        self._repaint()
        self.moved()

    def turn(self, by: int) -> None:
        """Go to another seed."""
        _, before = self._shares()
        self._seed = max(0, min(self._seed + by, self._most - 1))
        if self._shares()[1] != before:
            self._lines.clear()
        self._repaint()
        self.moved()

    def on_click(self, event: Click) -> None:
        if (place := self.place_under(event)) is None:
            return
        name, seeds = self._shares()
        across = (event.x - 2 - name - 2) // self._step
        if 0 <= across < len(seeds):
            self._seed = seeds[across]
            self._lines.clear()
        self._go(place)
        self._repaint()
        self.moved()
        if event.chain == 2:
            self.post_message(self.Opened())

    def moved(self) -> None:
        self._anchor = self.row.name if self.row is not None else None
        if self.current is not self._current:
            self._current = self.current
            self.post_message(self.Moved())

    def draw_head(self, y: int) -> Strip:  # noqa: ARG002
        name, seeds = self._shares()
        numbers = [cell.task.plan.config.seed for cell in self.rows[0].cells] if self.rows else []
        shown = [str(numbers[seed]) for seed in seeds if seed < len(numbers)]
        brief = self._step == 2 and all(len(number) == 1 for number in shown)
        muted = self._palette.muted
        line = ink("  ").append_text(fit("point", name, muted)).append("  ")
        line.append_text(fit(" ".join(shown) if brief else "seeds", self._marks(seeds), muted)).append("  ")
        line.append(f"{self._rule}, %" if self.rows else "", muted)
        strip = Strip(line.render(self.app.console)).adjust_cell_length(self._width)
        return strip.apply_style(self.get_component_rich_style("cell-grid--head"))

    def draw_line(self, place: int) -> Strip:
        if place >= len(self.rows):
            return self._across(ink(""))
        if place == self._at:
            return self._across(self._point(self.rows[place], here=True), here=True)
        if (known := self._lines.get(place)) is None:
            known = self._lines[place] = self._across(self._point(self.rows[place], here=False))
        return known

    def _restyle(self) -> None:
        self._lines.clear()
        super()._restyle()

    @property
    def _step(self) -> int:
        """Cells from one mark to the next."""
        return 2 if self._most <= FEW else 1

    def _marks(self, seeds: range) -> int:
        """Cells of the marks of these seeds."""
        return max(LEAST_MARKS, self._step * len(seeds) - (self._step - 1))

    def _shares(self) -> tuple[int, range]:
        """Width of the names, and the seeds that fit beside them: a part with that of the cursor if not all do."""
        room = self._width - 2 - 2 - 2 - VALUE
        name = max(LEAST_NAME, min(self._longest, room - min(self._step * self._most, max(LEAST_MARKS, room // 2))))
        fitting = max(1, (room - name + self._step - 1) // self._step)
        first = max(0, min(self._seed - fitting // 2, self._most - fitting))
        return name, range(first, min(self._most, first + fitting))

    def _point(self, row: Row, here: bool) -> Text:
        palette = self._palette
        name, seeds = self._shares()
        best = row is self._best
        line = ink("▌ " if here else "  ", palette.accent if self.has_focus else palette.muted)
        line.append_text(
            fit(shorten(safe_text(row.name), name), name, f"bold {palette.text}" if best else palette.text)
        )
        line.append("  ")
        begin = line.cell_len
        for seed in seeds:
            if seed < len(row.cells):
                cell = row.cells[seed]
                on = here and seed == min(self._seed, len(row.cells) - 1)
                line.append(mark(cell), f"{style(cell.state, palette)}{' reverse' if on else ''}")
                line.append(" " * (self._step - 1))
        line.append(" " * max(0, begin + self._marks(seeds) + 2 - line.cell_len))
        if row.mean is not None:
            few = f" of {len(row.cells)}" if row.n < len(row.cells) else ""
            line.append(percent(row.mean).rjust(5), f"bold {palette.good}" if best else palette.text)
            line.append(f"  n = {row.n}{few}", palette.muted)
        return line
