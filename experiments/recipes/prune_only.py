"""Control: the masks alone, with ERM's weights unchanged."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.prune import LearnMasks
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def stages(config: Config) -> tuple[Stage, ...]:
    """Everything that PruSC does up to the masks."""
    return (*to_balanced_set(config), LearnMasks(config.prune, config.model, config.select, config.compute))


PRUNE_ONLY = Recipe(
    name="prune-only",
    summary="Control: the masks alone, no weight changed. What does fine-tuning add?",
    kind="control",
    equations=(equations.MASKS, equations.CONTRAST),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed=PRUSC.fixed,
)
