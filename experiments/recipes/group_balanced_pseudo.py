"""Group-balanced training over pseudo-groups: what `group-balanced` does with the true groups.

Balancing groups in the batches is as good as GroupDRO where groups are known (Idrissi, Arjovsky, Pezeshki and
Lopez-Paz, CLeaR 2022, arXiv 2110.14503). Here a group is a (pseudo-group, label) cell of a finder; that is ours.
Published: reweighted sampling with learning rate, weight decay and epoch chosen by worst-group accuracy; here the
settings of ERM. Supervision: none, unless select.rule or the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.retrain_cells import TrainOnCells
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Find the pseudo-groups, and train from scratch with every (pseudo-group, label) equally often."""
    return (*to_groups(config), TrainOnCells(config.erm, config.model, config.select, config.compute))


GROUP_BALANCED_PSEUDO = Recipe(
    name="group-balanced-pseudo",
    title="Group-balanced, pseudo-groups",
    summary="Train again from scratch on batches balanced over (pseudo-group, label), without group labels.",
    kind="rival",
    equations=(equations.BALANCED_GROUPS.format(groups="cells"),),
    source="after Idrissi et al., arXiv 2110.14503, on pseudo-groups (ours)",
    stages=stages,
    fixed=PRUSC.fixed,
)
