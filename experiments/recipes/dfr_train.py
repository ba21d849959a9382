"""Oracle: DFR on the training split, the head refitted on group-balanced sets of images that ERM was trained on.

Kirichenko, Izmailov and Wilson, ICLR 2023, arXiv 2204.02937; see `dfr-validation`. Published: L1 penalty and class
weights chosen by the worst group of validation, 10 draws. Ours: an L2 penalty and no class weights. Supervision: the
groups of the training split, and those of validation for the penalty.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.dfr import Dfr, RefitOnGroups
from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes import erm
from experiments.recipes.prusc import PRUSC


def stages(config: Config) -> tuple[Stage, ...]:
    """Train by ERM, and refit the head on the groups of the training split."""
    return (*erm.stages(config), RefitOnGroups(config.section(Dfr), config.model, "train"))


DFR_TRAIN = Recipe(
    name="dfr-train",
    title="DFR, training groups",
    summary="Oracle: DFR, the head refitted on group-balanced training images (training attributes used).",
    kind="oracle",
    equations=(equations.DFR.format(split="training"),),
    source=equations.PAPER_DFR,
    stages=stages,
    fixed=PRUSC.fixed,
    defaults={"dfr.draws": 10},
    supervision="train",
)
