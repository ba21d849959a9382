"""The work of `prusc table`: its runs, and tables as text, source, CSV and JSON."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.text import Text

from core.errors import InputError
from core.results.ranking import DEFAULT
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.query import parse
from core.runs.record import RunRecord
from core.runs.text import safe_text
from experiments.tables.benchmark import benchmarks
from experiments.tables.methods import TABLES, MethodTable, kind_of, method_tables
from prusc_tui.tables.grid import Grid, latex, markdown
from prusc_tui.tables.methods import Column, columns_of, grid, heading, tidy
from prusc_tui.tables.text import fits, parts, printed
from prusc_tui.words import console, print_csv, print_json, print_text, say


def show_list(json: bool) -> None:
    """Print the names of all tables."""
    known = {name: (kind.summary, kind.study) for name, kind in TABLES.items()}
    known |= {name: (study.summary, study.name) for name, study in benchmarks().items()}
    if json:
        print_json(tables=[{"name": name, "summary": about, "study": study} for name, (about, study) in known.items()])
        return
    for name, (about, study) in known.items():
        say(f"{name}  {about}; its runs come from: prusc run {study}")


def show(name: str, split: str, measure: str, where: str, format: str, best: str, json: bool) -> None:
    """Run `prusc table NAME`."""
    kind = kind_of(name)
    if (split, measure) == ("train", "worst"):
        raise InputError("--measure worst: no table shows the worst group of train; leave out --split train")
    records, unfinished = _records(kind.data, where)
    tables = method_tables(records, kind)
    if not tables:
        which = f" that matches '{where}'" if where else ""
        rest = f"; {unfinished} not finished yet" if unfinished else ""
        which = f"there is no finished run{which} for table '{name}'{rest}"
        raise InputError(f"{which}; make them with: prusc run {kind.study}")
    splits = ("train", "test") if split == "both" else (split,)
    measures = ("average", "worst") if measure == "both" else (measure,)
    grids = [(one, columns_of(one, splits, measures)) for one in tables]
    if json:
        print_json(table=name, unfinished=unfinished, tables=[_json(one) for one in tables])
    elif format == "csv":
        print_csv([row for row in tidy(tables) if row["split"] in splits])
    elif format in ("markdown", "latex"):
        sources = (grid(one, columns, best) for one, columns in grids)
        texts = (markdown(one) if format == "markdown" else latex(one, booktabs=False) for one in sources)
        print_text("\n".join(texts))
    else:
        print_tables(console(), grids, unfinished, best)


def _records(data: str, where: str) -> tuple[list[RunRecord], int]:
    """Finished runs on a data set that match a query, oldest first, and the number of unfinished ones."""
    home = Home.open(create=False)
    query = parse(where)
    asked = [run for run in reversed(RunLog(home).all()) if run["data"] == data and query.matches(run)]
    records = []
    for run in asked:
        if run["status"] == "finished":
            with suppress(InputError):  # it was deleted meanwhile
                records.append(RunFolder.open(home, run["id"]).record())
    return records, sum(run["status"] != "finished" for run in asked)


def print_tables(
    out: Console, tables: Sequence[tuple[MethodTable, Sequence[Column]]], unfinished: int, best: str = DEFAULT
) -> None:
    """Print columns of each table whole if they fit, else in parts; the best by the rule `best` is bold."""
    marked = False
    for number, (one, chosen) in enumerate(tables):
        if number:
            out.print()
        out.print(Text(safe_text(heading(one)), "bold"))
        whole = grid(one, chosen, best)
        for part in _parts(one, chosen, out.width, best):
            out.print()
            out.print(printed(part))
        out.print()
        out.print(Text(whole.about.removeprefix(f"{heading(one)}. "), "dim"))
        for note in whole.notes:
            out.print(Text(note, "dim"))
        marked |= any(cell.stands_out for line in whole.lines for cell in line.cells)
    if marked:
        out.print(Text("Bold: the best by that rule.", "dim"))
    if unfinished:
        out.print(Text(f"Unfinished runs on this data, not counted: {unfinished}.", "dim"))


def _parts(table: MethodTable, columns: Sequence[Column], width: int, best: str) -> list[Grid]:
    """The table whole, or one for each split, or one for each split and measure: the first that fits the width."""
    keys: tuple[Callable[[Column], Hashable], ...] = (
        lambda _: None,
        lambda column: column.split,
        lambda column: (column.split, column.measure),
    )
    for key in keys:
        groups: dict[Hashable, list[Column]] = {}
        for column in columns:
            groups.setdefault(key(column), []).append(column)
        grids = [grid(table, group, best) for group in groups.values()]
        if all(fits(one, width) for one in grids):
            return grids
    return [part for one in grids for part in parts(one, width)]


def _json(one: MethodTable) -> dict[str, Any]:
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
