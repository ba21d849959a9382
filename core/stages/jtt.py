"""Stage `retrain` of JTT: conflict samples are drawn more often (Liu et al., arXiv 2107.09044)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import Section
from core.config.section import Count
from core.stages.retrain import Retrain

if TYPE_CHECKING:
    import torch

    from core.finding.pseudo_groups import PseudoGroups
    from core.training.draw import Draw


class Jtt(Section, section="jtt"):
    """Stage `retrain` of recipe `jtt` (arXiv 2107.09044)."""

    upweight: Count = 20
    """λ: draws of a conflict sample per pass (JTT: 100 on Waterbirds, 50 on CelebA; ours: 20, from its grid)."""


@dataclass(frozen=True)
class TrainUpweighted(Retrain):
    """Train on the set in which every conflict sample occurs `upweight` times and every other sample once."""

    jtt: Jtt

    def draw(self, groups: "PseudoGroups", labels: "torch.Tensor") -> "Draw":
        import torch

        from core.training.draw import upweighted

        del labels
        return upweighted(torch.from_numpy(groups.conflicts), self.jtt.upweight)
