"""Stage `retrain` of CnC: cross-entropy and contrast between pseudo-groups (Zhang et al., arXiv 2203.01517)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.config import Section
from core.config.section import Fraction, Positive
from core.errors import StageError
from core.stages.retrain import Retrain

if TYPE_CHECKING:
    import torch
    from torch import nn

    from core.engine.context import StageContext
    from core.finding.pseudo_groups import PseudoGroups
    from core.training.draw import Draw
    from core.training.images import Images
    from core.training.loop import Learner


class Cnc(Section, section="cnc"):
    """Stage `retrain` of recipe `cnc` (Correct-n-Contrast, arXiv 2203.01517)."""

    weight: Fraction = 0.75
    """λ: weight of the contrastive loss; cross-entropy has 1 − λ (CnC: 0.75)."""
    temperature: Positive = 0.05
    """τ: temperature of the cosine similarities (CnC: 0.05 on ColoredMNIST and CelebA, 0.1 on Waterbirds)."""
    sides: Literal["two", "one"] = "two"
    """`two`: every sample is an anchor, also the conflict samples (CnC); `one`: only the other samples are."""


@dataclass(frozen=True)
class TrainContrastively(Retrain):
    """Train on batches balanced over (pseudo-group, label), with the contrastive loss on all their pairs."""

    cnc: Cnc

    def draw(self, groups: "PseudoGroups", labels: "torch.Tensor") -> "Draw":
        import torch

        from core.training.draw import balanced

        table = groups.table(labels.numpy(), int(labels.max()) + 1) > 0
        pairs = table & (table.sum(axis=0) > 1) & (table.sum(axis=1, keepdims=True) > 1)
        if not pairs.any():
            raise StageError(
                "CnC has no pair to contrast: no sample has both its class in another pseudo-group and another class "
                "in its own",
                "try another finder (find.by), or for clusters cluster.per_class=false",
            )
        return balanced(torch.from_numpy(groups.train) * table.shape[1] + labels)

    def learner(
        self,
        context: "StageContext",
        network: "nn.Module",
        steps: int,
        images: "tuple[Images, Images]",
        draw: "Draw",
        groups: "PseudoGroups",
    ) -> "Learner":
        import torch

        from core.training.cnc import CncLearner

        conflicts = torch.from_numpy(groups.conflicts)
        anchors = torch.ones_like(conflicts) if self.cnc.sides == "two" else ~conflicts
        clusters = torch.from_numpy(groups.train)
        return CncLearner(context, network, self.erm, self.compute, steps, *images, draw, self.cnc, clusters, anchors)
