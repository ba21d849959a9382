"""Control: IRM on environments drawn by lot, with the sizes and labels of those from clusters."""

from core.config import Config
from core.engine.stage import Stage
from experiments.recipe import Recipe
from experiments.recipes.irm import IRM, STAGES
from experiments.recipes.prusc import to_clusters


def stages(config: Config) -> tuple[Stage, ...]:
    """Do all that `irm` does, but give every place in an environment to another sample of the same label."""
    from core.stages.environments import InferFromClusters
    from core.stages.members import TrainMembers

    return (
        *to_clusters(config),
        InferFromClusters(config.environments, lot=True),
        TrainMembers(config.train, config.select),
    )


IRM_RANDOM = Recipe(
    name="irm-random",
    summary="Control: IRM on environments drawn by lot. Does it matter who is in them?",
    stage_names=STAGES,
    stages=stages,
    fixed=IRM.fixed,
    preset="irm-demo",
)
