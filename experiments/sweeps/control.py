"""What a person does with a sweep: check, start, stop and delete its runs (no torch before a check)."""

from collections.abc import Sequence
from typing import Any

import orjson

from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments import actions, subprocesses
from experiments.launch import check as check_run
from experiments.launch import new_record
from experiments.launchers import asked, launcher
from experiments.loggers import chosen
from experiments.sweeps import registry
from experiments.sweeps.cells import IN_HAND, LEFT_ALONE, Cell, cells_of
from experiments.sweeps.registry import Sweep

MOST = 10_000
"""Cells of a sweep that is started without being confirmed."""


def check(sweep: Sweep) -> None:
    """Check its name, and that every run can start on this machine; imports torch. Raises InputError if one cannot."""
    registry.check_name(sweep)
    chosen(sweep.log)
    host = launcher(sweep.launcher)
    host.check(sweep.device, **asked(host, sweep.resources))
    seen = set()
    for task in sweep.tasks:
        if task.key not in seen:  # seeds make no difference
            seen.add(task.key)
            check_run(task.plan.config)


def start(home: Home, sweep: Sweep, *, tags: Sequence[str] = (), version: str = "", fresh: bool = False) -> list[Cell]:
    """Start every run that is missing or did not finish, by the launcher of the sweep; return the cells before that.

    Runs that other processes have in hand are left alone, so any number of processes may start one sweep. Raises
    InputError if a run cannot be started.
    """
    host = launcher(sweep.launcher)
    with locked(home.locks / "study.lock", "the run log"):
        before = cells_of(home, sweep)
        first: dict[str, Cell] = {}  # a search may draw a point twice
        for cell in before:
            first.setdefault(cell.task.identity, cell)
        missing = [cell for cell in first.values() if cell.run is None]
        about: dict[str, Any] = {"loggers": chosen(sweep.log), "version": version, "resources": sweep.resources}
        new = RunLog(home).create_all(
            [new_record(cell.task.plan, tags=(sweep.name, *tags), **about) for cell in missing]
        )
        folders = {cell.task.identity: folder for cell, folder in zip(missing, new, strict=True)}
        for cell in first.values():
            if cell.run is not None and cell.state not in LEFT_ALONE:
                folder = RunFolder.open(home, cell.run["id"])
                folder.update(resources=sweep.resources.to_json())
                folders[cell.task.identity] = folder
        if folders:
            in_order = [folders[identity] for identity in first if identity in folders]
            host.start_all(in_order, device=sweep.device, fresh=fresh, **asked(host, sweep.resources))
    if any(cell.state == "waiting" for cell in before):
        host.wake(home)
    return before


def start_outside(home: Home, *words: str) -> str:
    """Have another process do `prusc sweep WORDS --detach`, which keeps torch out of this one; return the sweep's name.

    Raises InputError with the message of that command.
    """
    return str(orjson.loads(subprocesses.run("prusc_tui", "sweep", *words, "--detach", "--json", home=home))["sweep"])


def stop(home: Home, sweep: Sweep) -> int:
    """Ask every run of a sweep that is in hand to stop, those that wait first; return their number."""
    found = [cell for cell in cells_of(home, sweep) if cell.state in IN_HAND]
    by_launcher: dict[str, list[RunFolder]] = {}
    for cell in sorted(found, key=lambda cell: cell.state == "running"):
        assert cell.run is not None
        folder = RunFolder.open(home, cell.run["id"])
        by_launcher.setdefault(folder.record().launcher, []).append(folder)
    for name, folders in by_launcher.items():
        launcher(name).stop_all(folders)
    return len(found)


def delete(home: Home, sweep: Sweep) -> int:
    """Delete a sweep with the runs that it made, and return their number; runs that existed before are kept.

    Raises InputError if one of them is in hand.
    """
    own = [run["id"] for run in RunLog(home).all() if sweep.name in run["tags"][:1]]
    folders = [RunFolder.open(home, id) for id in own]
    for folder in folders:
        actions.check_deletable(folder)
    for folder in folders:
        actions.delete(folder)
    registry.remove(home, sweep)
    return len(folders)
