"""Worst-group accuracy against sparsity, for learned masks and for simpler ways of pruning.

All ways keep the same shares of the same network and are fine-tuned alike on the same balanced set: masks learned as
by PruSC (arXiv 2407.14974), the largest weights (Han et al., arXiv 1506.02626) before or after fine-tuning, or random
ones. The comparison is ours, and so is the target of learned masks: the published method has no target share.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.sparse import MeasureSparsity, Sparse
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_balanced_set


def stages(config: Config) -> tuple[Stage, ...]:
    """Draw the balanced set as PruSC does; prune and fine-tune to every share in every way."""
    return (
        *to_balanced_set(config),
        MeasureSparsity(
            config.section(Sparse), config.prune, config.finetune, config.model, config.select, config.compute
        ),
    )


SPARSE = Recipe(
    name="sparse",
    summary="Worst-group accuracy against the share of weights kept: learned masks, magnitude, random.",
    kind="control",
    equations=("min over θ: mean_B ℓ(f_{m⊙θ}), for every share of ones in m: learned masks, largest |θ|, or random",),
    source=f"{equations.PAPER_PRUSC}; magnitude: Han et al., arXiv 1506.02626; comparison: ours",
    stages=stages,
    fixed={**PRUSC.fixed, "prune.keep": "none", "prune.structure": "weights", "finetune.data": "balanced"},
)
