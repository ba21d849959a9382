"""From a plan to a run on disk: new, forked or resumed, and the check that it can run at all."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from core.config import Config
from core.errors import InputError, nearest
from core.overrides import merge, nest, validate
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.query import resolve as resolve_run
from core.runs.record import RunRecord, StageRecord, new_id
from experiments.files import check_files, whole_paths
from experiments.plan import Plan, build_pipeline, resolve
from experiments.recipes import get_recipe

_FILES = {"erm": ("model.weights", "model.checkpoint"), "cluster": ("cluster.file",)}
"""Stage → settings that may name a file which the stage takes, or takes in place of its work."""


@dataclass(frozen=True)
class Fork:
    """A new run's start: the stages of `source` up to and with `stage` are taken over as they are."""

    source: RunRecord
    stage: str

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages taken over."""
        names = [stage.name for stage in self.source.stages]
        return tuple(names[: names.index(self.stage) + 1])


def read_fork(home: Home, text: str) -> Fork:
    """Read `RUN:STAGE`.

    Raises:
        InputError: no such run or stage, or the stage is not done.
    """
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


def plan_fork(fork: Fork, recipe: str | None, overrides: Sequence[str], seed: int | None) -> Plan:
    """Plan a run that goes on from a fork: the source's settings, under another recipe where one is named.

    Raises:
        InputError: the recipe does not begin with the stages taken over, or a setting of one of those is changed.
    """
    plan = resolve_fork(fork, recipe, overrides, seed)
    _refuse_changes(fork, plan.config)
    return plan


def resolve_fork(fork: Fork, recipe: str | None, overrides: Sequence[str], seed: int | None) -> Plan:
    """Like `plan_fork`, without the look at what each stage taken over was made with (no torch).

    Raises:
        InputError: the recipe does not begin with the stages taken over, or a setting does not fit.
    """
    old = get_recipe(fork.source.recipe)
    new = get_recipe(recipe or old.name)
    if new.stage_names[: len(fork.stages)] != fork.stages:
        raise InputError(f"--from: recipe '{new.name}' does not begin with {', '.join(fork.stages)}")
    settings = merge({}, dict(fork.source.config))
    for key in old.fixed:
        if key not in new.fixed:  # what the old recipe fixed is no choice of the person; the default is
            section, _, name = key.partition(".")
            settings[section].pop(name, None)
    settings["recipe"] = new.name
    return resolve(settings, overrides, seed)


def refuse_change(
    fork: Fork, config: Config, stage: str, sections: Sequence[str], *, another_way: bool = False
) -> None:
    """Refuse a plan in which a stage that is taken over would not be the same.

    Args:
        fork: where the run goes on from.
        config: of the run.
        stage: one of those taken over.
        sections: what the stage reads and has other values than in the source.
        another_way: whether the recipe makes the stage in another way than that of the source.

    Raises:
        InputError: anything differs, or the data or the seed.
    """
    source = config_of(fork.source)
    files = [key for key in _FILES.get(stage, ()) if attrgetter(key)(config) != attrgetter(key)(source)]
    if another_way and not files:
        raise InputError(
            f"--from: recipe '{config.recipe}' makes stage '{stage}' in another way than '{source.recipe}' does; "
            "take over fewer stages"
        )
    # Data is also read by the stages to come, which would see other images.
    # With a file in its place it is another stage, of which comparing settings says nothing.
    own = dict.fromkeys(key.partition(".")[0] for key in files) or sections
    changed = [*own, *(["data"] if config.data.deciding() != source.data.deciding() else [])]
    if changed or config.seed != source.seed:
        what = ", ".join(changed) or "seed"
        raise InputError(f"--from: stage '{stage}' is taken from '{fork.source.name}', so {what} cannot change")


def check(config: Config, fork: Fork | None = None) -> None:
    """Make sure that the configuration can be built on this machine, with every file that it names; imports torch.

    Args:
        config: all settings.
        fork: where the run goes on from; the stages taken over need no files.

    Raises:
        InputError: what is missing or unknown, or does not fit.
    """
    from core.models.networks import has_buffers, names

    known = names()
    for key, name in {"model.name": config.model.name, "train.network": config.train.network}.items():
        if name not in known:
            raise InputError(f"{key} = '{name}': unknown network{nearest(name, known)}")
    if "train" in get_recipe(config.recipe).stage_names and has_buffers(config.train.network):
        raise InputError(
            f"train.network = '{config.train.network}' has BatchNorm, whose running statistics members that are "
            "trained side by side cannot share; take mlp, mnist-cnn, or a network without it such as vgg11"
        )
    config = whole_paths(config)
    pipeline = build_pipeline(config)
    check_files(config, pipeline.load_data, fork.stages if fork else ())


def create_run(
    home: Home,
    plan: Plan,
    *,
    name: str | None = None,
    tags: Sequence[str] = (),
    fork: Fork | None = None,
    version: str = "",
) -> RunFolder:
    """Write a new run, queued, into the home and the index.

    Raises:
        InputError: the name is taken.
    """
    log = RunLog(home)
    config = whole_paths(plan.config)
    record = RunRecord(
        id=new_id(),
        name=name or plan.base_name,
        recipe=plan.recipe.name,
        preset=plan.preset,
        data=plan.config.data.name,
        seed=plan.config.seed,
        selection=plan.config.select.rule,
        attributes_used=plan.recipe.attributes_used(plan.config),
        config=config.model_dump(mode="json"),
        overrides=plan.overrides,
        tags=tuple(tags),
        created=time.time(),
        stages=tuple(StageRecord(stage) for stage in plan.recipe.stage_names),
        forked_from=f"{fork.source.id}:{fork.stage}" if fork else None,
        version=version,
    )
    folder = RunFolder.create(home, record)
    try:
        if fork is not None:
            record = _take_over(fork, folder, record)
        record = log.register(record, exact_name=name is not None)
    except BaseException:
        folder.delete()
        raise
    folder.update(name=record.name)
    return folder


def config_of(record: RunRecord) -> Config:
    """Settings of a run on disk.

    Raises:
        InputError: this version does not know one of them.
    """
    return validate(record.config, f"run '{record.name}'")


def change_settings(folder: RunFolder, changes: Mapping[str, Any]) -> None:
    """Change settings of a run that is not at work, before it goes on; its record says so.

    Args:
        folder: of the run.
        changes: dotted key → value.

    Raises:
        InputError: a value does not fit.
    """
    record = folder.record()
    settings = merge({}, dict(record.config))
    for key, value in changes.items():
        merge(settings, nest(key.split("."), value))
    config = validate(settings, f"run '{record.name}'").model_dump(mode="json")
    folder.update(config=config, overrides={**record.overrides, **changes})


def _take_over(fork: Fork, folder: RunFolder, record: RunRecord) -> RunRecord:
    from core.engine.artifacts import link

    source = RunFolder.open(folder.home, fork.source.id)
    for stage in fork.stages:
        if not link(source.artifacts(stage), folder.artifacts(stage)):
            raise InputError(f"--from: the artifacts of stage '{stage}' of run '{fork.source.name}' are gone")
    stages = tuple(replace(s, reused=fork.source.id) if s.name in fork.stages else s for s in record.stages)
    return folder.update(stages=stages)


def _refuse_changes(fork: Fork, config: Config) -> None:
    """A stage that is taken over cannot be made otherwise than it was."""
    from core.engine.stage import stage_settings

    source = config_of(fork.source)  # its data may lie elsewhere by now
    old = {stage.name: stage_settings(stage) for stage in get_recipe(source.recipe).stages(source)}
    for stage in get_recipe(config.recipe).stages(config):
        if stage.name in fork.stages:
            ours, theirs = stage_settings(stage), old[stage.name]
            changed = [name for name in ours if ours[name] != theirs.get(name)]
            sections = [name for name in changed if isinstance(ours[name], dict)]
            refuse_change(fork, config, stage.name, sections, another_way=sections != changed)
