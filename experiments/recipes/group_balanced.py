"""Oracle: ERM on batches with every group equally often; uses the attributes of the training split.

Idrissi, Arjovsky, Pezeshki and Lopez-Paz, CLeaR 2022, arXiv 2110.14503. Published: groups drawn equally often, with
learning rate, weight decay and epoch chosen by worst-group accuracy on validation; ours: the settings of
ERM. Supervision: the groups of the training split.
"""

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
