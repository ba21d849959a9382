"""Baseline: plain ERM on all training images, with the network and steps of the invariant methods."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_pooled import PoolAll
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe


def stages(config: Config) -> tuple[Stage, ...]:
    """Train on all training images as one environment, by their mean loss."""
    return (PoolAll(), TrainMembers(config.train, config.select))


ERM_POOLED = Recipe(
    name="erm-pooled",
    title="ERM",
    summary="ERM on all images with IRM's network and steps; the baseline of the invariant methods.",
    kind="baseline",
    equations=(equations.ERM,),
    source="empirical risk minimisation (Vapnik, NeurIPS 1991)",
    stages=stages,
    fixed={"train.objective": "erm"},
    preset="irm-demo",
)
