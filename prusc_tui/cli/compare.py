"""`prusc compare`: several runs side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Best, Json, Test
from prusc_tui.cli.references import find, find_all
from prusc_tui.words import console, print_csv, print_json, print_text

if TYPE_CHECKING:
    from rich.console import Console

    from core.results.compare import Family
    from core.runs.record import RunRecord
    from prusc_tui.tables.grid import Grid

By = Literal["family", "stage"]
Split = Literal["test", "validation"]
Format = Literal["table", "markdown", "latex", "csv", "json"]


def compare(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Ids, unique prefixes, names, last, or sweeps.")
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
    against: Annotated[
        str, typer.Option("--against", metavar="RUN", help="A run of the baseline (default: the first run).")
    ] = "",
    test: Test = "t",
    best: Best = "worst-cell",
    format: Annotated[
        Format,
        typer.Option("--format", help="Output format; LaTeX uses booktabs, CSV has a line per run in the means."),
    ] = "table",
    json: Json = False,
) -> None:
    """Compare runs: groups as mean ± standard deviation over seeds, tested differences, and differing settings."""
    from core.results.compare import families, split_of
    from core.results.contrast import baseline_of
    from core.results.ranking import ranking_rule
    from prusc_tui.tables import comparison
    from prusc_tui.tables import grid as tables
    from prusc_tui.tables.answers import grids_of_answers

    ranking_rule(best)
    records = _records(references or [], where)
    if len(records) < 2:
        what = f"only '{records[0].name}' is" if records else "no run is"
        raise InputError(f"compare needs at least two runs, but {what} given; 'prusc ls' lists all runs")
    members = families(records)
    baseline = baseline_of(members, find(against).id) if against else None
    chosen = split or split_of(records)
    if chosen is None:
        raise InputError("none of these runs has been evaluated yet; 'prusc watch RUN' shows its progress")
    if by == "family":
        grids = [one.grid for one in comparison.grids_of_families(members, chosen, paired=False)]
    else:
        grids = [grid for family in members if (grid := comparison.grid_of_stages(family, chosen)) is not None]
    if not grids:
        raise InputError(f"--split {chosen}: none of these runs has been evaluated on it")
    if json or format == "json":
        print_json(**_json(members, chosen, baseline, test, best))
        return
    if format == "csv":
        print_csv(list(comparison.tidy(members, chosen, stages=by == "stage")))
        return
    if by == "family":
        grids += grids_of_answers(members, chosen, rule=best, baseline=baseline, test=test)
    if format == "latex":
        print_text("\n".join(tables.latex(grid) for grid in grids))
        return
    settings = comparison.grid_of_family_settings(members)
    shown = tables.said_once([*grids, *([settings] if settings else [])])
    if format == "markdown":
        print_text("\n".join(tables.markdown(grid) for grid in shown))
    else:
        _print(console(), shown)


def _records(references: Sequence[str], where: str) -> list["RunRecord"]:
    """The named runs, then those that match the query, oldest first; each only once."""
    from core.runs.log import RunLog
    from core.runs.query import parse

    folders = {folder.id: folder for folder in find_all(references)}
    if where:
        query, log = parse(where), RunLog(Home.open(create=False))
        for run in reversed([run for run in log.all() if query.matches(run)]):
            if run["id"] not in folders:
                folders[run["id"]] = find(run["id"])
    return [folder.settled() for folder in folders.values()]


def _json(members: Sequence["Family"], split: str, baseline: "Family | None", test: str, rule: str) -> dict[str, Any]:
    from core.results.compare import evaluated
    from core.results.contrast import contrasts
    from core.results.ranking import ranked_families
    from core.results.settings import ABSENT, settings

    runs = [run for family in members for run in family.runs]
    tables = evaluated(members, split)
    rankings = [(kin, ranked_families(kin, split, rule)) for kin in tables]
    return {
        "split": split,
        "settings": {
            one.key: {run.id: value for run, value in zip(runs, one.values, strict=True) if value is not ABSENT}
            for one in settings(runs)
            if one.differs
        },
        "families": [_family_json(family, split) for family in members],
        "best": [
            {
                "data": kin[0].runs[0].data,
                **ranking.to_json(),
                "best": None if ranking.best is None else kin[ranking.best].label,
                "values": [
                    {"label": family.label, **value.to_json()}
                    for family, value in zip(kin, ranking.values, strict=True)
                    if value is not None
                ],
            }
            for kin, ranking in rankings
        ],
        "paired": [pair for kin in tables for pair in contrasts(kin, split, baseline=baseline, test=test).to_json()],
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


def _print(out: "Console", grids: "Sequence[Grid]") -> None:
    from rich.text import Text

    from prusc_tui.tables.text import parts, printed

    for number, grid in enumerate(grids):
        for part in parts(grid, out.width):
            out.print()
            out.print(printed(part))
        if grid.notes:
            out.print()
        for note in grid.notes:
            out.print(Text(note))
        if grid.about and (number + 1 == len(grids) or grids[number + 1].about != grid.about):
            out.print()
            out.print(Text(grid.about, "dim"))
