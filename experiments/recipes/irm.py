"""IRM with annotation-free environments: infer environments from the clusters, then train to hold in all of them."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_inferred import InferFromClusters
from core.stages.train import TrainMembers
from experiments.recipe import Recipe
from experiments.recipes.prusc import to_clusters

FIXED = {"erm.objective": "erm", "cluster.method": "kmeans"}


def stages(config: Config) -> tuple[Stage, ...]:
    """Cluster; make environments of those who go against the label of their cluster; train on them."""
    return (
        *to_clusters(config),
        InferFromClusters(config.environments),
        TrainMembers(config.train, config.select),
    )


IRM = Recipe(
    name="irm",
    title="IRM, environments from clusters (ours)",
    summary="Infer environments from the clusters of the representation, train by IRM to hold in all of them.",
    kind="method",
    stages=stages,
    fixed={**FIXED, "train.objective": "irm"},
    preset="irm-demo",
)
