"""Clusters of the representation of ERM, as in PruSC (arXiv 2407.14974)."""

from core.config import Config
from core.engine.stage import Stage
from core.stages.cluster import FindClusters
from core.stages.represent import ExtractRepresentation
from experiments.finder import Finder


def stages(config: Config) -> tuple[Stage, ...]:
    """Extract the representation from the checkpoints of ERM, and cluster it."""
    trained = None if config.model.checkpoint else config.erm
    return (
        ExtractRepresentation(config.represent, trained, config.model, config.compute),
        FindClusters(config.cluster),
    )


CLUSTERS = Finder(
    name="clusters",
    summary="Clusters of the representation of ERM, with checkpoint and number chosen by the worst cell.",
    stages=stages,
    cheap=True,
    validates=lambda config: not config.cluster.per_class,  # the nearest centre would depend on the label
)
