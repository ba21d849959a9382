"""AFR, automatic feature reweighting: refit the head with weights for the samples that ERM predicts poorly.

Qiu, Potapczynski, Izmailov and Wilson, ICML 2023, arXiv 2306.11074. ERM on 80 % of the training split; on the other
20 % the head is trained by full-batch gradient descent with weights μ ∝ β_y exp(−γ p_y), p_y the probability that ERM
gives the true class and β_y one over the size of the class, and with a penalty λ on the squared distance to ERM's head.
Published: γ, λ and the step by worst-group accuracy on validation (Waterbirds: γ 4 to 20, CelebA: γ 1 to 3; λ 0 to
0.4). Ours: fixed γ and λ, steps selected by select.rule, p_y of an early checkpoint as an option (afr.epoch); the
representation has no augmented copies. The finder plays no part in training: its pseudo-groups only make the cells of
evaluation and of select.rule=worst-cell. A given network (--checkpoint) has no images held out, so all training images
are used, on which it may be overconfident.
Supervision: none, unless select.rule uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.afr import Afr, ReweightHead, TrainErmOnPart
from experiments.finders import finding
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Train by ERM on a part of the training split, and reweight the head on the rest."""
    afr = config.section(Afr)
    if config.model.checkpoint:
        return (*to_groups(config), ReweightHead(afr, None, config.model, config.select))
    return (
        TrainErmOnPart(config.erm, config.model, config.select, config.compute, afr.held_out),
        *finding(config),
        ReweightHead(afr, config.erm, config.model, config.select),
    )


AFR = Recipe(
    name="afr",
    title="AFR",
    summary="AFR: refit the head on held-out training images, weighted by how badly ERM predicts them.",
    kind="rival",
    equations=("min over w: Σ μᵢ ℓᵢ(w·z) + λ |w − w_ERM|² on held-out images; μᵢ ∝ exp(−γ p(yᵢ)) / size of class yᵢ",),
    source="AFR, arXiv 2306.11074",
    stages=stages,
    fixed=PRUSC.fixed,
)
