"""A table on a terminal: whole if it fits, else in parts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from prusc_tui.tables.grid import Cell, Grid, folded

T = TypeVar("T")

GAP = 2  # cells between columns
LEAST_TITLE, WORDS = 20, 12  # minimum cells of titles and maximum cells of text columns, in a table with text columns


def fits(grid: Grid, width: int) -> bool:
    """Whether the whole table fits."""
    return _lead(grid) + sum(_width(grid, i) for i in range(grid.words, len(grid.columns))) <= width


def parts(grid: Grid, width: int) -> Iterator[Grid]:
    """Parts that fit the width, each with titles and text columns; a single column may still be too wide."""
    begin, used = grid.words, _lead(grid)
    for i in range(grid.words, len(grid.columns)):
        size = _width(grid, i)
        if i > begin and used + size > width:
            yield _part(grid, begin, i)
            begin, used = i, _lead(grid)
        used += size
    yield _part(grid, begin, len(grid.columns))


def printed(grid: Grid) -> Table:
    """The table for a console."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    made.add_column(Text(grid.corner), no_wrap=not grid.words)
    heads = [folded(title) for title in grid.columns]
    height = max(head.count("\n") for head in heads[grid.words :])
    for i, head in enumerate(heads):
        # Rich aligns headings at the bottom; padding aligns them at the top.
        made.add_column(
            Text(head + "\n" * (height - head.count("\n")) if i >= grid.words else head),
            no_wrap=i >= grid.words,
            max_width=WORDS if i < grid.words else None,
        )
    digits = [_digits(grid, i) for i in range(len(grid.columns))]
    for block in grid.blocks:
        for line in block:
            cells = (_text(cell, digits[i]) for i, cell in enumerate(line.cells))
            made.add_row(Text(line.title), *cells, end_section=line is block[-1])
    return made


def _lead(grid: Grid) -> int:
    """Cells of the titles and text columns, each with the gap after it."""
    longest = max(cell_len(text) for text in (grid.corner, *(line.title for line in grid.lines)))
    return (LEAST_TITLE if grid.words else longest) + grid.words * (GAP + WORDS)


def _width(grid: Grid, column: int) -> int:
    """Cells of a column and of the gap before it."""
    digits = _digits(grid, column)
    words = folded(grid.columns[column]).split("\n")
    texts = (_text(line.cells[column], digits).plain for line in grid.lines)
    return GAP + max(map(cell_len, (*words, *texts)))


def _digits(grid: Grid, column: int) -> int:
    cells = (line.cells[column] for line in grid.lines)
    return max((len(cell.text) for cell in cells if cell.is_number), default=0)


def _text(cell: Cell, digits: int) -> Text:
    """A cell; numbers are right-aligned."""
    text = Text(cell.text.rjust(digits) if cell.is_number else cell.text, "bold" if cell.stands_out else "")
    return text.append(f" {cell.spread}", "dim") if cell.spread else text


def _part(grid: Grid, begin: int, end: int) -> Grid:
    def cut(row: tuple[T, ...]) -> tuple[T, ...]:
        return (*row[: grid.words], *row[begin:end])

    blocks = tuple(tuple(line._replace(cells=cut(line.cells)) for line in block) for block in grid.blocks)
    return replace(grid, columns=cut(grid.columns), blocks=blocks)
