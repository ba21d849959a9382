"""V-REx on the environments that are inferred from clusters: equal risks in place of IRM's penalty."""

from experiments.recipe import Recipe
from experiments.recipes.irm import FIXED, stages

VREX = Recipe(
    name="vrex",
    title="V-REx, environments from clusters",
    summary="V-REx on the environments from clusters: does it take IRM's penalty?",
    kind="method",
    stages=stages,
    fixed={**FIXED, "train.objective": "vrex"},
    preset="irm-demo",
)
