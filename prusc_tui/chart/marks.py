"""A chart of single marks: a grid of cells between its axes."""

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from prusc_tui.chart.axes import y_ticks
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, ink

MARGIN = 5
"""Cells of the labels of the y axis."""

Cell = tuple[str, str]
"""A character and its style, empty for none."""


def framed(
    grid: Sequence[Sequence[Cell]], low: float, high: float, ticks: Sequence[tuple[int, int, str]], palette: Palette
) -> list[Text]:
    """Draw the grid with a y axis from `low` to `high`, and an x axis with `ticks`.

    Args:
        grid: lines of equal length, the highest values first.
        low: value at the lower end of the y axis.
        high: value at its upper end.
        ticks: cell of the tick, cell where its label begins, and the label.
        palette: colours.
    """
    across = len(grid[0])
    width = MARGIN + 1 + across
    labels = {tick.at: tick.label for tick in y_ticks(low, high, len(grid))}
    out = []
    for y, line in enumerate(grid):
        text = fit(labels.get(y, ""), MARGIN, palette.muted, right=True)
        text.append("┤" if y in labels else "│", palette.track)
        for style, some in groupby(line, key=lambda cell: cell[1]):
            text.append("".join(char for char, _ in some), style or None)
        out.append(fit(text, width))
    rule, below = ["─"] * across, [" "] * across
    for at, begin, label in ticks:
        rule[at] = "┴"
        below[begin : begin + cell_len(label)] = label
    lines = (" " * MARGIN + "└" + "".join(rule), palette.track), (" " * (MARGIN + 1) + "".join(below), palette.muted)
    return [*out, *(fit(ink(text, style), width) for text, style in lines)]
