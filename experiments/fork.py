"""Runs that go on from another one: where they begin, and which recipes can go on from there (no torch)."""

from operator import attrgetter
from typing import TYPE_CHECKING

from core.errors import InputError
from experiments.reads import read_by, way_of

if TYPE_CHECKING:
    from core.config import Config
    from core.runs.home import Home
    from experiments.launch import Fork
    from experiments.plan import Plan


def fork_at(home: "Home", text: str) -> "Fork":
    """Where a run goes on from.

    Args:
        home: where the other run is.
        text: `RUN:STAGE`, or `RUN` for its last stage that is done, and the one before where that is all.

    Raises:
        InputError: there is no such run or stage, or no stage is done.
    """
    from core.runs.folder import RunFolder
    from core.runs.log import RunLog
    from core.runs.query import resolve
    from experiments.launch import read_fork

    if ":" not in text:
        record = RunFolder.open(home, resolve(RunLog(home), text)).record()
        done = [stage.name for stage in record.stages if stage.status == "done"]
        if not done:
            raise InputError(f"run '{record.name}' has no stage that is done, so there is nothing to take over")
        text = f"{record.id}:{done[-2] if len(done) == len(record.stages) > 1 else done[-1]}"
    return read_fork(home, text)


def plan_fork(fork: "Fork", recipe: str | None, overrides: list[str]) -> "Plan":
    """What `experiments.launch.plan_fork` plans, told from what the stages read alone.

    Raises:
        InputError: the recipe does not begin with the stages taken over, or one of those would not be the same.
    """
    from core.config import Section
    from experiments.launch import config_of, refuse_change, resolve_fork
    from experiments.recipes import get_recipe

    plan = resolve_fork(fork, recipe, overrides, None)
    old, source = get_recipe(fork.source.recipe), config_of(fork.source)

    def value_of(config: "Config", key: str) -> object:
        value = attrgetter(key)(config)
        return value.deciding() if isinstance(value, Section) else value

    for stage in fork.stages:
        read = read_by(plan.recipe, stage)
        changed = [key for key in read if value_of(plan.config, key) != value_of(source, key)]
        sections = dict.fromkeys(key.partition(".")[0] for key in changed)
        refuse_change(
            fork, plan.config, stage, tuple(sections), another_way=way_of(plan.recipe, stage) != way_of(old, stage)
        )
    return plan


def recipes_after(fork: "Fork") -> tuple[str, ...]:
    """Recipes that can go on from there: those that begin with the stages taken over, made in the same way."""
    from experiments.recipes import RECIPES

    fit = []
    for name in RECIPES:
        try:
            plan_fork(fork, name, [])
        except InputError:
            continue
        fit.append(name)
    return tuple(fit)
