"""`prusc queue`: the queue of this machine."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Json
from prusc_tui.report.queue import wanted
from prusc_tui.words import console, print_json, print_rows, say

if TYPE_CHECKING:
    from experiments.queue.control import QueueView

app = typer.Typer(help="The queue of this machine, which gives each run a GPU or a slot of the CPU.")

Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, unique prefixes, names, or last.")]


@app.callback(invoke_without_command=True)
def list_(context: typer.Context, json: Json = False) -> None:
    """List the jobs: running ones, waiting ones in their order, and those that failed or were interrupted."""
    if context.invoked_subcommand is not None:
        return
    from experiments.queue.control import look

    view = look(Home.open(create=False))
    if json:
        jobs = [
            {"state": job.state, "place": job.place, **job.entry.to_json(), "name": job.run["name"]}
            for job in view.jobs
        ]
        print_json(jobs=jobs, slots=view.slots, threads=view.threads, supervised=view.supervised)
    else:
        _print(view)


@app.command()
def move(
    reference: Annotated[str, typer.Argument(metavar="RUN", help="Id, unique prefix, name, or last.")],
    to: Annotated[str, typer.Argument(metavar="first|last|N", help="New place among the jobs that wait.")],
) -> None:
    """Move a job that waits to another place in the queue."""
    from experiments.queue import control

    places = {"first": 1, "last": 10**9}
    if to not in places and not to.isdecimal():
        raise InputError(f"'{to}': expected a place in the queue: first, last, or a number")
    say(control.move(Home.open(create=False), _ids([reference])[0], places.get(to) or int(to)))


@app.command()
def hold(references: Runs) -> None:
    """Hold jobs that wait, so that they do not start."""
    from experiments.queue import control

    say(control.hold(Home.open(create=False), _ids(references)))


@app.command()
def release(references: Runs) -> None:
    """Release jobs that are held."""
    from experiments.queue import control

    say(control.hold(Home.open(create=False), _ids(references), held=False))


@app.command()
def cancel(references: Runs) -> None:
    """Take jobs out of the queue; running ones stop with a checkpoint. Their runs are kept."""
    from experiments.queue import control

    say(control.cancel(Home.open(create=False), _ids(references)))


@app.command()
def retry(
    references: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN...]", help="Jobs; by default all that failed or were interrupted."),
    ] = None,
) -> None:
    """Queue jobs again that failed or were interrupted, for example by a reboot; each continues where it stopped."""
    from experiments.queue import control

    say(control.retry(Home.open(create=False), _ids(references or [])))


@app.command("set")
def set_(
    slots: Annotated[int | None, typer.Option("--slots", metavar="N", help="Jobs on the CPU at once.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", metavar="N", help="Threads of each of them.")] = None,
) -> None:
    """Set how many jobs run on the CPU at once, and with how many threads."""
    from experiments.queue import control

    if slots is None and threads is None:
        raise InputError("prusc queue set needs --slots, --threads or both")
    say(control.set_slots(Home.open(), slots, threads))


@app.command()
def start() -> None:
    """Start the supervisor, if jobs wait and it has ended, for example after a reboot."""
    from experiments.queue import control
    from experiments.queue.supervisor import ensure

    home = Home.open(create=False)
    waiting = control.look(home).number("waiting")
    if waiting:
        ensure(home)
    say(f"{waiting} job{'s' * (waiting != 1)} to start" if waiting else "no job waits")


def _ids(references: list[str]) -> list[str]:
    from prusc_tui.cli.references import find

    return [find(reference).id for reference in references]


def _print(view: "QueueView") -> None:
    from rich.table import Table
    from rich.text import Text

    from core.runs.text import safe_text
    from core.words import duration
    from prusc_tui.palette import SHELL

    out = console()
    if not view.jobs:
        out.print("the queue is empty; add a run with: prusc run RECIPE --queue")
        return
    cut: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "id", "name", "state", "place", "time", "stage"):
        table.add_column(heading, **cut)
    for job in view.jobs:
        run = job.run
        style = SHELL.of_state({"held": "stopped", "interrupted": "lost"}.get(job.state, job.state))
        table.add_row(
            str(job.place or ""),
            Text(run["id"], "cyan"),
            Text(safe_text(run["name"]), "bold"),
            Text(job.state, style),
            " ".join(job.entry.places) if job.state == "running" else wanted(job),
            duration(run["seconds"]) if job.state == "running" else "",
            Text(safe_text(run["reason"] or run["stage"] or "")),
        )
    print_rows(out, table)
    out.print(Text(_summary(view), "dim"))


def _summary(view: "QueueView") -> str:
    counts = [f"{view.number(state)} {state}" for state in ("running", "waiting", "held") if view.number(state)]
    words = [", ".join(counts)] if counts else []
    if view.number("waiting") and not view.supervised:
        words.append("nothing starts the waiting jobs: prusc queue start")
    if view.number("interrupted") or view.number("failed"):
        words.append("to queue failed and interrupted ones again: prusc queue retry")
    words.append(f"{view.slots} at once on the CPU, {view.threads} thread{'s' * (view.threads > 1)} each")
    return "; ".join(words)
