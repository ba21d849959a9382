"""Control: refit the linear head on validation images, with ERM's representation unchanged.

After DFR (Kirichenko, Izmailov and Wilson, ICLR 2023, arXiv 2204.02937), which balances the true groups of the
validation split, and SELF (LaBonte, Muthukumar and Kumar, NeurIPS 2023, arXiv 2309.08534), which needs no groups. Ours:
sets with balanced classes in every pseudo-group, as for the masks. With `find.by=random` only the classes are balanced,
which shows what the pseudo-groups add. Where validation was collected with all groups equally large in each class, as
in Waterbirds, that alone removes the shortcut from the head. Accuracies on validation are cross-fitted.
Supervision: the labels of the validation split, on which it trains, unless the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Find the pseudo-groups, and fit a logistic regression on balanced sets of validation images."""
    return (*to_groups(config), RefitHead(config.section(Head), config.balance, config.model))


LAST_LAYER_VALIDATION = Recipe(
    name="last-layer-validation",
    summary="Control: refit the linear head on balanced sets of validation images. Are held-out images all it takes?",
    kind="control",
    equations=(f"{equations.HEAD}; B: of validation images",),
    source=f"after {equations.PAPER_DFR}, and SELF, arXiv 2309.08534, on pseudo-groups (ours)",
    stages=stages,
    supervision="labels",
    fixed={**PRUSC.fixed, "head.split": "validation"},
)
