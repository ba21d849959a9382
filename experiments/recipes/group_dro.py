"""Oracle: minimise the worst group's loss (GroupDRO); uses the attributes of the training split.

Sagawa, Koh, Hashimoto and Liang, ICLR 2020, arXiv 1911.08731. Published: step size 0.01 (erm.dro_step_size), batches
balanced over groups, strong weight decay or early stopping chosen by worst-group accuracy on validation; ours: the
settings of ERM otherwise. Supervision: the groups of the training split.
"""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.erm import stages

GROUP_DRO = Recipe(
    name="group-dro",
    summary="Oracle: GroupDRO on the true groups (training attributes used).",
    kind="oracle",
    equations=(equations.GROUP_DRO.format(groups="true groups"),),
    source=equations.PAPER_DRO,
    stages=stages,
    fixed={"erm.objective": "group-dro"},
    supervision="train",
)
