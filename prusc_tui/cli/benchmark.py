"""Tables of benchmarks, as `prusc table` prints them."""

import csv
import sys
from collections.abc import Sequence

import typer
from rich.text import Text

from core.errors import InputError
from core.runs.home import Home
from experiments.benchmark import Benchmark, benchmark, get_benchmark
from prusc_tui.tables.benchmark import accuracies, averages, finders, proxies, seconds, tidy
from prusc_tui.tables.grid import Grid, latex, markdown
from prusc_tui.tables.text import parts, printed
from prusc_tui.words import console, print_json


def print_benchmark(name: str, split: str, format: str, *, json: bool) -> None:
    """Print the tables of a benchmark.

    Args:
        name: of the table.
        split: `test` or `validation`.
        format: `text`, `markdown`, `latex` or `csv`.
        json: print one JSON object instead.

    Raises:
        InputError: the table is unknown, or has no finished run.
    """
    study = get_benchmark(name)
    found = benchmark(Home.open(create=False), study, split)
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
    return (accuracies(found), averages(found), proxies(found), finders(found), seconds(found))


def _print(found: Benchmark) -> None:
    out = console()
    for grid in _grids(found):
        out.print(Text(grid.about, "bold"))
        for part in parts(grid, out.width):
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
