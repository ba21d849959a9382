"""`prusc table`: methods side by side, from finished runs, next to published numbers."""

import sys
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Json
from prusc_tui.words import console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from core.runs.record import RunRecord
    from experiments.table import MethodTable
    from prusc_tui.tables.grid import Grid
    from prusc_tui.tables.methods import Column

Split = Literal["test", "train", "validation", "both"]
Measure = Literal["average", "worst", "both"]
Format = Literal["text", "markdown", "latex", "csv"]


def table(
    name: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Name of a table; omit it to list all tables.")
    ] = None,
    split: Annotated[Split, typer.Option("--split", help="Split to report; 'both' is train and test.")] = "both",
    measure: Annotated[
        Measure, typer.Option("--measure", help="Average or worst-group accuracy; train has only the average.")
    ] = "both",
    where: Annotated[
        str, typer.Option("--where", metavar="QUERY", help="Only matching runs, such as 'seed=0 and tag:paper'.")
    ] = "",
    format: Annotated[
        Format, typer.Option("--format", help="Output format; CSV has a line per restart, split and penalty weight.")
    ] = "text",
    json: Json = False,
) -> None:
    """Make a table from finished runs: methods × label noise, mean ± standard deviation over restarts."""
    from experiments.table import kind_of, method_tables

    if name is None:
        _list(json)
        return
    kind = kind_of(name)
    if (split, measure) == ("train", "worst"):
        raise InputError("--measure worst: no table shows the worst group of train; leave out --split train")
    records, unfinished = _records(kind.data, where)
    tables = method_tables(records, kind)
    if not tables:
        raise _nothing(name, kind.study, where, unfinished)
    splits = ("train", "test") if split == "both" else (split,)
    if json:
        print_json(table=name, unfinished=unfinished, tables=[_json(one) for one in tables])
    elif format == "csv":
        _print_csv(tables, splits)
    else:
        columns = [_columns(one, splits, measure) for one in tables]
        if format in ("markdown", "latex"):
            _print_source(tables, columns, format)
        else:
            _print(console(), tables, columns, unfinished)


def _list(json: bool) -> None:
    from experiments.table import TABLES

    if json:
        found = [{"name": name, "summary": kind.summary, "study": kind.study} for name, kind in TABLES.items()]
        print_json(tables=found)
        return
    for name, kind in TABLES.items():
        typer.echo(f"{name}  {kind.summary}; its runs come from: prusc run {kind.study}")


def _records(data: str, where: str) -> tuple[list["RunRecord"], int]:
    """Finished runs on a data set that match a query, oldest first, and the number of unfinished ones."""
    from contextlib import suppress

    from core.runs.folder import RunFolder
    from core.runs.log import RunLog
    from core.runs.query import parse

    home = Home.open(create=False)
    query = parse(where)
    asked = [run for run in reversed(RunLog(home).all()) if run["data"] == data and query.matches(run)]
    records = []
    for run in asked:
        if run["status"] == "finished":
            with suppress(InputError):  # it was deleted meanwhile
                records.append(RunFolder.open(home, run["id"]).record())
    return records, sum(run["status"] != "finished" for run in asked)


def _nothing(name: str, study: str, where: str, unfinished: int) -> Exception:
    which = f" that matches '{where}'" if where else ""
    rest = f"; {unfinished} not finished yet" if unfinished else ""
    return InputError(f"there is no finished run{which} for table '{name}'{rest}; make them with: prusc run {study}")


def _columns(table: "MethodTable", splits: Sequence[str], measure: Measure) -> "tuple[Column, ...]":
    from prusc_tui.tables.methods import columns_of

    return columns_of(table, splits, ("average", "worst") if measure == "both" else (measure,))


def _print(
    out: "Console", tables: "Sequence[MethodTable]", columns: "Sequence[Sequence[Column]]", unfinished: int
) -> None:
    """Print each table whole if it fits, else in parts."""
    from rich.text import Text

    from prusc_tui.tables.methods import grid, heading
    from prusc_tui.tables.text import printed

    marked = False
    for number, (one, chosen) in enumerate(zip(tables, columns, strict=True)):
        if number:
            out.print()
        out.print(Text(heading(one), "bold"))
        whole = grid(one, chosen)
        for part in _parts(one, chosen, out.width):
            out.print()
            out.print(printed(part))
        out.print()
        out.print(Text(whole.about.removeprefix(f"{heading(one)}. "), "dim"))
        for note in whole.notes:
            out.print(Text(note, "dim"))
        marked |= any(cell.stands_out for line in whole.lines for cell in line.cells)
    if marked:
        out.print(Text("Bold: the best of the methods without supervision.", "dim"))
    if unfinished:
        out.print(Text(f"Unfinished runs on this data, not counted: {unfinished}.", "dim"))


def _parts(table: "MethodTable", columns: "Sequence[Column]", width: int) -> "list[Grid]":
    """The table whole, or one for each split, or one for each split and measure: the first that fits the width."""
    from prusc_tui.tables.methods import grid
    from prusc_tui.tables.text import fits, parts

    keys: tuple[Callable[[Column], Hashable], ...] = (
        lambda _: None,
        lambda column: column.split,
        lambda column: (column.split, column.measure),
    )
    for key in keys:
        groups: dict[Hashable, list[Column]] = {}
        for column in columns:
            groups.setdefault(key(column), []).append(column)
        grids = [grid(table, group) for group in groups.values()]
        if all(fits(one, width) for one in grids):
            return grids
    return [part for one in grids for part in parts(one, width)]


def _print_source(tables: "Sequence[MethodTable]", columns: "Sequence[Sequence[Column]]", format: str) -> None:
    from prusc_tui.tables.grid import latex, markdown
    from prusc_tui.tables.methods import grid

    grids = [grid(one, chosen) for one, chosen in zip(tables, columns, strict=True)]
    texts = [markdown(one) if format == "markdown" else latex(one, booktabs=False) for one in grids]
    typer.echo("\n".join(texts), nl=False)


def _print_csv(tables: "Sequence[MethodTable]", splits: Sequence[str]) -> None:
    import csv

    from prusc_tui.tables.methods import tidy

    rows = [row for row in tidy(tables) if row["split"] in splits]
    writer = csv.DictWriter(sys.stdout, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _json(one: "MethodTable") -> dict[str, Any]:
    return {
        "data": dict(one.data),
        "settings": dict(one.settings),
        "label_noises": one.noises,
        "rows": [
            {
                "method": row.title,
                "recipe": row.recipe,
                "knows": row.supervision,
                "settings": dict(row.settings),
                "penalty_weight": row.weight,
                "cells": [
                    {"label_noise": noise, **{split: pool.to_json() for split, pool in found.items()}}
                    for noise, found in row.cells.items()
                ],
            }
            for row in one.rows
        ],
        "published": [
            {
                "recipe": anchor.recipe,
                "source": anchor.source.name,
                "protocol": anchor.source.protocol,
                "cells": [
                    {"label_noise": noise, **{s: {"percent": v[0], "deviation": v[1]} for s, v in found.items()}}
                    for noise, found in anchor.values.items()
                ],
            }
            for anchor in one.published
        ],
    }
