"""GroupDRO on environments inferred from clusters: minimise the worst of their risks."""

from experiments.recipe import Recipe
from experiments.recipes.irm import FIXED, stages

GROUP_DRO_INFERRED = Recipe(
    name="group-dro-inferred",
    title="GroupDRO, environments from clusters",
    summary="GroupDRO on the environments from clusters: the worst risk instead of IRM's penalty.",
    kind="method",
    stages=stages,
    fixed={**FIXED, "train.objective": "group-dro"},
    preset="irm-demo",
)
