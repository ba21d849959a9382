"""Stage `retrain` over (pseudo-group, label) cells, in place of the true groups: balanced batches, or GroupDRO."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config import Section
from core.config.section import Positive
from core.stages.retrain import Retrain

if TYPE_CHECKING:
    import torch
    from torch import nn

    from core.engine.context import StageContext
    from core.finding.pseudo_groups import PseudoGroups
    from core.training.draw import Draw
    from core.training.images import Images
    from core.training.loop import Learner


class Dro(Section, section="dro"):
    """Stage `retrain` of recipe `group-dro-pseudo` (GroupDRO, arXiv 1911.08731)."""

    step_size: Positive = 0.01
    """Step size of the weights of the cells (GroupDRO, algorithm 1: 0.01)."""


@dataclass(frozen=True)
class TrainOnCells(Retrain):
    """Train on batches in which every cell that has samples is drawn equally often.

    Attributes:
        dro: minimise the worst cell's loss; None for the mean loss.
    """

    dro: Dro | None = None

    def draw(self, groups: "PseudoGroups", labels: "torch.Tensor") -> "Draw":
        import torch

        from core.training.draw import balanced

        cells = torch.from_numpy(groups.train) * (int(labels.max()) + 1) + labels
        return balanced(cells.unique(return_inverse=True)[1])  # GroupDRO would give a weight to empty cells

    def learner(
        self,
        context: "StageContext",
        network: "nn.Module",
        steps: int,
        images: "tuple[Images, Images]",
        draw: "Draw",
        groups: "PseudoGroups",
    ) -> "Learner":
        from core.training.erm import ErmLearner
        from core.training.objectives import GroupDroLoss

        del groups
        loss = None
        if self.dro is not None and draw.groups is not None:
            loss = GroupDroLoss(int(draw.groups.max()) + 1, self.dro.step_size, context.device)
        return ErmLearner(context, network, self.erm, self.compute, steps, *images, draw, loss)
