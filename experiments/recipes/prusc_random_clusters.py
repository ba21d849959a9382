"""Control: PruSC on random pseudo-groups, so that the balanced set is balanced only over classes."""

from experiments import equations
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, stages

PRUSC_RANDOM_CLUSTERS = Recipe(
    name="prusc-random-clusters",
    summary="Control: PruSC on random pseudo-groups. Does it matter what the finder finds?",
    kind="control",
    equations=PRUSC.equations,
    source=equations.OURS_PRUSC,
    stages=stages,
    fixed={**PRUSC.fixed, "find.by": "random"},
)
