"""GroupDRO on the environments of recipe `irm`: minimise the worst of their risks."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.irm import FIXED, stages

GROUP_DRO_INFERRED = Recipe(
    name="group-dro-inferred",
    title="GroupDRO, inferred environments",
    summary="GroupDRO on the environments of irm: the worst risk instead of IRM's penalty.",
    kind="method",
    equations=(equations.MINORITY_BALANCE, "min over θ: Σ_e q_e R_e; q_e ← q_e exp(η R_e), Σ q = 1"),
    source=f"{equations.PAPER_DRO}; environments: {equations.PAPER_CLUSTERS}",
    stages=stages,
    fixed={**FIXED, "train.objective": "group-dro"},
    preset="irm-demo",
)
