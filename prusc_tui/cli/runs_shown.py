"""The table of `prusc ls`: one line for each run, in which long names are cut before anything else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from core.runs.text import safe_text
from core.words import duration, percent, sparsity
from prusc_tui.palette import SHELL
from prusc_tui.widgets.bars import shorten
from prusc_tui.words import HARM_NOTE, console, moment, print_rows, worst_mark

WIDE = 110
"""Width of the terminal from which data, average and sparsity are shown as well."""
GAP = 2
"""Cells between two columns."""
LEAST = 4
"""Cells that a column keeps at least."""


class _Column(NamedTuple):
    heading: str
    of: Callable[[Mapping[str, Any]], Text]
    kind: str = "number"
    """`number` and `word` are never cut; `name` may be."""

    @property
    def justify(self) -> Literal["left", "right"]:
        return "right" if self.kind == "number" else "left"


COLUMNS = (
    _Column("id", lambda run: Text(run["id"], "cyan"), "word"),
    _Column("name", lambda run: Text(safe_text(run["name"]), "bold"), "name"),
    _Column("status", lambda run: Text(run["status"], SHELL.of_state(run["status"])), "word"),
    _Column("recipe", lambda run: Text(safe_text(run["recipe"])), "name"),
    _Column("data", lambda run: Text(safe_text(run["data"])), "name"),
    _Column("seed", lambda run: Text(str(run["seed"]))),
    _Column(
        "worst", lambda run: Text(percent(run["wga"]) + worst_mark(run), "bold red" if run.get("harm") else "bold")
    ),
    _Column("average", lambda run: Text(percent(run["average"]))),
    _Column("sparsity", lambda run: Text(sparsity(run["keep_ratio"]))),
    _Column("time", lambda run: Text(duration(run["seconds"]))),
    _Column("started", lambda run: Text(moment(run["started"]))),
    _Column("tags", lambda run: Text(safe_text(" ".join(run["tags"]))), "name"),
)


def print_runs(found: Sequence[Mapping[str, Any]]) -> None:
    """Print summaries of runs, of which there is at least one: as wide as the terminal, or whole without one.

    A terminal too narrow for everything shows no tags, and shortens names.
    """
    out = console()
    left_out = set() if out.width >= WIDE else {"data", "average", "sparsity"}
    if not any(run["tags"] for run in found):
        left_out.add("tags")
    columns = [column for column in COLUMNS if column.heading not in left_out]
    cells = [[column.of(run) for run in found] for column in columns]
    widths = [_longest(column, of) for column, of in zip(columns, cells, strict=True)]
    if out.is_terminal and _surplus(widths, out.width) > 0:
        if columns[-1].heading == "tags":
            del columns[-1], cells[-1], widths[-1]
        widths = fitted(widths, [column.kind == "name" for column in columns], out.width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column.heading, no_wrap=True, justify=column.justify, width=width)
    for row in zip(*cells, strict=True):
        table.add_row(*(_cut(cell, width) for cell, width in zip(row, widths, strict=True)))
    print_rows(out, table)
    if any(run.get("harm") for run in found):
        out.print(Text(HARM_NOTE, "dim"))


def fitted(widths: Sequence[int], flexible: Sequence[bool], width: int) -> list[int]:
    """Take cells from the widest flexible column, again and again, until all fit `width` with their gaps."""
    widths = list(widths)
    for _ in range(_surplus(widths, width)):
        widest = max((i for i, bends in enumerate(flexible) if bends), key=widths.__getitem__)
        if widths[widest] <= LEAST:
            break
        widths[widest] -= 1
    return widths


def _surplus(widths: Sequence[int], width: int) -> int:
    """Cells of columns and gaps that do not fit."""
    return sum(widths) + GAP * (len(widths) - 1) - width


def _longest(column: _Column, cells: Sequence[Text]) -> int:
    return max(len(column.heading), *(cell.cell_len for cell in cells))


def _cut(cell: Text, width: int) -> Text:
    return cell if cell_len(cell.plain) <= width else Text(shorten(cell.plain, width), cell.style)
