"""Training with cross-entropy and a contrastive loss between pseudo-groups, as in Correct-n-Contrast."""

from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn

from core.config import Compute, Erm
from core.models.representation import Representation
from core.pruning.contrast import contrastive_loss
from core.training.draw import Draw
from core.training.erm import ErmLearner
from core.training.gradient import Losses, Outputs
from core.training.images import Images

if TYPE_CHECKING:
    from core.engine.context import StageContext


class CncSettings(Protocol):
    """Settings of the losses."""

    @property
    def weight(self) -> float:
        """λ: the loss is λ · contrast + (1 − λ) · cross-entropy."""
        ...

    @property
    def temperature(self) -> float:
        """τ of the cosine similarities."""
        ...


class CncLearner(ErmLearner):
    """Pulls the pseudo-groups of a class together, and pushes the classes of a pseudo-group apart.

    Positives of an anchor are the samples of its class in other pseudo-groups; negatives are the samples of its
    pseudo-group in other classes. All pairs of a batch count.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        settings: batches and learning rate.
        compute: precision and batch parts.
        steps: total number of steps.
        train: the training split.
        validation: the validation split.
        draw: entries of the training split, on the CPU.
        cnc: of the losses.
        groups: pseudo-group of every training sample, int64 [n].
        anchors: training samples that may be anchors, bool [n].
    """

    def __init__(
        self,
        context: "StageContext",
        network: nn.Module,
        settings: Erm,
        compute: Compute,
        steps: int,
        train: Images,
        validation: Images,
        draw: Draw,
        cnc: CncSettings,
        groups: Tensor,
        anchors: Tensor,
    ) -> None:
        super().__init__(context, network, settings, compute, steps, train, validation, draw)
        self.additive = False
        self._represented = Representation(self._gradient.network)
        self._cnc = cnc
        self._clusters = groups[draw.rows].to(train.device)
        self._anchors = anchors[draw.rows].to(train.device)

    def outputs(self, pixels: Tensor) -> Outputs:
        return self._represented(pixels)

    def losses(self, outputs: Outputs, drawn: Tensor) -> Losses:
        logits, representation = outputs
        entropy = self.loss(logits.float(), drawn)
        contrast, _ = contrastive_loss(
            representation,
            self._labels[drawn],
            self._clusters[drawn],
            self._cnc.temperature,
            anchors=self._anchors[drawn],
        )
        share = self._cnc.weight
        return {"cross-entropy": entropy, "contrast": contrast, "loss": share * contrast + (1 - share) * entropy}
