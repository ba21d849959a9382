"""IRM with annotation-free environments: infer environments from the clusters, then train to hold in all of them."""

from core.config import Config
from core.engine.stage import Stage
from experiments.recipe import Recipe
from experiments.recipes.prusc import TO_CLUSTERS, to_clusters

STAGES = (*TO_CLUSTERS, "environments", "train")
FIXED = {"erm.objective": "erm", "cluster.method": "kmeans"}


def stages(config: Config) -> tuple[Stage, ...]:
    """Cluster; make environments of those who go against the label of their cluster; train on them."""
    from core.stages.environments import InferFromClusters
    from core.stages.members import TrainMembers

    return (
        *to_clusters(config),
        InferFromClusters(config.environments),
        TrainMembers(config.train, config.select),
    )


IRM = Recipe(
    name="irm",
    summary="Infer environments from the clusters of the representation, train by IRM to hold in all of them.",
    stage_names=STAGES,
    stages=stages,
    fixed={**FIXED, "train.objective": "irm"},
    preset="irm-demo",
)
