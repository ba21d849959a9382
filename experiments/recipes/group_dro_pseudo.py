"""GroupDRO over pseudo-groups: what `group-dro` does with the true groups.

Sagawa, Koh, Hashimoto and Liang, ICLR 2020, arXiv 1911.08731; on groups found without labels as in GEORGE (Sohoni et
al., NeurIPS 2020, arXiv 2011.12945: clusters of each class) and XRM (Pezeshki et al., arXiv 2309.16748: mistakes of
twin networks). Here a group is a (pseudo-group, label) cell of any finder. Published: step size 0.01, batches balanced
over groups, strong weight decay or early stopping chosen by worst-group accuracy; here the settings of ERM.
`group-dro-inferred` is another recipe: it minimises the worst of the environments of invariant learning. Supervision:
none, unless select.rule or the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.retrain_cells import Dro, TrainOnCells
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Find the pseudo-groups, and train from scratch on the worst (pseudo-group, label)."""
    dro = config.section(Dro)
    return (*to_groups(config), TrainOnCells(config.erm, config.model, config.select, config.compute, dro))


GROUP_DRO_PSEUDO = Recipe(
    name="group-dro-pseudo",
    title="GroupDRO, pseudo-groups",
    summary="Train again from scratch by GroupDRO over (pseudo-group, label), without group labels.",
    kind="rival",
    equations=(equations.GROUP_DRO.format(groups="cells, drawn equally often"),),
    source=f"{equations.PAPER_DRO}; on pseudo-groups: GEORGE, arXiv 2011.12945",
    stages=stages,
    fixed=PRUSC.fixed,
)
