"""Oracle: ERM on batches with every group equally often; uses the attributes of the training split."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.erm import stages

GROUP_BALANCED = Recipe(
    name="group-balanced",
    summary="Oracle: ERM on batches balanced over the true groups (training attributes used).",
    kind="oracle",
    equations=(equations.BALANCED_GROUPS.format(groups="true groups"),),
    source="Idrissi et al., arXiv 2110.14503",
    stages=stages,
    fixed={"erm.objective": "group-balanced"},
    supervision="train",
)
