"""Sweeps: studies of one's own, kept in the home, whose missing runs a launcher makes (no torch)."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import orjson

from core.errors import InputError, nearest
from core.groups import Evaluation
from core.rules import RULES
from core.runs.disk import locked, replace_file
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.text import safe_text
from experiments import actions, subprocesses
from experiments.catalog import Study, get_study, read_study, study_names
from experiments.launch import check, new_record
from experiments.launchers import asked, held, launcher, settle
from experiments.loggers import chosen
from experiments.resources import ANY, Resources
from experiments.space import Point
from experiments.study import Task, find_runs, is_in_hand, plan_study

MOST = 10_000
"""Cells of a sweep that is started without being confirmed."""

STATES = ("finished", "running", "waiting", "held", "hopeless", "stopped", "failed", "lost", "missing")
"""States of a cell, as they are counted."""
IN_HAND = ("running", "waiting", "held")
"""States of a cell whose run a process or a queue has; a queue does not start one that is held."""
LEFT_ALONE = ("finished", *IN_HAND, "hopeless")
"""States of a cell whose run needs no start."""


@dataclass(frozen=True)
class Sweep:
    """A study in a home, and how its runs are started.

    Attributes:
        study: what is run.
        launcher: that makes its runs.
        device: of the runs.
        resources: of each run.
        log: loggers of each run, `NAME` or `NAME:FOLDER`.
        hopeless: identities of runs that were stopped because others were better; they are not started again.
        created: in seconds since 1970.
    """

    study: Study
    launcher: str = "queue"
    device: str = "auto"
    resources: Resources = ANY
    log: tuple[str, ...] = ()
    hopeless: tuple[str, ...] = ()
    created: float = field(default_factory=time.time)

    @property
    def name(self) -> str:
        """Name of the sweep, and tag of the runs that it made."""
        return self.study.name

    @cached_property
    def tasks(self) -> list[Task]:
        """Every planned run; raises InputError if a key or value is unknown or does not fit one of them."""
        return plan_study(self.study)


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


def names(home: Home) -> list[str]:
    """Names of the sweeps in a home, newest first."""
    files = [(path.stat().st_mtime, path.stem) for path in _folder(home).glob("*.json")]
    return [name for _, name in sorted(files, reverse=True)]


def get(home: Home, name: str) -> Sweep:
    """Read the sweep called `name`; raises InputError, which names the nearest, if there is none."""
    path = _folder(home) / f"{name}.json"
    if name not in names(home):
        raise InputError(f"no sweep '{safe_text(name)}'{nearest(name, names(home))} (see: prusc sweeps ls)")
    try:
        value = orjson.loads(path.read_bytes())
        study = read_study(name, value["study"], str(path))
        resources = Resources.from_json(value["resources"])
        return Sweep(
            study,
            value["launcher"],
            value["device"],
            resources,
            tuple(value.get("log", ())),
            tuple(value.get("hopeless", ())),
            value["created"],
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: is not a sweep; delete it, the runs are kept") from None


def keep(home: Home, sweep: Sweep) -> None:
    """Keep a sweep under its name; one with the same runs and this name takes the new way to start them.

    Raises InputError if the name is taken by another sweep or a study, or cannot be one.
    """
    name = sweep.name
    if safe_text(name) != name or "/" in name or name.startswith(".") or not name.strip():
        raise InputError(f"a sweep cannot be named '{safe_text(name)}'; use letters, digits and signs other than /")
    if name in study_names() and get_study(name) != sweep.study:
        raise InputError(f"a sweep cannot be named '{name}', as a study has this name; choose another with --name")
    if name in names(home) and _plan_of(get(home, name).study) != _plan_of(sweep.study):
        raise InputError(f"a sweep named '{name}' with other runs exists; choose another name with --name")
    _folder(home).mkdir(parents=True, exist_ok=True)
    value = {
        "study": sweep.study.to_values(),
        "launcher": sweep.launcher,
        "device": sweep.device,
        "resources": sweep.resources.to_json(),
        "log": list(sweep.log),
        "hopeless": list(sweep.hopeless),
        "created": sweep.created,
    }
    replace_file(_folder(home) / f"{name}.json", orjson.dumps(value, option=orjson.OPT_INDENT_2))


def free_name(home: Home, study: Study) -> str:
    """The name of the sweep with the same runs as a study, else its own name, with a number if another one has it."""
    taken = [*names(home), *(name for name in study_names() if get_study(name) != study)]
    for number in range(1, len(taken) + 2):
        name = study.name if number == 1 else f"{study.name}-{number}"
        if name not in taken:
            return name
        if name in names(home) and _plan_of(get(home, name).study) == _plan_of(study.renamed(name)):
            return name
    raise AssertionError("one of the names is free")


def _plan_of(study: Study) -> Study:
    """The study without what a search has found."""
    return replace(study, drawn=())


def cells(home: Home, sweep: Sweep) -> list[Cell]:
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


def check_sweep(sweep: Sweep) -> None:
    """Check that every run can start on this machine; imports torch. Raises InputError if one cannot."""
    chosen(sweep.log)
    host = launcher(sweep.launcher)
    host.check(sweep.device, **asked(host, sweep.resources))
    seen = set()
    for task in sweep.tasks:
        kind = (task.recipe, task.preset, repr(task.point))
        if kind not in seen:  # seeds make no difference
            seen.add(kind)
            check(task.plan.config)


def start(home: Home, sweep: Sweep, *, tags: Sequence[str] = (), version: str = "", fresh: bool = False) -> list[Cell]:
    """Start every run that is missing or did not finish, by the launcher of the sweep; return the cells before that.

    Runs that other processes have in hand are left alone, so any number of processes may start one sweep. Raises
    InputError if a run cannot be started.
    """
    host = launcher(sweep.launcher)
    with locked(home.locks / "study.lock", "the run log"):
        before = cells(home, sweep)
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
    found = [cell for cell in cells(home, sweep) if cell.state in IN_HAND]
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
    (_folder(home) / f"{sweep.name}.json").unlink(missing_ok=True)
    _end_of(home, sweep).unlink(missing_ok=True)
    return len(folders)


@dataclass(frozen=True)
class Score:
    """A point of a sweep under its objective: the mean over its finished runs.

    Attributes:
        recipe: entry of the study.
        preset: data.
        point: what varies.
        value: mean of the objective on the validation split; in [0, 1].
        n: number of runs.
        of: number of planned runs.
    """

    recipe: str
    preset: str
    point: Point
    value: float
    n: int
    of: int


def objective(folder: RunFolder, rule: str) -> float | None:
    """Value of a rule on the final evaluation of a run on validation; None without it.

    `worst-cell` is the worst class where a recipe has no pseudo-groups.
    """
    with suppress(InputError):
        value = folder.record().final_evaluation("validation")
        if value is not None:
            evaluation = Evaluation.from_json("validation", value)
            known = RULES[rule].value(evaluation)
            return evaluation.worst_class_accuracy if known is None else known
    return None


def scores(
    home: Home, sweep: Sweep, found: Sequence[Cell], read: Callable[[RunFolder, str], float | None] = objective
) -> list[Score]:
    """Points with a finished run, best first by the objective of the sweep, which looks at validation only.

    `read` may remember the values of runs.
    """
    groups: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for cell in found:
        point = cell.task.recipe, cell.task.preset, repr(cell.task.point)
        groups.setdefault(point, {})[cell.task.identity] = cell  # a search may draw a point twice
    out = []
    for members in (list(group.values()) for group in groups.values()):
        ids = [str(cell.run["id"]) for cell in members if cell.run is not None and cell.state == "finished"]
        folders = [RunFolder(home, id) for id in ids]
        values = [value for folder in folders if (value := read(folder, sweep.study.objective)) is not None]
        if values:
            task = members[0].task
            out.append(Score(task.recipe, task.preset, task.point, fmean(values), len(values), len(members)))
    return sorted(out, key=lambda score: -score.value)


def has_just_ended(home: Home, sweep: Sweep, found: Sequence[Cell]) -> bool:
    """Whether every run of a sweep, given by its cells, has ended and no process was told so before.

    Another end, after some of them were started again, is a new one.
    """
    if any(cell.state in (*IN_HAND, "missing") for cell in found):
        return False
    runs = [cell.run for cell in found if cell.run is not None]
    ended = orjson.dumps(sorted((run["id"], run["status"], run["ended"] or run["started"] or 0) for run in runs))
    path = _end_of(home, sweep)
    with locked(home.locks / "sweeps.lock", "the ends of sweeps"):
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


def _end_of(home: Home, sweep: Sweep) -> Path:
    """What the runs of a sweep were at its last end that was noticed."""
    return _folder(home) / f"{sweep.name}.ended"


def _folder(home: Home) -> Path:
    return home.root / "sweeps"
