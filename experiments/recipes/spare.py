"""SPARE, separate early and resample: cluster each class early in training, and train on balanced clusters.

Yang, Gan, Dziugaite and Mirzasoleiman, AISTATS 2024, arXiv 2305.18761. After one or two epochs the outputs of a network
separate, in each class, the samples with the shortcut from those without. Published: k-means on the outputs of each
class, number of clusters by silhouette, the epoch by recall of the groups on validation; a sample of cluster V of its
class is drawn with probability ∝ 1/|V|^λ, λ 1 or 2 by silhouette, classes equally often, and a network is trained from
scratch. Ours: clusters of the representation instead of the outputs, two in each class (cluster.k), at the checkpoint
of ERM that gives the largest balanced set, and one λ (spare.power). Supervision: none, unless select.rule or the finder
uses groups.
"""

from core.config import Config
from core.engine.stage import Stage
from core.stages.spare import Spare, TrainBySize
from experiments.recipe import Recipe
from experiments.recipes.prusc import PRUSC, to_groups


def stages(config: Config) -> tuple[Stage, ...]:
    """Cluster every class, and train from scratch on samples drawn inversely to the size of their cluster."""
    spare = config.section(Spare)
    return (*to_groups(config), TrainBySize(config.erm, config.model, config.select, config.compute, spare))


SPARE = Recipe(
    name="spare",
    title="SPARE",
    summary="SPARE: cluster each class early in training; train again from scratch, small clusters drawn more often.",
    kind="rival",
    equations=("min over θ: mean ℓ; an image of cluster V of its class is drawn ∝ |V|^−λ, classes equally often",),
    source="SPARE, arXiv 2305.18761",
    stages=stages,
    fixed=PRUSC.fixed,
    defaults={
        "find.by": "clusters",
        "cluster.per_class": True,
        "cluster.k": 2,
        # Clusters of one class have no other negatives: all settings must fit together, also those not used here.
        "prune.negatives": "other-class",
    },
)
