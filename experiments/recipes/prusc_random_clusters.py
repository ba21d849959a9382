"""Control: PruSC on clusters assigned by lot, so that the balanced set is balanced over classes and nothing else."""

from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, stages

PRUSC_RANDOM_CLUSTERS = Recipe(
    name="prusc-random-clusters",
    summary="Control: PruSC on clusters drawn by lot. Do the clusters matter?",
    kind="control",
    stages=stages,
    fixed={**PRUSC.fixed, "cluster.method": "random", "cluster.k": 4, "represent.checkpoints": "last"},
)
