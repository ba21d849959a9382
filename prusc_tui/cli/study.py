"""A study on the command line: its missing runs, one after the other."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from core.results.restarts import pool, weights
from core.results.settings import show
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.text import safe_text
from core.words import duration, spread
from experiments.launch import check
from experiments.launchers import launcher
from experiments.loggers import chosen
from experiments.tasks import claim, find_run, plan_study
from prusc_tui import __version__
from prusc_tui.cli.host import follow, reader_at_end, stop_on_signals
from prusc_tui.palette import MARKS, SHELL
from prusc_tui.words import console, print_json, say

if TYPE_CHECKING:
    from rich.console import Console

    from core.runs.record import RunRecord
    from experiments.study import Study
    from experiments.tasks import Claim, Task

NOTES = {"kept": "finished before", "elsewhere": "in another process", "resumed": "resumed", "made": ""}
"""Origin of a task's run → note after its title."""


class Outcome(NamedTuple):
    """A task after its turn: where its run came from, and that run as it is now."""

    task: "Task"
    origin: str
    record: "RunRecord"


def run_study(
    study: "Study",
    overrides: Sequence[str],
    seed: int | None,
    only: str | None,
    *,
    device: str,
    tags: Sequence[str],
    fresh: bool,
    json: bool,
    log: Sequence[str] = (),
) -> int:
    """Run the missing runs of a study, live; failures are reported and the next run starts.

    Returns:
        Exit code: 0 if nothing failed, 1 if a run did, 130 if the study was stopped.

    Raises:
        InputError: one of the runs is not possible; nothing is written.
    """
    loggers = chosen(log)
    tasks = plan_study(study, overrides=overrides, seed=seed, only=only)
    launcher("local").check(device)
    for task in tasks:
        check(task.plan.config)
    home = Home.open()
    out = console(stderr=json)
    outcomes: list[Outcome] = []
    with stop_on_signals() as stopper:
        for number, task in enumerate(tasks, 1):
            if stopper.asked:
                break
            claimed = claim(home, study, task, tags=tags, loggers=loggers, version=__version__)
            out.print(_head(number, len(tasks), task, claimed))
            if claimed.is_ours:
                reader = reader_at_end(claimed.folder)
                launcher("local").start(claimed.folder, device=device, fresh=fresh)
                follow(claimed.folder, out, stopper, reader)
                out.print(_result(claimed.folder.settled()))
            outcomes.append(Outcome(task, claimed.origin, claimed.folder.settled()))
            if claimed.is_ours and outcomes[-1].record.status == "stopped":
                stopper.stop()  # it may have been asked for by `prusc stop`
    if json:
        runs = [{"did": outcome.origin, **outcome.record.summary()} for outcome in outcomes]
        print_json(study=study.name, tasks=len(tasks), runs=runs)
    _summarise(out, study, len(tasks), outcomes)
    if stopper.asked:
        say("stopped; everything so far is kept. The same command continues from here", aside=True)
        return 130
    return 1 if any(outcome.record.status == "failed" for outcome in outcomes) else 0


def print_study(study: "Study", json: bool) -> None:
    """Print the status of each run of a study: recipes down, presets across."""
    log = RunLog(Home.open(create=False))
    found = [(task, find_run(log, task)) for task in plan_study(study)]
    if json:
        runs = [
            {"recipe": task.recipe, "preset": task.preset, "seed": task.plan.config.seed}
            | {key: getattr(record, key, None) for key in ("id", "name", "status")}
            for task, record in found
        ]
        about = {"name": study.name, "summary": study.summary, "table": study.table}
        print_json(**about, settings=study.settings, settings_of=study.of, runs=runs)
        return

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("recipe", no_wrap=True)
    for preset in study.presets:
        table.add_column(Text(study.short(preset)), no_wrap=True)
    for recipe in study.recipes:
        cells = [[run for task, run in found if (task.recipe, task.preset) == (recipe, to)] for to in study.presets]
        table.add_row(recipe, *map(_states, cells))
    done = sum(record is not None and record.status == "finished" for _, record in found)
    out = console()
    out.print(Text.assemble((study.name, "bold"), "  ", study.summary))
    out.print(Text("presets: " + ", ".join(study.presets)))
    for whose, settings in {"all": study.settings, **study.of}.items():
        if settings:
            words = ", ".join(f"{key}={show(value)}" for key, value in settings.items())
            out.print(Text(f"settings of {whose}: {words}"))
    out.print(table)
    out.print(Text(f"{done} of {len(found)} finished. Run the missing ones with: prusc run {study.name}"))
    if study.table:
        out.print(Text(f"See them with: prusc table {study.table}"))


def _states(records: "Sequence[RunRecord | None]") -> "Text":
    """Status of the run of a cell, or of its runs: each status once, with their number."""
    counts = Counter("" if record is None else record.status for record in records)
    if len(counts) == 1 and "" in counts:
        return Text("–", SHELL.muted)
    several = len(records) > 1
    text = Text()
    for status, count in counts.items():
        if status:
            number = f"{count} of {len(records)} " if several else ""
            text.append(f"{'  ' if text else ''}{MARKS[status]} {number}{status}", SHELL.of_state(status))
    return text


def _head(number: int, of: int, task: "Task", claimed: "Claim") -> "Text":
    text = Text(f"[{number}/{of}] ", SHELL.muted).append(task.title, f"bold {SHELL.text}")
    words = NOTES[claimed.origin]
    return text.append(f"  {words}: {claimed.folder.id}" if words else "", SHELL.muted)


def _result(record: "RunRecord") -> "Text":
    """One line at the end of a run: status, time, and test accuracy."""
    text = Text(f"      {MARKS[record.status]} {record.status}", SHELL.of_state(record.status))
    text.append(f" after {duration(record.seconds)}", SHELL.muted)
    if record.status == "failed":
        return text.append(f": {safe_text(record.reason)}")
    for weight in weights(record):
        if (found := pool([record], "test", weight)) is not None:
            shares = [member.average for member in found.members]
            text.append(f"  test {spread(shares)} %", SHELL.text).append(f" (n = {found.samples:,}, ", SHELL.muted)
            text.append(f"restarts: {len(shares)})", SHELL.muted)
    return text


def _summarise(out: "Console", study: "Study", n_tasks: int, outcomes: Sequence[Outcome]) -> None:
    counts = Counter(outcome.record.status for outcome in outcomes)
    waiting = n_tasks - len(outcomes)
    words = [f"{MARKS[status]} {count} {status}" for status, count in counts.items()]
    out.print(Text(f"\n{study.name}: " + ", ".join([*words, *([f"{waiting} to come"] if waiting else [])]), "bold"))
    for outcome in outcomes:
        record = outcome.record
        if record.status == "failed":
            out.print(Text(f"{MARKS['failed']} {outcome.task.title}: {safe_text(record.reason)}"))
            out.print(Text(f"  see: prusc show {record.id}", SHELL.muted))
        elif outcome.origin == "elsewhere":
            where = safe_text(record.host or "another machine")
            out.print(Text(f"{MARKS[record.status]} {outcome.task.title}: {record.id} is {record.status} on {where}"))
    if study.table and counts["finished"]:
        out.print(Text(f"See them with: prusc table {study.table}", SHELL.muted))
