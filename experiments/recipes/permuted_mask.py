"""Control: PruSC with its masks permuted within each layer. Does it matter which weights are pruned?"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.finetune import FinetuneNetwork
from core.stages.permute import PermuteMasks
from core.stages.prune import LearnMasks
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def to_permuted_masks(config: Config) -> tuple[Stage, ...]:
    """Learn masks as PruSC does, and permute the entries of each layer."""
    return (
        *to_balanced_set(config),
        LearnMasks(config.prune, config.model, config.select, config.compute),
        PermuteMasks(config.prune, config.model),
    )


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn and permute the masks, then train the weights they keep."""
    return (
        *to_permuted_masks(config),
        FinetuneNetwork(config.finetune, config.model, config.select, source="permute", compute=config.compute),
    )


PERMUTED_MASK = Recipe(
    name="permuted-mask",
    summary="Control: PruSC with its masks permuted within each layer. Does it matter which weights are pruned?",
    kind="control",
    equations=(equations.MASKS, equations.CONTRAST, equations.PERMUTED, equations.FINETUNE),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed=PRUSC.fixed,
)
