"""From a plan to a run on disk, new or forked, and the check that it can run."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.config import Config
from core.errors import InputError
from core.overrides import merge, nest, validate
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from experiments.files import check_files, whole_paths
from experiments.fork import Fork
from experiments.identity import identity
from experiments.plan import Plan, build_pipeline
from experiments.recipes import get_recipe
from experiments.resources import ANY, Resources


def check(config: Config, fork: Fork | None = None) -> None:
    """Check that the configuration can run on this machine, with every file that it names; imports torch.

    The stages that a fork takes over need no files. Raises InputError if something is missing, unknown or does not fit.
    """
    from core.models.networks import check_name, has_buffers

    for key, name in {"model.name": config.model.name, "train.network": config.train.network}.items():
        try:
            check_name(name)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None
    if "train" in get_recipe(config.recipe).stage_names(config) and has_buffers(config.train.network):
        raise InputError(
            f"train.network = '{config.train.network}' has BatchNorm, but networks trained in parallel cannot "
            "share its running statistics; use mlp, mnist-cnn, or a network without BatchNorm such as vgg11"
        )
    if config.prune.structure == "channels" and "prune" in get_recipe(config.recipe).stage_names(config):
        from core.models.networks import outline
        from core.pruning.channels import channels_of

        channels_of(outline(config.model.name, 2), config.prune.exclude)
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
    loggers: Mapping[str, str] | None = None,
    version: str = "",
    resources: Resources = ANY,
) -> RunFolder:
    """Create a queued run in the home and the index; raises InputError if the name is taken."""
    log = RunLog(home)
    record = new_record(
        plan,
        name=name,
        tags=tags,
        forked_from=f"{fork.source.id}:{fork.stage}" if fork else None,
        loggers=loggers,
        version=version,
        resources=resources,
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


def new_record(
    plan: Plan,
    *,
    name: str | None = None,
    tags: Sequence[str] = (),
    forked_from: str | None = None,
    loggers: Mapping[str, str] | None = None,
    version: str = "",
    resources: Resources = ANY,
) -> RunRecord:
    """The record of a new run, queued, before it is created."""
    config = whole_paths(plan.config)
    return RunRecord(
        id=new_id(),
        name=name or plan.base_name,
        recipe=plan.recipe.name,
        preset=plan.preset,
        data=config.data.title,
        seed=plan.config.seed,
        selection=plan.config.select.rule,
        attributes_used=plan.recipe.attributes_used(plan.config),
        config=config.model_dump(mode="json"),
        overrides=plan.overrides,
        tags=tuple(tags),
        created=time.time(),
        stages=tuple(StageRecord(stage) for stage in plan.recipe.stage_names(plan.config)),
        forked_from=forked_from,
        loggers=dict(loggers or {}),
        version=version,
        resources=resources.to_json(),
        identity=identity(config),
    )


def change_settings(folder: RunFolder, changes: Mapping[str, Any]) -> None:
    """Change settings, dotted key → value, of an inactive run before it is resumed.

    Its record lists them as overrides. Raises InputError if a value does not fit.
    """
    record = folder.record()
    settings = merge({}, dict(record.config))
    for key, value in changes.items():
        merge(settings, nest(key.split("."), value))
    config = validate(settings, f"run '{record.name}'")
    folder.update(
        config=config.model_dump(mode="json"), overrides={**record.overrides, **changes}, identity=identity(config)
    )


def _take_over(fork: Fork, folder: RunFolder, record: RunRecord) -> RunRecord:
    from core.engine.artifacts import link

    source = RunFolder.open(folder.home, fork.source.id)
    for stage in fork.stages:
        if not link(source.artifacts(stage), folder.artifacts(stage)):
            raise InputError(f"--from: the artifacts of stage '{stage}' of run '{fork.source.name}' are gone")
    stages = tuple(replace(s, reused=fork.source.id) if s.name in fork.stages else s for s in record.stages)
    return folder.update(stages=stages, fingerprint=fork.source.fingerprint)
