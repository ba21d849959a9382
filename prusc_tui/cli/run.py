"""`prusc run`, `resume` and `watch`."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import (
    AutoBatch,
    Checkpoint,
    DataRoot,
    Detach,
    Device,
    Fresh,
    GpuMemory,
    Gpus,
    Groups,
    InQueue,
    Launcher,
    Log,
    Minutes,
    NoCache,
    Notify,
    PrecisionOf,
    Profile,
    Run,
    Threads,
    Weights,
    launcher_name,
    option_aliases,
    refuse_misfits,
)
from prusc_tui.cli.references import find
from prusc_tui.ring import ring, ring_for, send
from prusc_tui.words import console, print_json, print_lines, say

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from core.runs.stream import EventReader
    from experiments.order import Order

PICTURE_WIDTH = 120  # columns of a frame written as a picture

_ONLY = "--only applies to studies (see: prusc recipes)"
_WHY_NOT = {
    "--data": "it has its own data",
    "--name": "it names each of them itself",
    "--from": "each of them reuses the stages that it can",
}
"""Option → why a study does not accept it."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end; progress goes to stderr.")]


def run(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[RECIPE|PRESET|STUDY]", help="What to run; see: prusc recipes. Default: demo."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="PRESET|NAME|FOLDER", help="Preset, data set or folder (prusc data init) for a recipe."
        ),
    ] = None,
    data_root: DataRoot = None,
    weights: Weights = None,
    checkpoint: Checkpoint = None,
    groups: Groups = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as prune.lr=0.05. Repeatable."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Seed of weights, order, masks and pseudo-groups.")
    ] = None,
    device: Device = "auto",
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the run; must be new.")] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A label for the run log. Repeatable.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="NAME,...", help="Run only these recipes or presets of the study.")
    ] = None,
    fork: Annotated[
        str | None, typer.Option("--from", metavar="RUN:STAGE", help="Reuse the stages of another run, up to STAGE.")
    ] = None,
    no_cache: NoCache = False,
    precision: PrecisionOf = None,
    auto_batch: AutoBatch = False,
    fresh: Fresh = False,
    seeds: Annotated[
        str | None, typer.Option("--seeds", metavar="0-4|0,2,5", help="Several seeds: a sweep of one run each.")
    ] = None,
    detach: Detach = False,
    queue: InQueue = False,
    launcher: Launcher = None,
    gpus: Gpus = None,
    gpu_memory: GpuMemory = None,
    threads: Threads = None,
    profile: Profile = None,
    minutes: Minutes = None,
    log: Log = None,
    notify: Notify = False,
    json: Json = False,
) -> None:
    """Run a recipe or preset, or the missing runs of a study, with live output."""
    from experiments import actions
    from experiments.catalog import study_names
    from experiments.order import Order, plan
    from experiments.resources import Resources
    from prusc_tui import __version__

    given = option_aliases(data_root, weights, checkpoint, groups, precision, no_cache=no_cache, auto_batch=auto_batch)
    order = Order(
        target=target,
        data=data,
        overrides=tuple(overrides or ()),
        seed=seed,
        name=name,
        tags=tuple(tags or ()),
        device=device,
        fork=fork,
        fresh=fresh,
        launcher=launcher_name(launcher, detach=detach, queue=queue),
        resources=Resources(gpus=gpus, gpu_memory=gpu_memory, threads=threads, profile=profile, minutes=minutes),
        log=tuple(log or ()),
    )
    whole = order.also(alias.override for alias in given)
    if target in study_names() or seeds is not None:
        raise typer.Exit(_run_several(whole, seeds, only, notify=notify, json=json))
    if only is not None:
        raise InputError(_ONLY)
    home = Home.open(create=False)
    rings = _rings(notify, order.launcher)
    if given:
        refuse_misfits(given, plan(home, order)[0])
    _go_on(actions.start(home, whole, __version__), json, rings=rings)


def resume(
    reference: Run,
    device: Device = "auto",
    auto_batch: AutoBatch = False,
    fresh: Fresh = False,
    detach: Detach = False,
    queue: InQueue = False,
    launcher: Launcher = None,
    gpus: Gpus = None,
    gpu_memory: GpuMemory = None,
    threads: Threads = None,
    profile: Profile = None,
    minutes: Minutes = None,
    log: Log = None,
    notify: Notify = False,
    json: Json = False,
) -> None:
    """Resume a stopped, failed or lost run, exactly from its last checkpoint."""
    from experiments import actions
    from experiments.resources import Resources
    from prusc_tui.cli.host import reader_at_end

    folder = find(reference)
    by = launcher_name(launcher, detach=detach, queue=queue)
    resources = Resources(gpus=gpus, gpu_memory=gpu_memory, threads=threads, profile=profile, minutes=minutes)
    rings = _rings(notify, by)
    reader = reader_at_end(folder) if by == "local" else None
    actions.resume(folder, by, device=device, fresh=fresh, auto_batch=auto_batch, resources=resources, log=log or ())
    _go_on(folder, json, reader, rings=rings)


def watch(
    reference: Run = "last",
    once: Annotated[bool, typer.Option("--once", help="Print one frame and exit.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write one frame as an SVG picture and exit.")
    ] = None,
    notify: Notify = False,
) -> None:
    """Watch a run live, wherever it is hosted; Ctrl-C does not stop the run."""
    from core.feed.feed import RunFeed
    from core.runs.record import ACTIVE
    from experiments import actions
    from prusc_tui.cli.host import show
    from prusc_tui.report.frame import frame

    folder = find(reference)
    out = console()
    if svg is not None:
        _draw(folder, svg)
        return
    if once:
        print_lines(out, frame(RunFeed(folder).poll(), time.time(), out.width))
        return
    rings = _rings(notify) and folder.status() in ACTIVE
    with contextlib.suppress(KeyboardInterrupt):
        show(folder, out, lambda: actions.now(folder).status not in ACTIVE)
        if rings:
            send(out, ring_for(folder.settled()))


def _run_several(order: "Order", seeds: str | None, only: str | None, *, notify: bool, json: bool) -> int:
    """Run what is missing of a study, or of one run with several seeds; return the exit code.

    Raises InputError if an option does not go with many runs, or one of the runs is not possible.
    """
    from experiments.catalog import DEFAULT, get_study, study_names
    from prusc_tui.cli.sweep_live import run_sweep
    from prusc_tui.cli.sweep_options import study_of, sweep_of

    target, seed, tags, fresh = order.target or DEFAULT, order.seed, order.tags, order.fresh
    is_study = order.target in study_names()
    if order.fork:
        raise InputError("--from: many runs reuse equal stages without it; leave it out")
    if is_study:
        for option, value in {"--data": order.data, "--name": order.name}.items():
            if value:
                raise InputError(f"{option}: '{target}' is a study of many runs; {_WHY_NOT[option]}")
    elif only is not None:
        raise InputError(_ONLY)
    if seed is not None and seeds is not None:
        raise InputError("--seed: cannot be combined with --seeds; leave one out")
    if is_study and order.launcher == "local" and seeds is None:
        from prusc_tui.cli.study import run_study

        rings = _rings(notify)
        code = run_study(
            get_study(target), order.overrides, seed, only,
            device=order.device, tags=tags, fresh=fresh, json=json, log=order.log,
        )  # fmt: skip
        if rings:
            send(console(stderr=json), ring(f"prusc: study {target} has ended", ""))
        return code
    home = Home.open(create=False)
    study = study_of(
        target, order.data, seeds=seeds if seed is None else str(seed), overrides=order.overrides, only=only
    )
    how = {"launcher": order.launcher, "device": order.device, "resources": order.resources, "log": order.log}
    chosen = sweep_of(home, study, order.name, **how)
    return run_sweep(home, chosen, tags=tags, fresh=fresh, detach=True, notify=notify, json=json)


def _draw(folder: "RunFolder", path: Path) -> None:
    import io

    from core.feed.feed import RunFeed
    from prusc_tui.console import SafeConsole
    from prusc_tui.report.frame import frame
    from prusc_tui.widgets.svg import standalone

    recorder = SafeConsole(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True)
    for line in frame(RunFeed(folder).poll(), time.time(), PICTURE_WIDTH):
        recorder.print(line)
    try:
        path.write_text(standalone(recorder.export_svg(title="prusc watch")), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--svg {path}: cannot be written ({error.strerror})") from None


def _rings(asked: bool, launcher: str = "local") -> bool:
    """Whether the terminal rings at the end: asked for, or set in the settings file of the user."""
    from experiments.launchers import launcher as launcher_called
    from experiments.notify import read_notify

    if asked and launcher_called(launcher).outlives:
        raise InputError(
            "--notify: the run does not end in this terminal; use prusc watch --notify, or notify.command in the "
            "settings file"
        )
    return read_notify().terminal or asked


def _go_on(folder: "RunFolder", json: bool, reader: "EventReader | None" = None, *, rings: bool = False) -> None:
    """Follow a run of this process and exit with its code; for any other, say how to watch it."""
    from experiments.launchers import launcher_of
    from prusc_tui.cli.host import follow, stop_on_signals

    record = folder.record()
    host = launcher_of(record)
    if host.outlives:
        if json:
            print_json(**record.to_json())
        else:
            say(
                f"{record.name} {record.id} {host.where.format(job=record.job)}. Watch it with: prusc watch {record.id}"
            )
        return
    with stop_on_signals() as stopper:  # before the slow imports, as the run has already started
        from core.feed.feed import RunFeed
        from prusc_tui.report.report import report

        out = console(stderr=json)
        job = follow(folder, out, stopper, reader)
    if rings:
        send(out, ring_for(folder.record()))
    if job.error is not None:
        raise job.error
    if json:
        print_json(**folder.record().to_json())
    else:
        print_lines(out, report(RunFeed(folder).poll(), time.time(), out.width))
    if job.status != "finished":
        say(f"{job.status}; everything so far is kept. Resume with: prusc resume {folder.id}", aside=True)
    raise typer.Exit({"finished": 0, "stopped": 130}.get(job.status, 1))
