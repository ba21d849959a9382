"""PruSC with a refitted head: the masks, then a logistic regression in place of fine-tuning.

What is published of the masks: see `prusc_finetune`. The head is that of DFR (Kirichenko, Izmailov and Wilson, ICLR
2023, arXiv 2204.02937): a logistic regression on the standardised representation, the mean of 10 draws. Published: L1
penalty, on group-balanced images, nothing pruned. Ours: balanced sets of pseudo-groups, an L2 penalty chosen by the
worst cell, and the masks before it. Supervision: none, unless the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.head import Head, RefitHead
from core.stages.prune import LearnMasks
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn masks on the balanced set, then refit the head of the subnetwork on the same set."""
    return (
        *to_balanced_set(config),
        LearnMasks(config.prune, config.model, config.select, config.compute),
        RefitHead(config.section(Head), config.balance, config.model, source="prune"),
    )


PRUSC_HEAD = Recipe(
    name="prusc-head",
    summary="PruSC with a refitted head instead of fine-tuning: best where few samples contradict the shortcut.",
    kind="method",
    equations=(equations.MASKS, equations.CONTRAST, equations.HEAD),
    source=f"{equations.PAPER_PRUSC}; head: after {equations.PAPER_DFR} (ours)",
    stages=stages,
    fixed=PRUSC.fixed,
)
