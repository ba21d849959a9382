"""IRM without annotations: infer environments from clusters, then train a predictor that is invariant across them."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.environments_inferred import InferEnvironments
from core.stages.train import TrainMembers
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import to_groups

FIXED = {"erm.objective": "erm"}


def stages(config: Config) -> tuple[Stage, ...]:
    """Cluster; form environments from the samples that conflict with their cluster; train on them."""
    return (
        *to_groups(config),
        InferEnvironments(config.environments),
        TrainMembers(config.train, config.select),
    )


IRM = Recipe(
    name="irm",
    title="IRM, environments from clusters (ours)",
    summary="Infer environments from clusters of the representation, then train by IRM.",
    kind="method",
    equations=(equations.MINORITY_BALANCE, equations.IRM),
    source=f"{equations.PAPER_IRM}; environments: {equations.PAPER_CLUSTERS}",
    stages=stages,
    fixed={**FIXED, "train.objective": "irm"},
    preset="irm-demo",
)
