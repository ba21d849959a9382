"""Debiased Contrastive Weight Pruning, a predecessor of PruSC (Park, Lee, Lee and Ye, CVPR 2023, arXiv 2210.05247).

Published: a biased network finds the conflict samples. Mask logits of an ERM network are learned with the cross-entropy
of all samples, in which conflict samples weigh more, a contrastive loss that pulls a class together across samples with
and without conflict (weight 0.05), and sparsity (weight 1e-8): 2,000 steps of Adam at 0.01, batches of 256. The
subnetwork is then fine-tuned with the same weights and contrast, for 500 steps. Weights of a conflict sample: 80 (in
pruning), and 80, 50, 30, 10 where 0.5, 1, 2, 5 % of the samples are conflicts.

Ours: the conflict samples are those of stage `find`; one weight for both stages, by default from the number of conflict
samples; the fine-tuning has no contrast; steps, learning rates and masks are those of `prusc`, so that the two differ
mostly in their data and positive pairs. Supervision: none, unless select.rule or the finder uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.dcwp import Dcwp, LearnDebiasedMasks, RepeatConflicts
from core.stages.finetune import FinetuneNetwork
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn masks on all samples with conflict samples repeated, then train the weights they keep on the same."""
    return (
        *to_groups(config),
        RepeatConflicts(config.section(Dcwp)),
        LearnDebiasedMasks(config.prune, config.model, config.select, config.compute),
        FinetuneNetwork(config.finetune, config.model, config.select, source="prune", compute=config.compute),
    )


DCWP = Recipe(
    name="dcwp",
    title="DCWP",
    summary="DCWP, a predecessor of PruSC: masks and fine-tuning on all samples, with conflict samples weighted more.",
    kind="rival",
    equations=(
        "masks: min over α: E over m ~ σ(α) of [ Σ wᵢ ℓᵢ / Σ wᵢ + β L ] + λ Σ α; wᵢ = w for i in C, otherwise 1",
        "L as in prusc; positives: same class, one of the two in C; negatives: all other images",
        "fine-tuning: min over θ: Σ wᵢ ℓᵢ(f_{m⊙θ}) / Σ wᵢ",
    ),
    source="DCWP, arXiv 2210.05247",
    stages=stages,
    defaults={"prune.contrast_weight": 0.05, "prune.sparsity_weight": 1e-8},
    # Recomputing the statistics at every look would pass through all samples.
    fixed={**PRUSC.fixed, "prune.batchnorm": "train", "finetune.data": "balanced"},
)
