"""V-REx on environments inferred from clusters: equal risks instead of IRM's penalty."""

from experiments.recipe import Recipe
from experiments.recipes.irm import FIXED, stages

VREX = Recipe(
    name="vrex",
    title="V-REx, environments from clusters",
    summary="V-REx on the environments from clusters. Is IRM's penalty needed?",
    kind="method",
    stages=stages,
    fixed={**FIXED, "train.objective": "vrex"},
    preset="irm-demo",
)
