"""Stage `retrain` of SPARE: small clusters of a class are drawn more often (Yang et al., arXiv 2305.18761)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import Section
from core.config.section import Positive
from core.stages.retrain import Retrain

if TYPE_CHECKING:
    import torch

    from core.finding.pseudo_groups import PseudoGroups
    from core.training.draw import Draw


class Spare(Section, section="spare"):
    """Stage `retrain` of recipe `spare` (arXiv 2305.18761)."""

    power: Positive = 1.0
    """λ: a sample of cluster V is drawn in proportion to 1/|V|^λ (SPARE: 1, or 2 for a class whose clusters have a
    silhouette below 0.9; ours: one value for all classes)."""


@dataclass(frozen=True)
class TrainBySize(Retrain):
    """Train on samples drawn inversely to the size of their cluster, with the classes balanced."""

    spare: Spare

    def draw(self, groups: "PseudoGroups", labels: "torch.Tensor") -> "Draw":
        import torch

        from core.training.draw import by_cluster_size

        return by_cluster_size(torch.from_numpy(groups.train), labels, self.spare.power)
