"""PruSC: find the shortcut in the clusters of the representation, prune it out, fine-tune what is left."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.balance import DrawBalancedSet
from core.stages.cluster import FindClusters
from core.stages.cluster_file import TakeClusters
from core.stages.finetune import FinetuneNetwork
from core.stages.prune import LearnMasks
from core.stages.represent import ExtractRepresentation
from experiments.recipe import Recipe
from experiments.recipes import erm


def to_clusters(config: Config) -> tuple[Stage, ...]:
    """Train by ERM, then cluster the representation; or use a given network or given clusters."""
    trained = None if config.model.checkpoint else config.erm
    return (
        *erm.stages(config),
        ExtractRepresentation(config.represent, trained, config.model, config.compute),
        TakeClusters(config.cluster, config.data) if config.cluster.file else FindClusters(config.cluster),
    )


def to_balanced_set(config: Config) -> tuple[Stage, ...]:
    """Find the clusters, and draw the class-balanced set from them."""
    return (*to_clusters(config), DrawBalancedSet(config.balance, config.cluster))


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn masks on the balanced set under the contrastive loss over clusters, then train the weights they keep."""
    return (
        *to_balanced_set(config),
        LearnMasks(config.prune, config.model, config.select, config.compute),
        FinetuneNetwork(config.finetune, config.model, config.select, source="prune", compute=config.compute),
    )


PRUSC = Recipe(
    name="prusc",
    summary="Cluster the representation, prune the shortcut out by contrastive masks, fine-tune what is left.",
    kind="method",
    stages=stages,
    fixed={"erm.objective": "erm", "cluster.method": "kmeans"},
)
