"""Forks: runs that start from the stages of another run, and the plans that can continue from there (no torch)."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from core.config import Config
from core.engine.stage import stage_settings
from core.errors import InputError, nearest
from core.overrides import merge
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.query import resolve as resolve_run
from core.runs.record import RunRecord
from experiments.plan import Plan, config_of, resolve
from experiments.recipes import RECIPES, get_recipe


@dataclass(frozen=True)
class Fork:
    """Start of a new run: the stages of `source` up to and including `stage` are reused unchanged."""

    source: RunRecord
    stage: str

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the reused stages."""
        names = [stage.name for stage in self.source.stages]
        return tuple(names[: names.index(self.stage) + 1])


def read_fork(home: Home, text: str) -> Fork:
    """Read `RUN:STAGE`; raises InputError if there is no such run or stage, or the stage is not done."""
    reference, colon, stage = text.rpartition(":")
    if not colon:
        raise InputError(f"--from {text}: expected RUN:STAGE, such as last:erm")
    record = RunFolder.open(home, resolve_run(RunLog(home), reference)).record()
    names = [s.name for s in record.stages]
    if stage not in names:
        raise InputError(f"--from {text}: run '{record.name}' has no stage '{stage}'{nearest(stage, names)}")
    if record.stage(stage).status != "done":
        raise InputError(f"--from {text}: stage '{stage}' of run '{record.name}' is not done; resume that run first")
    return Fork(record, stage)


def fork_at(home: Home, text: str) -> Fork:
    """Read `RUN:STAGE`; `RUN` alone means its last done stage, or the one before that if all are done."""
    if ":" in text:
        return read_fork(home, text)
    record = RunFolder.open(home, resolve_run(RunLog(home), text)).record()
    done = [stage.name for stage in record.stages if stage.status == "done"]
    if not done:
        raise InputError(f"run '{record.name}' has no finished stage to reuse")
    return Fork(record, done[-2] if len(done) == len(record.stages) > 1 else done[-1])


def plan_fork(fork: Fork, recipe: str | None, overrides: Sequence[str], seed: int | None = None) -> Plan:
    """Plan a run that continues from a fork: the settings of its source, with another recipe if one is given.

    Raises InputError if the recipe does not begin with the reused stages, one of them would change, or a setting
    does not fit.
    """
    old = get_recipe(fork.source.recipe)
    new = get_recipe(recipe or old.name)
    if "cluster" in fork.stages and all(stage.name != "find" for stage in fork.source.stages):
        raise InputError(
            f"--from: an earlier version clustered '{fork.source.name}'; reuse its stage 'represent' instead"
        )
    settings, source, defaults = merge({}, dict(fork.source.config)), config_of(fork.source), old.config()
    # What the old recipe fixed or preferred, the user did not choose: it goes back to the default of the new one.
    given = [key for key in old.fixed if key not in new.fixed]
    for key in {*old.defaults, *new.defaults}:
        value_of = attrgetter(key)
        if value_of(source) == value_of(defaults) and not old.reads(source, key, fork.stages):
            given.append(key)
    for key in given:
        section, _, name = key.partition(".")
        settings[section].pop(name, None)
    settings["recipe"] = new.name
    plan = resolve(settings, overrides, seed)
    if new.stage_names(plan.config)[: len(fork.stages)] != fork.stages:
        raise InputError(f"--from: recipe '{new.name}' does not begin with {', '.join(fork.stages)}")
    _refuse_changes(fork, plan.config)
    return plan


def recipes_after(fork: Fork) -> tuple[str, ...]:
    """Recipes that can continue from a fork: those that begin with the same stages, computed in the same way."""
    fit = []
    for name in RECIPES:
        try:
            plan_fork(fork, name, [])
        except InputError:
            continue
        fit.append(name)
    return tuple(fit)


def _refuse_changes(fork: Fork, config: Config) -> None:
    source = config_of(fork.source)  # its data may have moved since
    old = {stage.name: stage for stage in get_recipe(source.recipe).stages(source)}
    for stage in get_recipe(config.recipe).stages(config):
        if stage.name not in fork.stages:
            continue
        before = old[stage.name]
        named = dict.fromkeys([*stage.takes, *before.takes, *filter(None, [stage.replaced_by])])
        files = [key for key in named if attrgetter(key)(config) != attrgetter(key)(source)]
        ours, theirs = stage_settings(stage), stage_settings(before)
        changed = [name for name in ours if ours[name] != theirs.get(name)]
        sections = [name for name in changed if isinstance(ours[name], dict)]
        if sections != changed and not files:
            raise InputError(
                f"--from: recipe '{config.recipe}' computes stage '{stage.name}' unlike '{source.recipe}'; "
                "reuse fewer stages"
            )
        # A stage replaced by a file is another stage: comparing settings would say nothing.
        own = [key.partition(".")[0] for key in files] or sections
        # Later stages read the data too and would see other images.
        own += ["data"] if config.data.deciding() != source.data.deciding() else []
        if own or config.seed != source.seed:
            what = ", ".join(dict.fromkeys(own)) or "seed"
            raise InputError(
                f"--from: stage '{stage.name}' is taken from '{fork.source.name}', so {what} cannot change"
            )
