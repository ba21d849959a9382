"""Control: PruSC without its contrastive loss: masks are learned by cross-entropy and sparsity alone."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, stages

PRUSC_NO_CONTRAST = Recipe(
    name="prusc-no-contrast",
    summary="Control: PruSC without the contrastive loss. What does the contrast add?",
    kind="control",
    equations=(equations.MASKS_ALONE, equations.FINETUNE, equations.HEAD, equations.BEST),
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed={**PRUSC.fixed, "prune.contrast_weight": 0.0},
)
