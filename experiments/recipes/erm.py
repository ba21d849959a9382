"""Empirical risk minimisation: the network as everybody trains it, and the start of most other recipes."""

from pathlib import Path

from core.config import Config
from core.engine.stage import Stage
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train on all training images by their mean loss, or take the trained network that is given."""
    if config.model.checkpoint:
        from core.models.files import digest
        from core.stages.given import TakeCheckpoint

        return (TakeCheckpoint(config.model, digest(Path(config.model.checkpoint))),)
    from core.models.weights import identity
    from core.stages.erm import TrainErm

    return (TrainErm(config.erm, config.model, config.select, start=identity(config.model), compute=config.compute),)


ERM = Recipe(
    name="erm",
    summary="Train on all images by their mean loss; what every other recipe is compared with.",
    stage_names=("erm",),
    stages=stages,
    fixed={"erm.objective": "erm"},
)
