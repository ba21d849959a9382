"""The runs of a study, planned; of each, the run that exists, so that only the missing ones are made (no torch)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import orjson

from core.errors import InputError
from core.runs.alive import here
from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import ACTIVE, RunRecord
from experiments.files import whole_paths
from experiments.identity import identity
from experiments.launch import create_run
from experiments.plan import Plan, config_of, make_plan
from experiments.space import Point, label
from experiments.study import Study

NOWHERE: Point = {}
_COMPUTED: dict[tuple[str, str], str] = {}
"""Home and id of a run of an older version → its identity."""

Origin = Literal["kept", "elsewhere", "resumed", "made"]
"""Where the run of a task comes from: finished before, running in another process, resumed, or new."""


@dataclass(frozen=True)
class Task:
    """One planned run of a study; `recipe` is an entry of the study, possibly with a finder."""

    recipe: str
    preset: str
    plan: Plan
    point: Point = field(default_factory=dict)
    """What varies in a sweep: dotted key → value."""

    @property
    def title(self) -> str:
        """Recipe, preset, point and seed in words."""
        seed = self.plan.config.seed
        words = [f"{self.recipe} on {self.preset}", label(self.point), f"seed {seed}" if seed else ""]
        return ", ".join(filter(None, words))

    @property
    def key(self) -> tuple[str, str, str]:
        """The same for all seeds: recipe, preset and point."""
        return self.recipe, self.preset, repr(dict(self.point))

    @cached_property
    def identity(self) -> str:
        """The identity of its run."""
        return identity(whole_paths(self.plan.config))


class Claim(NamedTuple):
    """The run of a task, and where it comes from."""

    folder: RunFolder
    origin: Origin
    status: str
    """Status of the run when it was found."""

    @property
    def is_ours(self) -> bool:
        """Whether this process is to do the work."""
        return self.origin in ("resumed", "made")


def plan_study(
    study: Study, *, overrides: Sequence[str] = (), seed: int | None = None, only: str | None = None
) -> list[Task]:
    """Resolve every run of a study.

    Args:
        study: what to plan.
        overrides: texts `a.b=c`, for all runs.
        seed: of all runs; by default those of the study.
        only: recipes, presets or both, separated by commas; None for all.

    Raises:
        InputError: a name, key or value is unknown or does not fit one of the runs.
    """
    part = study.narrowed(only)
    return [
        plan_task(study, recipe, preset, one, overrides, point)
        for preset in part.presets
        for one in (study.seeds if seed is None else (seed,))
        for recipe in part.recipes
        for point in study.points
    ]


def plan_task(
    study: Study, entry: str, preset: str, seed: int, overrides: Sequence[str] = (), point: Point = NOWHERE
) -> Task:
    """Plan one run of a study, at one point of its sweep; raises InputError as `plan_study`."""
    settings = {**study.settings, **study.of.get(entry, {}), **point}
    recipe, _, finder = str(settings.pop("recipe", entry)).partition("@")
    if finder:
        settings["find.by"] = finder
    if study.own_draws and "seed" in type(make_plan(recipe, data=preset).config.data).model_fields:
        settings["data.seed"] = seed
    laid_over = [f"{key}={orjson.dumps(value).decode()}" for key, value in settings.items()]
    try:
        plan = make_plan(recipe, data=preset, overrides=[*laid_over, *overrides], seed=seed)
    except InputError as error:
        hint = " (--only chooses recipes and presets)" if len(study.recipes) * len(study.presets) > 1 else ""
        raise InputError(f"{entry} on {preset}: {error}{hint}") from None
    several = not study.is_sweep or len(study.recipes) > 1 or len(study.presets) > 1
    words = [study.name, *([_word(entry), study.short(preset)] if several else []), _word(label(point))]
    words.append(f"seed-{plan.config.seed}" if plan.config.seed else "")
    return Task(entry, preset, replace(plan, base_name="/".join(filter(None, words))), point)


def find_run(log: RunLog, task: Task) -> RunRecord | None:
    """Find the run with the exact settings and seed of a task, with its current status.

    Of several, the newest finished one counts, else the newest active one, else the newest of all.
    """
    run = find_runs(log, [task])[0]
    with suppress(InputError):  # deleted meanwhile
        return RunFolder.open(log.home, run["id"]).settled() if run else None
    return None


def find_runs(log: RunLog, tasks: Sequence[Task]) -> list[dict[str, Any] | None]:
    """Find the runs of many tasks in one pass, as summaries with their current status; None where there is none."""
    data = [(task.plan.recipe.name, task.plan.config.data, task.plan.config.seed) for task in tasks]
    # Earlier versions recorded the name of the settings, which is the same for all folders of a user.
    kinds = {(recipe, name, seed) for recipe, of, seed in data for name in (of.name, of.title)}
    found: dict[str, dict[str, Any]] = {}
    for run in log.all():  # newest first
        if (run["recipe"], run["data"], run["seed"]) not in kinds or not (key := _identity_of(log.home, run)):
            continue
        if key not in found or _rank(run) < _rank(found[key]):
            found[key] = run
    return [found.get(task.identity) for task in tasks]


def is_in_hand(run: Mapping[str, Any]) -> bool:
    """Whether a process works on a run or a queue has its job, given its summary; as `RunRecord.in_hand`."""
    return run["status"] in ACTIVE and (run["pid"] is not None or bool(run.get("job")))


def _rank(run: Mapping[str, Any]) -> tuple[bool, bool]:
    return run["status"] != "finished", not is_in_hand(run)


def _identity_of(home: Home, run: Mapping[str, Any]) -> str:
    """The identity of a run; of a run of an older version it is computed; empty if that is not possible."""
    if known := run.get("identity"):
        return str(known)
    key = (str(home.root), str(run["id"]))
    if key not in _COMPUTED:  # a run whose settings change gets an identity of its own
        _COMPUTED[key] = ""
        with suppress(InputError):  # deleted meanwhile, or has settings unknown to this version
            _COMPUTED[key] = identity(config_of(RunFolder.open(home, run["id"]).record()))
    return _COMPUTED[key]


def _word(text: str) -> str:
    return "-".join(text.replace("@", " ").replace(",", "").replace("/", " ").split())


def claim(
    home: Home,
    study: Study,
    task: Task,
    *,
    tags: Sequence[str] = (),
    loggers: Mapping[str, str] | None = None,
    version: str = "",
) -> Claim:
    """Find the run of a task or create it; if there is work left, it belongs to this process from now on.

    Any number of processes may work through one study at once, each on a device of its own: no run is taken twice.
    """
    with locked(home.locks / "study.lock", "the run log"):
        record = find_run(RunLog(home), task)
        if record is None:
            folder = create_run(home, task.plan, tags=(study.name, *tags), loggers=loggers, version=version)
            found = Claim(folder, "made", "queued")
        else:
            folder = RunFolder.open(home, record.id)
            origin: Origin = "kept" if record.status == "finished" else "elsewhere" if record.in_hand else "resumed"
            found = Claim(folder, origin, record.status)
        if found.is_ours:
            folder.clear_stop()  # left by a process that died
            folder.update(status="queued", **here())
    return found
