"""PruSC: find the shortcut in the clusters of the representation, prune it out, fine-tune what is left."""

from pathlib import Path

from core.config import Config
from core.engine.stage import Stage
from experiments.recipe import Recipe
from experiments.recipes import erm

TO_CLUSTERS = ("erm", "represent", "cluster")
"""The stages from nothing to the clusters, which all methods share."""
TO_BALANCED_SET = (*TO_CLUSTERS, "balance")
"""The stages from nothing to the balanced set."""


def to_clusters(config: Config) -> tuple[Stage, ...]:
    """Train by ERM, then cluster the representation; or take the network, or the clusters, that are given."""
    from core.stages.cluster import ExtractRepresentation

    trained = None if config.model.checkpoint else config.erm
    return (
        *erm.stages(config),
        ExtractRepresentation(config.represent, trained, config.model, config.compute),
        _clusters(config),
    )


def _clusters(config: Config) -> Stage:
    if config.cluster.file:
        from core.models.files import digest
        from core.stages.cluster_file import TakeClusters

        return TakeClusters(config.cluster, config.data, digest(Path(config.cluster.file)))
    from core.stages.cluster import FindClusters

    return FindClusters(config.cluster)


def to_balanced_set(config: Config) -> tuple[Stage, ...]:
    """Find the clusters, and draw the class-balanced set from them."""
    from core.stages.cluster import DrawBalancedSet

    return (*to_clusters(config), DrawBalancedSet(config.balance, config.cluster))


def stages(config: Config) -> tuple[Stage, ...]:
    """Learn masks on the balanced set under the contrastive loss over clusters, then train the weights they keep."""
    from core.stages.finetune import FinetuneNetwork
    from core.stages.prune import LearnMasks

    return (
        *to_balanced_set(config),
        LearnMasks(config.prune, config.model, config.select, config.compute),
        FinetuneNetwork(config.finetune, config.model, config.select, source="prune", compute=config.compute),
    )


PRUSC = Recipe(
    name="prusc",
    summary="Cluster the representation, prune the shortcut out by contrastive masks, fine-tune what is left.",
    stage_names=(*TO_BALANCED_SET, "prune", "finetune"),
    stages=stages,
    fixed={"erm.objective": "erm", "cluster.method": "kmeans"},
)
