"""`prusc ls`, `show`, `stop`, `rm`, `export` and `index`: the run log."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Json, Run
from prusc_tui.cli.references import find
from prusc_tui.words import confirmed, console, print_json, print_lines, say

index = typer.Typer(help="The index of all runs.", no_args_is_help=True)

STOP_PATIENCE = 30.0  # seconds that `stop` waits for the run's process to answer


def ls(
    where: Annotated[
        str, typer.Option("--where", metavar="QUERY", help="Only matching runs, such as 'recipe=prusc and wga>0.8'.")
    ] = "",
    sort: Annotated[
        str, typer.Option("--sort", metavar="FIELD", help="Sort by a field, best scores first; -FIELD reverses it.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", metavar="N", min=1, help="Maximum number of runs.")
    ] = None,
    json: Json = False,
) -> None:
    """List the runs, newest first."""
    from core.runs.log import RunLog
    from core.runs.query import parse
    from core.runs.query import sort as sort_runs
    from experiments.launchers import settle
    from prusc_tui.cli.runs_shown import print_runs

    home = Home.open(create=False)
    log, query = RunLog(home), parse(where)
    runs = log.all()
    if settle(home, runs):
        runs = log.all()
    found: list[Any] = [run for run in runs if query.matches(run)]
    if sort:
        found = sort_runs(found, sort_key(sort))
    found = found[:limit]
    if json:
        print_json(runs=found)
    elif not found:
        say("no runs" + (f" match '{where}'" if where else " yet; start one with: prusc run demo"))
    else:
        print_runs(found)


def sort_key(field: str) -> str:
    """Reverse fields where more is better: `wga` lists the best run first, `-wga` the worst."""
    bare = field.removeprefix("-")
    if bare not in ("wga", "average", "avg", "sparsity", "created", "started", "ended"):
        return field
    return bare if field.startswith("-") else f"-{bare}"


def show(
    reference: Run,
    config: Annotated[bool, typer.Option("--config", help="Print the settings instead, changed ones marked.")] = False,
    json: Json = False,
) -> None:
    """Show a run: groups before and after, times, warnings, and which attributes it used."""
    from core.feed.feed import RunFeed
    from core.runs.record import worked
    from experiments import actions
    from prusc_tui.report.report import report

    folder = find(reference)
    record = actions.now(folder)
    if json:
        value = record.to_json()
        print_json(**(value | {"seconds": worked(value, time.time())}))
        return
    if config:
        _print_config(record.config, record.overrides)
        return
    out = console()
    print_lines(out, report(RunFeed(folder).poll(), time.time(), out.width))
    if record.status == "queued" and record.reason:
        say(record.reason)


def stop(reference: Run) -> None:
    """Stop a run at its next step, with a checkpoint."""
    from experiments import actions

    folder = find(reference)
    record = actions.stop(folder)
    if (ended := actions.ended(folder, STOP_PATIENCE)) is None:
        raise InputError(
            f"run '{record.name}' has not answered for {STOP_PATIENCE:.0f} s; it will stop when its step ends "
            f"(process {record.pid} on {record.host})"
        )
    say(f"{ended.name} {ended.id} is {ended.status}")


def rm(
    references: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, unique prefixes, names, or last.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete runs and all their files; other runs that reuse their stages keep them."""
    from experiments import actions

    folders = [find(reference) for reference in references]
    records = [actions.check_deletable(folder) for folder in folders]
    names = ", ".join(f"{record.name} ({record.id})" for record in records)
    if not yes and not confirmed(f"Delete {names}?"):
        raise typer.Exit(1)
    for folder in folders:
        actions.delete(folder)
    say(f"deleted {names}")


def export(
    reference: Run,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FOLDER|mlflow[:URI]",
            help="Folder for the files, created if missing; or MLflow (a folder of that name is ./mlflow).",
        ),
    ] = None,
    groups: Annotated[
        Path | None, typer.Option("--groups", metavar="FILE", help="Only the pseudo-groups, as a table to correct.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="STAGE", help="Stage of the network (default: the last).")
    ] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Also write metrics.parquet.")] = False,
    torch: Annotated[bool, typer.Option("--torch", help="Also write model.pt, a state dict for torch.load.")] = False,
    onnx: Annotated[bool, typer.Option("--onnx", help="Also write model.onnx, with normalisation inside.")] = False,
    json: Json = False,
) -> None:
    """Write model, masks, pseudo-groups, predictions and metrics of a run as plain files."""
    from experiments.export.files import export_groups, export_run
    from experiments.export.mlflow import export_to_mlflow, tracking

    if groups is not None and to is None:
        again = export_groups(find(reference), groups.absolute())
        if json:
            print_json(file=str(groups), again=again)
        else:
            say(f"{groups}  {groups.stat().st_size:,} bytes", f"To run again with it, corrected: {again}")
        return
    if to is None or groups is not None:
        raise InputError("export needs either --to FOLDER, or --groups FILE for the pseudo-groups alone")
    options: Any = {"stage": stage, "parquet": parquet, "torch": torch, "onnx": onnx}
    if (uri := tracking(to)) is not None:
        told = export_to_mlflow(find(reference), uri, **options)
        if json:
            print_json(**told)
        else:
            say(f"run {told['run_id']} of experiment '{told['experiment']}' in {told['tracking_uri']}")
        return
    files = export_run(find(reference), Path(to), **options)
    if json:
        print_json(folder=str(to), files=[path.name for path in files])
        return
    for path in files:
        say(f"{path}  {path.stat().st_size:,} bytes")


@index.command()
def rebuild(json: Json = False) -> None:
    """Rebuild the index from the run folders."""
    from core.runs.log import RunLog

    skipped: list[str] = []
    home = Home.open()
    count = RunLog(home).rebuild(skipped.append)
    if json:
        print_json(runs=count, skipped=skipped)
        return
    say(f"{count} runs in {home.index}")
    say(*(f"skipped: {text}" for text in skipped), aside=True)


def _print_config(config: Any, overrides: Any) -> None:
    from core.config import flatten

    for key, value in flatten(dict(config)):
        say(f"{'*' if key in overrides else ' '} {key} = {value}")
