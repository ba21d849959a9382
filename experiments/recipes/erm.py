"""Empirical risk minimisation: the network as everybody trains it, and the start of most other recipes."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.erm import TrainErm
from core.stages.given import TakeCheckpoint
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train on all training images by their mean loss, or take the trained network that is given."""
    if config.model.checkpoint:
        return (TakeCheckpoint(config.model),)
    return (TrainErm(config.erm, config.model, config.select, compute=config.compute),)


ERM = Recipe(
    name="erm",
    summary="Train on all images by their mean loss; what every other recipe is compared with.",
    kind="baseline",
    stages=stages,
    fixed={"erm.objective": "erm"},
)
