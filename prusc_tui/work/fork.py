"""Runs that go on from another one: which stages they may take over, and what that leaves to be set (no torch)."""

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING

from core.errors import InputError

if TYPE_CHECKING:
    from core.config import Config
    from core.runs.home import Home
    from experiments.launch import Fork
    from experiments.plan import Plan

STAGE_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "erm": ("erm", "model", "select"),
    "represent": ("represent", "erm", "model"),
    "cluster": ("cluster",),
    "balance": ("balance", "cluster"),
    "prune": ("prune", "model", "select"),
    "finetune": ("finetune", "model", "select"),
}
"""Stage → sections that it reads; the stages themselves know, but they import torch."""


def sections_of(stages: tuple[str, ...]) -> frozenset[str]:
    """Sections that these stages read."""
    return frozenset(section for stage in stages for section in STAGE_SECTIONS[stage])


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
    """What `experiments.launch.plan_fork` plans, told from the sections of the stages alone.

    Raises:
        InputError: the recipe does not begin with the stages taken over, or a setting of one of those is changed.
    """
    from experiments.launch import resolve_fork
    from experiments.recipes import get_recipe

    plan = resolve_fork(fork, recipe, overrides, None)
    # The one stage that is not the same in every recipe that has it.
    kinds = {"finetune"} if plan.recipe.stages is not get_recipe(fork.source.recipe).stages else frozenset()
    _refuse_changes(fork, plan.config, kinds)
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


def _refuse_changes(fork: "Fork", config: "Config", kinds: Set[str]) -> None:
    from experiments.launch import config_of

    source = config_of(fork.source)
    for stage in fork.stages:
        changed = ["kind"] * (stage in kinds)
        changed += [s for s in STAGE_SECTIONS[stage] if getattr(config, s) != getattr(source, s)]
        changed += ["data"] * (config.data != source.data)
        if changed or config.seed != source.seed:
            what = ", ".join(changed) or "seed"
            raise InputError(f"--from: stage '{stage}' is taken from '{fork.source.name}', so {what} cannot change")
