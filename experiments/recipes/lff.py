"""Learning from Failure (Nam, Cha, Ahn, Lee and Shin, NeurIPS 2020, arXiv 2007.02561).

Published: a biased network, trained by the generalised cross-entropy (q 0.7), and a debiased one see the same batches.
The debiased network minimises the cross-entropy with weights CE_b / (CE_b + CE_d), from moving averages of both losses
of every sample (decay 0.7), each divided by the largest one of its class. Adam at 0.001 (CelebA: 1e-4), batches of 256,
100 epochs for digits, 200 for photographs.

Ours: 10 epochs by default, for short runs; and the biased loss is (1 − p^q) / q, where the published code multiplies
its gradient by q, which Adam does not notice. ERM and the pseudo-groups come first, so that the network is compared
with ERM, and its worst cell known; the training itself uses neither. Supervision: none, unless select.rule uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.lff import LearnFromFailure, Lff
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Find the pseudo-groups for the evaluation, and train both networks."""
    return (
        *to_groups(config),
        LearnFromFailure(config.section(Lff), config.model, config.select, config.compute),
    )


LFF = Recipe(
    name="lff",
    title="LfF",
    summary="Learning from Failure: weight the samples on which a biased network fails, while both are trained.",
    kind="rival",
    equations=(
        "biased network b: min over b: mean_D (1 − p_b(yᵢ)^q) / q",
        "debiased network d: min over d: mean_D wᵢ ℓᵢ(d); wᵢ = ℓᵢ(b) / (ℓᵢ(b) + ℓᵢ(d)), "
        "from moving averages, relative to the largest of the class",
    ),
    source="LfF, arXiv 2007.02561",
    stages=stages,
    fixed=PRUSC.fixed,
)
