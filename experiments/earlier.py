"""Runs of earlier versions: before they are resumed, they get the stages of this version (no torch)."""

import shutil
from itertools import takewhile

from core.runs.folder import RunFolder
from core.runs.record import StageRecord
from experiments.plan import config_of
from experiments.recipes import get_recipe

CLUSTERED = "cluster"
"""Stage that wrote no pseudo-groups in earlier versions."""


def renew(folder: RunFolder) -> None:
    """Give an inactive run the stages of this version; those before its pseudo-groups stay, later ones start over."""
    record = folder.record()
    config = config_of(record)
    before, names = [stage.name for stage in record.stages], get_recipe(record.recipe).stage_names(config)
    if tuple(before) == names:
        return
    same = takewhile(lambda pair: pair[0] == pair[1] != CLUSTERED, zip(before, names, strict=False))
    kept = {name for name, _ in same}
    for name in before:
        if name not in kept:
            final = folder.artifacts(name)
            for path in (final, final.with_name(f".{name}.partial")):
                shutil.rmtree(path, ignore_errors=True)
            folder.drop_checkpoint(name)
    stages = tuple(record.stage(name) if name in kept else StageRecord(name) for name in names)
    folder.update(stages=stages, config=config.model_dump(mode="json"))
