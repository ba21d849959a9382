"""Oracle: DFR, the head refitted on group-balanced sets of the validation split.

Kirichenko, Izmailov and Wilson, ICLR 2023, arXiv 2204.02937. A logistic regression on the standardised representation
of ERM, on sets in which all true groups are equally large; the weights of the heads of several draws are averaged.
Published: L1 penalty, chosen by the worst group of one half of the split with the head fitted on the other; 20 draws.
Ours: an L2 penalty, chosen in the same way, and the scaling of each draw instead of that of the training split.
Validation accuracies are those of images that the head was fitted on. Supervision: the groups of the validation split.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.dfr import Dfr, RefitOnGroups
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes import erm
from experiments.recipes.prusc import PRUSC


def stages(config: Config) -> tuple[Stage, ...]:
    """Train by ERM, and refit the head on the groups of the validation split."""
    return (*erm.stages(config), RefitOnGroups(config.section(Dfr), config.model, "validation"))


DFR_VALIDATION = Recipe(
    name="dfr-validation",
    title="DFR, validation groups",
    summary="Oracle: DFR, the head refitted on group-balanced validation images (validation attributes used).",
    kind="oracle",
    equations=(equations.DFR.format(split="validation"),),
    source=equations.PAPER_DFR,
    stages=stages,
    fixed=PRUSC.fixed,
    supervision="validation",
)
