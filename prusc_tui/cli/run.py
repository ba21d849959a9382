"""`prusc run`, `resume` and `watch`: what works, and shows the work."""

import contextlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prusc_tui.cli.options import (
    AutoBatch,
    Checkpoint,
    Clusters,
    DataRoot,
    NoCache,
    PrecisionOf,
    Weights,
    refuse_misfits,
    shorts,
)

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

PICTURE_WIDTH = 120
"""Columns of a frame that is written as a picture."""

_WHY_NOT = {
    "--data": "it brings its own data",
    "--name": "it names each of them itself",
    "--from": "each of them reuses the stages that it can",
    "--detach": "start it with nohup to have it outlive this terminal",
}
"""Option → why a study does not take it."""

Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda:N", help="Where to compute.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end; progress goes to stderr.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute every stage, even if another run has its result.")]
Detach = Annotated[bool, typer.Option("--detach", help="Run in a process that outlives this terminal, and return.")]


def run(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[RECIPE|PRESET|STUDY]", help="What to run; see: prusc recipes. Default: demo."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PRESET|NAME", help="Preset or data set for a recipe. Default: its own."),
    ] = None,
    data_root: DataRoot = None,
    weights: Weights = None,
    checkpoint: Checkpoint = None,
    clusters: Clusters = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting, as prune.lr=0.05. Repeatable.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of weights, order, masks and clusters.")] = None,
    device: Device = "auto",
    name: Annotated[str | None, typer.Option("--name", help="Name of the run; must be new.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="A label for the run log. Repeatable.")] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="NAME,...", help="Of a study only these recipes or presets."),
    ] = None,
    fork: Annotated[
        str | None, typer.Option("--from", metavar="RUN:STAGE", help="Take the stages up to STAGE from another run.")
    ] = None,
    no_cache: NoCache = False,
    precision: PrecisionOf = None,
    auto_batch: AutoBatch = False,
    fresh: Fresh = False,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Run a recipe or a preset, live, or what a study lacks; every run is kept in the run log."""
    from core.engine.devices import pick
    from core.errors import InputError
    from core.runs.home import Home
    from experiments.launch import check, create_run, detached, plan_fork, read_fork, resolve_fork
    from experiments.plan import make_plan
    from experiments.study import study_names
    from prusc_tui import __version__

    given = shorts(data_root, weights, checkpoint, clusters, precision, no_cache=no_cache, auto_batch=auto_batch)
    settings = [*(overrides or ()), *(short.override for short in given)]
    if target in study_names():
        from prusc_tui.cli.study import run_study

        _refuse_with_study(target, {"--data": data, "--name": name, "--from": fork, "--detach": detach})
        raise typer.Exit(
            run_study(target, settings, seed, only, device=device, tags=tags or (), fresh=fresh, json=json)
        )
    if only is not None:
        raise InputError("--only goes with a study (see: prusc recipes)")
    home = Home.open(create=False)
    if fork is None:
        start = None
        refuse_misfits(given, make_plan(target, data=data, overrides=overrides or ()))
        plan = make_plan(target, data=data, overrides=settings, seed=seed)
    else:
        if data is not None:
            raise InputError("--data: a run that starts with --from has the data of the run that it goes on from")
        start = read_fork(home, fork)
        refuse_misfits(given, resolve_fork(start, target, overrides or (), None))
        plan = plan_fork(start, target, settings, seed)
    chosen = pick(device, home.locks)
    check(plan.config, start)
    home = Home.open()
    folder = create_run(home, plan, name=name, tags=tags or (), fork=start, version=__version__)
    if detach:
        detached().start(folder, device=device, fresh=fresh)
        _say_detached(folder, json)
    else:
        _work(folder, chosen, fresh, json)


def resume(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Id, unique prefix, name, or last.")],
    device: Device = "auto",
    auto_batch: AutoBatch = False,
    fresh: Fresh = False,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, failed or lost, exactly where its last checkpoint is."""
    from core.engine.devices import pick
    from core.errors import InputError
    from experiments.launch import change_settings, detached

    folder = find(reference)
    status = folder.status()
    if status in ("finished", "running"):
        raise InputError(f"run '{folder.record().name}' is {status}; there is nothing to resume")
    chosen = pick(device, folder.home.locks)
    if auto_batch:
        change_settings(folder, {"compute.auto_batch": True})
    if detach:
        detached().start(folder, device=device, fresh=fresh)
        _say_detached(folder, json)
    else:
        _work(folder, chosen, fresh, json)


def watch(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Id, unique prefix, name, or last.")] = "last",
    once: Annotated[bool, typer.Option("--once", help="Print one frame and leave.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write one frame as a picture and leave.")
    ] = None,
) -> None:
    """Watch a run live, wherever it is hosted; Ctrl-C leaves the run alone."""
    from core.feed.feed import RunFeed
    from prusc_tui.cli.host import show
    from prusc_tui.report.frame import frame
    from prusc_tui.words import console

    folder = find(reference)
    out = console()
    if svg is not None:
        _draw(folder, svg)
        return
    if once:
        for line in frame(RunFeed(folder).poll(), time.time(), out.width):
            line.rstrip()
            out.print(line)
        return
    with contextlib.suppress(KeyboardInterrupt):
        show(folder, out, lambda: folder.status() not in ("queued", "running"))


def find(reference: str) -> "RunFolder":
    """Find the run that a person means.

    Raises:
        InputError: there is no such run, or more than one.
    """
    from core.runs.folder import RunFolder
    from core.runs.home import Home
    from core.runs.log import RunLog
    from core.runs.query import resolve

    home = Home.open(create=False)
    return RunFolder.open(home, resolve(RunLog(home), reference))


def _draw(folder: "RunFolder", path: Path) -> None:
    import io

    from rich.console import Console

    from core.errors import InputError
    from core.feed.feed import RunFeed
    from prusc_tui.report.frame import frame
    from prusc_tui.widgets.svg import standalone

    recorder = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    for line in frame(RunFeed(folder).poll(), time.time(), PICTURE_WIDTH):
        recorder.print(line)
    try:
        path.write_text(standalone(recorder.export_svg(title="prusc watch")), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--svg {path}: cannot be written ({error.strerror})") from None


def _refuse_with_study(study: str, given: Mapping[str, object]) -> None:
    from core.errors import InputError

    for option, value in given.items():
        if value:
            raise InputError(f"{option}: '{study}' is a study of many runs; {_WHY_NOT[option]}")


def _work(folder: "RunFolder", device: Any, fresh: bool, json: bool) -> None:
    """Run in this process, show the work, report, and leave with the run's exit code."""
    from core.feed.feed import RunFeed
    from prusc_tui.cli.host import host, stop_on_signals
    from prusc_tui.cli.report import print_report
    from prusc_tui.words import console, to_json

    out = console(stderr=json)
    with stop_on_signals() as stopper:
        job = host(folder, device, fresh, out, stopper)
    if job.error is not None:
        raise job.error
    record = folder.record()
    if json:
        typer.echo(to_json(record.to_json()))
    else:
        snapshot = RunFeed(folder).poll()
        print_report(out, record, tuple(w.text for w in snapshot.warnings), snapshot.environments)
    if job.status != "finished":
        sys.stderr.write(f"{job.status}; everything so far is kept. Go on with: prusc resume {folder.id}\n")
    raise typer.Exit({"finished": 0, "stopped": 130}.get(job.status, 1))


def _say_detached(folder: "RunFolder", json: bool) -> None:
    from prusc_tui.words import to_json

    record = folder.record()
    if json:
        typer.echo(to_json(record.to_json()))
    else:
        typer.echo(f"{record.name} {record.id} runs on its own. Watch it with: prusc watch {record.id}")
