"""`prusc compare`: several runs side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Json
from prusc_tui.cli.run import find
from prusc_tui.words import console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from core.results.compare import Family
    from core.runs.record import RunRecord
    from prusc_tui.tables.grid import Grid

By = Literal["family", "stage"]
Split = Literal["test", "validation"]
Format = Literal["table", "markdown", "latex", "json"]


def compare(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Ids, unique prefixes, names, or last.")
    ] = None,
    where: Annotated[
        str, typer.Option("--where", metavar="QUERY", help="Also matching runs, such as 'recipe=prusc and tag:paper'.")
    ] = "",
    by: Annotated[
        By, typer.Option("--by", help="Columns: families of runs that differ only by seed, or their stages.")
    ] = "family",
    split: Annotated[
        Split | None, typer.Option("--split", help="Split to compare (default: test, or validation if there is none).")
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="Output format; LaTeX uses booktabs.")] = "table",
    json: Json = False,
) -> None:
    """Compare runs: groups as mean ± standard deviation over seeds, and differing settings."""
    from core.results.compare import families, split_of
    from prusc_tui.tables import comparison
    from prusc_tui.tables import grid as tables

    records = _records(references or [], where)
    if len(records) < 2:
        what = f"only '{records[0].name}' is" if records else "no run is"
        raise InputError(f"compare needs at least two runs, but {what} given; 'prusc ls' lists all runs")
    members = families(records)
    chosen = split or split_of(records)
    if chosen is None:
        raise InputError("none of these runs has been evaluated yet; 'prusc watch RUN' shows its progress")
    if by == "family":
        grids = [one.grid for one in comparison.grids_of_families(members, chosen)]
    else:
        grids = [grid for family in members if (grid := comparison.grid_of_stages(family, chosen)) is not None]
    if not grids:
        raise InputError(f"--split {chosen}: none of these runs has been evaluated on it")
    if json or format == "json":
        print_json(**_json(members, chosen))
        return
    settings = comparison.grid_of_family_settings(members)
    if format == "latex":
        typer.echo("\n".join(tables.latex(grid) for grid in grids), nl=False)
    elif format == "markdown":
        shown = [*grids, *([settings] if settings else [])]
        typer.echo("\n".join(tables.markdown(grid) for grid in shown), nl=False)
    else:
        _print(console(), grids, settings)


def _records(references: Sequence[str], where: str) -> list["RunRecord"]:
    """The named runs, then those that match the query, oldest first; each only once."""
    from core.runs.log import RunLog
    from core.runs.query import parse

    folders = {folder.id: folder for folder in map(find, references)}
    if where:
        query, log = parse(where), RunLog(Home.open(create=False))
        for run in reversed([run for run in log.all() if query.matches(run)]):
            if run["id"] not in folders:
                folders[run["id"]] = find(run["id"])
    return [folder.settled() for folder in folders.values()]


def _json(members: Sequence["Family"], split: str) -> dict[str, Any]:
    from core.results.compare import comparable, paired
    from core.results.settings import ABSENT, settings

    runs = [run for family in members for run in family.runs]
    pairs = [paired(table[0], other, split) for table in comparable(members) for other in table[1:]]
    return {
        "split": split,
        "settings": {
            one.key: {run.id: value for run, value in zip(runs, one.values, strict=True) if value is not ABSENT}
            for one in settings(runs)
            if one.differs
        },
        "families": [_family_json(family, split) for family in members],
        "paired": [pair.to_json() for pair in pairs if pair is not None],
    }


def _family_json(family: "Family", split: str) -> dict[str, Any]:
    head, final = family.runs[0], family.result(split)
    stages = (family.result(split, stage) for stage in family.stages)
    return {
        "label": family.label,
        "recipe": head.recipe,
        "data": head.data,
        "attributes_used": head.attributes_used,
        "selection": head.selection,
        "runs": [{"id": r.id, "name": r.name, "seed": r.seed, "status": r.status} for r in family.runs],
        "final": final.to_json() if final else None,
        "stages": [result.to_json() for result in stages if result is not None],
    }


def _print(out: "Console", grids: "Sequence[Grid]", settings: "Grid | None") -> None:
    from rich.text import Text

    from prusc_tui.tables.text import parts, printed

    for grid in grids:
        for part in parts(grid, out.width):
            out.print()
            out.print(printed(part))
        out.print()
        for note in dict.fromkeys(grid.notes):
            out.print(Text(note))
        out.print()
    out.print(Text(grids[0].about, "dim"))
    for part in parts(settings, out.width) if settings is not None else ():
        out.print()
        out.print(printed(part))
