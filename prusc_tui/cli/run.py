"""`prusc run`, `resume` and `watch`: what works, and shows the work."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from core.engine.engine import Job
    from core.runs.folder import RunFolder
    from core.runs.stream import EventReader

EVERY = 0.25
"""Seconds between looks at the run's folder."""
LEAST_BETWEEN = 0.45
"""Seconds between two pictures on a terminal."""
PICTURE_WIDTH = 120
"""Columns of a frame that is written as a picture."""

Device = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda:N", help="Where to compute.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object at the end; progress goes to stderr.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute every stage, even if another run has its result.")]
Detach = Annotated[bool, typer.Option("--detach", help="Run in a process that outlives this terminal, and return.")]


def run(
    target: Annotated[
        str | None, typer.Argument(metavar="[RECIPE|PRESET]", help="What to run; see: prusc recipes. Default: demo.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PRESET", help="Data and settings for a recipe. Default: demo.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting, as prune.lr=0.05. Repeatable.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of weights, order, masks and clusters.")] = None,
    device: Device = "auto",
    name: Annotated[str | None, typer.Option("--name", help="Name of the run; must be new.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="A label for the run log. Repeatable.")] = None,
    fork: Annotated[
        str | None, typer.Option("--from", metavar="RUN:STAGE", help="Take the stages up to STAGE from another run.")
    ] = None,
    fresh: Fresh = False,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Run a recipe or a preset, live; the run is kept in the run log."""
    from core.engine.devices import pick
    from core.runs.home import Home
    from experiments.launch import check, create_run, detached, plan_fork, read_fork
    from experiments.plan import make_plan
    from prusc_tui import __version__

    home = Home.open(create=False)
    if fork is None:
        start, plan = None, make_plan(target, data=data, overrides=overrides or (), seed=seed)
    else:
        start = read_fork(home, fork)
        plan = plan_fork(start, target, overrides or (), seed)
    chosen = pick(device, home.locks)
    check(plan.config)
    home = Home.open()
    folder = create_run(home, plan, name=name, tags=tags or (), fork=start, version=__version__)
    if detach:
        detached().start(folder, device=device, fresh=fresh)
        _say_detached(folder, json)
    else:
        _host(folder, chosen, fresh, json)


def resume(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Id, unique prefix, name, or last.")],
    device: Device = "auto",
    fresh: Fresh = False,
    detach: Detach = False,
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, failed or lost, exactly where its last checkpoint is."""
    from core.engine.devices import pick
    from core.errors import InputError
    from experiments.launch import detached

    folder = find(reference)
    status = folder.status()
    if status in ("finished", "running"):
        raise InputError(f"run '{folder.record().name}' is {status}; there is nothing to resume")
    chosen = pick(device, folder.home.locks)
    if detach:
        detached().start(folder, device=device, fresh=fresh)
        _say_detached(folder, json)
    else:
        _host(folder, chosen, fresh, json)


def watch(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Id, unique prefix, name, or last.")] = "last",
    once: Annotated[bool, typer.Option("--once", help="Print one frame and leave.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Write one frame as a picture and leave.")
    ] = None,
) -> None:
    """Watch a run live, wherever it is hosted; Ctrl-C leaves the run alone."""
    from core.runs.feed import RunFeed
    from prusc_tui.draw.overview import frame
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
        _show(folder, out, lambda: folder.status() not in ("queued", "running"))


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
    from core.runs.feed import RunFeed
    from prusc_tui.draw.overview import frame
    from prusc_tui.draw.svg import standalone

    recorder = Console(record=True, width=PICTURE_WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    for line in frame(RunFeed(folder).poll(), time.time(), PICTURE_WIDTH):
        recorder.print(line)
    try:
        path.write_text(standalone(recorder.export_svg(title="prusc watch")), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--svg {path}: cannot be written ({error.strerror})") from None


def _host(folder: "RunFolder", device: Any, fresh: bool, json: bool) -> None:
    """Run in this process, show the work, report, and leave with the run's exit code."""
    from core.engine.engine import Engine
    from core.runs.alive import here
    from core.runs.feed import RunFeed
    from core.runs.stream import EventReader
    from experiments.launch import config_of
    from experiments.plan import build_pipeline
    from prusc_tui.cli.report import print_report
    from prusc_tui.words import console, to_json

    out = console(stderr=json)
    folder.clear_stop()  # left by a process that died; from here on a request is for this one
    folder.update(status="queued", **here())
    told = EventReader(folder.events)
    told.read()  # what was said before a resume is not told again
    job = Engine(build_pipeline).submit(folder, config_of(folder.record()), device, fresh=fresh)
    with _stop_on_signals(job):
        _show(folder, out, lambda: job.wait(0), told)
        job.wait()
    if job.error is not None:
        raise job.error
    record = folder.record()
    if json:
        typer.echo(to_json(record.to_json()))
    else:
        print_report(out, record, tuple(w.text for w in RunFeed(folder).poll().warnings))
    if job.status != "finished":
        sys.stderr.write(f"{job.status}; everything so far is kept. Go on with: prusc resume {folder.id}\n")
    raise typer.Exit({"finished": 0, "stopped": 130}.get(job.status, 1))


def _show(
    folder: "RunFolder", console: "Console", ended: Callable[[], bool], told: "EventReader | None" = None
) -> None:
    """Show a run until it has ended: a live frame on a terminal; elsewhere plain lines, from where `told` stands."""
    from core.runs.stream import EventReader

    if console.is_terminal:
        _show_frames(folder, console, ended)
    else:
        _show_lines(folder, console, ended, told or EventReader(folder.events))


def _show_frames(folder: "RunFolder", console: "Console", ended: Callable[[], bool]) -> None:
    from core.runs.feed import RunFeed
    from prusc_tui.cli.live import LivePicture
    from prusc_tui.draw.overview import frame

    feed, last, drawn = RunFeed(folder), None, 0.0
    with LivePicture(console) as picture:
        room = picture.room
        while True:
            over = ended()
            snapshot, now = feed.poll(), time.time()
            # The clock ticks once a second; what is new may come twice.
            if now - drawn >= (1 if snapshot is last else LEAST_BETWEEN) or picture.room != room:
                room = picture.room
                picture.show(frame(snapshot, now, *room))
                last, drawn = snapshot, now
            if over:
                return
            time.sleep(EVERY)


def _show_lines(folder: "RunFolder", console: "Console", ended: Callable[[], bool], reader: "EventReader") -> None:
    from prusc_tui.cli.lines import line_of

    record = folder.record()
    console.file.write(f"{record.name} {record.id}: {record.recipe} on {record.data}, seed {record.seed}\n")
    while True:
        over = ended()
        for stamped in reader.read():
            if (line := line_of(stamped.event)) is not None:
                console.file.write(line + "\n")
        console.file.flush()
        if over:
            return
        time.sleep(EVERY)


@contextlib.contextmanager
def _stop_on_signals(job: "Job") -> Iterator[None]:
    """Stop cleanly on the first Ctrl-C, hang-up or termination; the second Ctrl-C ends the process at once."""

    def stop(number: int, _: object) -> None:
        if job.stopping and number == signal.SIGINT:
            os._exit(130)
        job.stop()
        with contextlib.suppress(OSError):
            sys.stderr.write("\nstopping at the next step, with a checkpoint (Ctrl-C again ends at once)\n")

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _say_detached(folder: "RunFolder", json: bool) -> None:
    from prusc_tui.words import to_json

    record = folder.record()
    if json:
        typer.echo(to_json(record.to_json()))
    else:
        typer.echo(f"{record.name} {record.id} runs on its own. Watch it with: prusc watch {record.id}")
