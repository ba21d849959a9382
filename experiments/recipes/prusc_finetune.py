"""PruSC as published: masks, then fine-tuning of the remaining weights."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_subnetwork

PRUSC_FINETUNE = Recipe(
    name="prusc-finetune",
    summary="PruSC as published: always ends with fine-tuning, whatever validation says.",
    kind="method",
    equations=(equations.MASKS, equations.CONTRAST, equations.FINETUNE),
    source=equations.PAPER_PRUSC,
    stages=to_subnetwork,
    fixed=PRUSC.fixed,
)
