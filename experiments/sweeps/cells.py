"""The cells of a sweep: its planned runs and how far each is, and whether it has just ended (no torch)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import orjson

from core.runs.disk import replace_file
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.launchers import held, settle
from experiments.sweeps.registry import Sweep, changing, end_of
from experiments.tasks import Task, find_runs, is_in_hand

STATES = ("finished", "running", "waiting", "held", "hopeless", "stopped", "failed", "lost", "missing")
"""States of a cell, as they are counted."""
IN_HAND = ("running", "waiting", "held")
"""States of a cell whose run a process or a queue has; a queue does not start one that is held."""
LEFT_ALONE = ("finished", *IN_HAND, "hopeless")
"""States of a cell whose run needs no start."""


@dataclass(frozen=True)
class Cell:
    """One planned run of a sweep.

    Attributes:
        task: what is run.
        run: summary of its run; None if there is none.
        state: one of `STATES`.
    """

    task: Task
    run: Mapping[str, Any] | None
    state: str


def cells_of(home: Home, sweep: Sweep) -> list[Cell]:
    """Every planned run of a sweep with its state now."""
    runs = find_runs(RunLog(home), sweep.tasks)
    if settle(home, filter(None, runs)):
        runs = find_runs(RunLog(home), sweep.tasks)
    kept = held(home, filter(None, runs))
    return [
        Cell(task, run, "hopeless" if task.identity in sweep.hopeless and not _is_at_work(run) else _state(run, kept))
        for task, run in zip(sweep.tasks, runs, strict=True)
    ]


def counts(found: Sequence[Cell]) -> dict[str, int]:
    """Number of cells in each state that occurs, in the order of `STATES`."""
    number = Counter(cell.state for cell in found)
    return {state: number[state] for state in STATES if number[state]}


def has_just_ended(home: Home, sweep: Sweep, found: Sequence[Cell]) -> bool:
    """Whether every run of a sweep, given by its cells, has ended and no process was told so before.

    Another end, after some of them were started again, is a new one.
    """
    if any(cell.state in (*IN_HAND, "missing") for cell in found):
        return False
    runs = [cell.run for cell in found if cell.run is not None]
    ended = orjson.dumps(sorted((run["id"], run["status"], run["ended"] or run["started"] or 0) for run in runs))
    path = end_of(home, sweep)
    with changing(home):
        if path.exists() and path.read_bytes() == ended:
            return False
        replace_file(path, ended)
    return True


def _state(run: Mapping[str, Any] | None, kept: AbstractSet[str]) -> str:
    if run is None:
        return "missing"
    if run["status"] == "queued":
        if run["id"] in kept:
            return "held"
        # A run that was recorded but never handed over, as by a process that died, has no one who will start it.
        return "waiting" if is_in_hand(run) else "missing"
    return str(run["status"])


def _is_at_work(run: Mapping[str, Any] | None) -> bool:
    return run is not None and run["status"] in ("running", "finished")
