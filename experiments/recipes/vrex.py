"""V-REx on the environments of recipe `irm`: equal risks instead of IRM's penalty."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.irm import FIXED, stages

VREX = Recipe(
    name="vrex",
    title="V-REx, inferred environments",
    summary="V-REx on the environments of irm. Is IRM's penalty needed?",
    kind="method",
    equations=(equations.MINORITY_BALANCE, "min over θ: mean over e of R_e + λ variance over e of R_e"),
    source=f"V-REx, arXiv 2003.00688; environments: {equations.PAPER_CLUSTERS}",
    stages=stages,
    fixed={**FIXED, "train.objective": "vrex"},
    preset="irm-demo",
)
