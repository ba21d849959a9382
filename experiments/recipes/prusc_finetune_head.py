"""PruSC and then a refitted head: masks, fine-tuning, and a logistic regression in place of the head."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_subnetwork


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn masks, fine-tune the weights they keep, then refit the head."""
    return (*to_subnetwork(config), RefitHead(config.section(Head), config.balance, config.model, source="finetune"))


PRUSC_FINETUNE_HEAD = Recipe(
    name="prusc-finetune-head",
    summary="PruSC, then the head refitted on the balanced set. Does fine-tuning leave anything to the head?",
    kind="method",
    equations=(equations.MASKS, equations.CONTRAST, equations.FINETUNE, equations.HEAD),
    source=f"{equations.PAPER_PRUSC}; head: after {equations.PAPER_DFR} (ours)",
    stages=stages,
    fixed=PRUSC.fixed,
)
