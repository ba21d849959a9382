"""Empirical risk minimisation: standard training, and the start of most other recipes."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.erm import TrainErm
from core.stages.given import TakeCheckpoint
from experiments import equations
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train on all training images by their mean loss, or load a trained network."""
    if config.model.checkpoint:
        return (TakeCheckpoint(config.model),)
    return (TrainErm(config.erm, config.model, config.select, compute=config.compute),)


ERM = Recipe(
    name="erm",
    summary="Train on all images by their mean loss; the baseline of every other recipe.",
    kind="baseline",
    equations=(equations.ERM,),
    source="empirical risk minimisation (Vapnik, NeurIPS 1991)",
    stages=stages,
    fixed={"erm.objective": "erm"},
)
