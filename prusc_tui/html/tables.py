"""Grids as HTML tables."""

from prusc_tui.html.markup import Markup, tag
from prusc_tui.tables.grid import HELD, Cell, Grid


def table(grid: Grid) -> Markup:
    """The table, which scrolls by itself where it is too wide, and its sentences."""
    head = tag("tr", tag("th", grid.corner, scope="col"), *(_head(grid, i) for i in range(len(grid.columns))))
    bodies = (
        tag(
            "tbody",
            *(tag("tr", tag("th", line.title, scope="row"), *map(_cell, line.cells)) for line in block),
        )
        for block in grid.blocks
    )
    about = f"{grid.about[:1].upper()}{grid.about[1:]}"
    notes = [tag("p", text, class_="note") for text in (about, *grid.notes) if text]
    return tag("div", tag("div", tag("table", tag("thead", head), *bodies), class_="scroll"), *notes)


def _head(grid: Grid, column: int) -> Markup:
    numbers = any(line.cells[column].is_number for line in grid.lines)
    return tag("th", grid.columns[column].replace(HELD, "\u00a0"), scope="col", class_="number" if numbers else None)


def _cell(cell: Cell) -> Markup:
    text = tag("strong", cell.text) if cell.stands_out else cell.text
    spread = tag("small", f" {cell.spread}") if cell.spread else None
    return tag("td", text, spread, class_="number" if cell.is_number else None)
