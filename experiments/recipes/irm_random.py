"""Control: IRM on random environments, with the sizes and labels of those of `irm`."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_inferred import InferEnvironments
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.irm import IRM
from experiments.recipes.prusc import to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Do as `irm` does, but replace every sample of an environment by a random one with the same label."""
    return (
        *to_groups(config),
        InferEnvironments(config.environments, random=True),
        TrainMembers(config.train, config.select),
    )


IRM_RANDOM = Recipe(
    name="irm-random",
    title="IRM, random environments",
    summary="Control: IRM on random environments. Does it matter which samples are in them?",
    kind="control",
    equations=("environments: of the sizes and labels of those of irm, images at random", equations.IRM),
    source="control for IRM (ours)",
    stages=stages,
    fixed=IRM.fixed,
    preset="irm-demo",
)
