"""Studies: many runs that belong together, of which only the missing ones are made (no torch)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import orjson

from core.errors import InputError, nearest
from core.runs.alive import here
from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord
from experiments.catalog import Study
from experiments.launch import create_run
from experiments.plan import Plan, config_of, make_plan

Origin = Literal["kept", "elsewhere", "resumed", "made"]
"""Where the run of a task comes from: finished before, running in another process, resumed, or new."""


@dataclass(frozen=True)
class Task:
    """One planned run of a study; `recipe` is an entry of the study, possibly with a finder."""

    recipe: str
    preset: str
    plan: Plan

    @property
    def title(self) -> str:
        """Recipe, preset and seed in words."""
        seed = self.plan.config.seed
        return f"{self.recipe} on {self.preset}" + (f", seed {seed}" if seed else "")

    @cached_property
    def config(self) -> dict[str, Any]:
        """Every setting, as a run record holds it."""
        return self.plan.config.model_dump(mode="json")


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
    recipes, presets = _chosen(study, only)
    seeds = study.seeds if seed is None else (seed,)
    return [_task(study, recipe, preset, one, overrides) for preset in presets for one in seeds for recipe in recipes]


def _task(study: Study, entry: str, preset: str, seed: int, overrides: Sequence[str]) -> Task:
    settings = {**study.settings, **study.of.get(entry, {})}
    recipe, _, finder = str(settings.pop("recipe", entry)).partition("@")
    if finder:
        settings["find.by"] = finder
    if len(study.seeds) > 1 and "seed" in type(make_plan(recipe, data=preset).config.data).model_fields:
        settings["data.seed"] = seed
    laid_over = [f"{key}={orjson.dumps(value).decode()}" for key, value in settings.items()]
    try:
        plan = make_plan(recipe, data=preset, overrides=[*laid_over, *overrides], seed=seed)
    except InputError as error:
        raise InputError(f"{entry} on {preset}: {error} (--only chooses recipes and presets)") from None
    name = f"{study.name}/{'-'.join(entry.replace('@', ' ').replace(',', '').split())}/{study.short(preset)}"
    if plan.config.seed:
        name += f"/seed-{plan.config.seed}"
    return Task(entry, preset, replace(plan, base_name=name))


def find_run(log: RunLog, task: Task) -> RunRecord | None:
    """Find the run with the exact settings and seed of a task, with its current status.

    Of several, the newest finished one counts, else the newest active one, else the newest of all.
    """
    plan, found = task.plan, []
    for run in log.all():
        if (run["recipe"], run["data"], run["seed"]) == (plan.recipe.name, plan.config.data.name, plan.config.seed):
            with suppress(InputError):  # deleted meanwhile, or has settings unknown to this version
                record = RunFolder.open(log.home, run["id"]).settled()
                # Settings newer than the run take their defaults.
                if config_of(record).model_dump(mode="json") == task.config:
                    found.append(record)
    # `sorted` is stable: equal runs keep the order of the log, newest first.
    return next(iter(sorted(found, key=lambda r: (r.status != "finished", not r.in_hand))), None)


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


def _chosen(study: Study, only: str | None) -> tuple[Sequence[str], Sequence[str]]:
    """The named recipes and presets; all of a kind if none of it is named."""
    if only is None:
        return study.recipes, study.presets
    words = [word.strip() for word in only.split(",")]
    known = [*study.recipes, *study.presets]
    for word in words:
        if word not in known:
            raise InputError(f"--only {word}: study '{study.name}' has no such recipe or preset{nearest(word, known)}")
    recipes = [name for name in study.recipes if name in words]
    presets = [name for name in study.presets if name in words]
    return recipes or study.recipes, presets or study.presets
