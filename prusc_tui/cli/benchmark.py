"""Tables of benchmarks, as `prusc table` prints them."""

import csv
import sys
from collections.abc import Sequence

import typer
from rich.text import Text

from core.errors import InputError
from core.runs.home import Home
from experiments.benchmark import Benchmark, benchmark, get_benchmark
from prusc_tui.tables.benchmark import accuracies, averages, finders, pairs, proxies, seconds, tidy
from prusc_tui.tables.grid import Grid, latex, markdown
from prusc_tui.tables.text import parts as pieces
from prusc_tui.tables.text import printed
from prusc_tui.words import console, print_json


def print_benchmark(name: str, split: str, format: str, *, json: bool) -> None:
    """Print the tables of a benchmark.

    Args:
        name: of the table.
        split: `test`, which `both` means too, or `validation`.
        format: `text`, `markdown`, `latex` or `csv`.
        json: print one JSON object instead.

    Raises:
        InputError: the table is unknown, or has no finished run.
    """
    if split == "train":
        raise InputError(f"--split train: table '{name}' has test and validation only")
    study = get_benchmark(name)
    found = benchmark(Home.open(create=False), study, "test" if split == "both" else split)
    if not found.rows:
        raise InputError(f"there is no finished run for table '{name}'; make them with: prusc run {study.name}")
    if json:
        about = {"table": name, "study": study.name, "planned": found.planned, "finished": found.finished}
        print_json(**about, runs=list(tidy(found)))
    elif format == "csv":
        rows = list(tidy(found))
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif format == "text":
        _print(found)
    else:
        texts = [markdown(grid) if format == "markdown" else latex(grid, booktabs=False) for grid in _grids(found)]
        typer.echo("\n".join(texts), nl=False)


def _grids(found: Benchmark) -> Sequence[Grid]:
    grids = (accuracies(found), pairs(found), averages(found), proxies(found), finders(found), seconds(found))
    return [grid for grid in grids if grid is not None]


def _print(found: Benchmark) -> None:
    out = console()
    for grid in _grids(found):
        out.print(Text(grid.about, "bold"))
        for part in pieces(grid, out.width):
            out.print()
            out.print(printed(part))
        for note in grid.notes:
            out.print(Text(note, "dim"))
        out.print()
    out.print(Text("Bold: the best of the methods without supervision.", "dim"))
    if found.finished < found.planned:
        rest = (
            f"{found.finished} of {found.planned} runs are finished; make the others with: prusc run {found.study.name}"
        )
        out.print(Text(rest, "dim"))
