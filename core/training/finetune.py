"""Training on some entries of a split, with fixed masks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.config import Compute, Finetune
from core.pruning.subnetwork import FixedMasks
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.order import Order

if TYPE_CHECKING:
    from core.engine.context import StageContext


class FinetuneLearner(WeightLearner):
    """Trains the weights kept by the masks, with weighted cross-entropy.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        masks: of the network; None to train every weight.
        settings: steps, batches and learning rate.
        compute: precision and batch parts.
        images: split of the entries.
        entries: `indices` int64 [m] into the split, `weights` float32 [m] of the losses.
        validation: the validation split.
    """

    setting = "finetune.batch_size"

    def __init__(
        self,
        context: "StageContext",
        network: nn.Module,
        masks: FixedMasks | None,
        settings: Finetune,
        compute: Compute,
        images: Images,
        entries: Mapping[str, Tensor],
        validation: Images,
    ) -> None:
        self.batch_size = min(settings.batch_size, len(entries["indices"]))
        optimizer = torch.optim.Adam(
            network.parameters(),
            settings.lr,
            weight_decay=settings.weight_decay,
            fused=True if compute.precision == "fp16" else None,
        )
        order = Order(len(entries["indices"]), self.batch_size, context.generator("order"))
        super().__init__(context, network, settings, compute, settings.steps, optimizer, order, images, validation)
        self._masks = None if masks is None else masks.to(context.device)
        self._rows = entries["indices"]
        self._labels = images.labels[self._rows.to(context.device)]
        self._weights = entries["weights"].to(context.device)

    def rows(self, drawn: Tensor) -> Tensor:
        return self._rows[drawn]

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        losses = F.cross_entropy(logits, self._labels[drawn], reduction="none")
        return (losses * self._weights[drawn]).mean()

    def after_step(self) -> None:
        if self._masks is not None:
            self._masks.apply_(self._network)
