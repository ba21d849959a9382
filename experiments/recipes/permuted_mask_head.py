"""Control: PruSC with a refitted head, its masks permuted within each layer."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.permuted_mask import to_permuted_masks
from experiments.recipes.prusc import PRUSC


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn and permute the masks, then refit the head."""
    return (*to_permuted_masks(config), RefitHead(config.section(Head), config.balance, config.model, source="permute"))


PERMUTED_MASK_HEAD = Recipe(
    name="permuted-mask-head",
    summary="Control: permuted masks and a refitted head. Does the refitted head need the learned masks?",
    kind="control",
    equations=(equations.MASKS, equations.CONTRAST, equations.PERMUTED, equations.HEAD),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed=PRUSC.fixed,
)
