"""Training of every weight on training images, with the mean loss or one that uses groups."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.config import Compute, Erm
from core.training.draw import Draw
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.objectives import MeanLoss, Objective
from core.training.optimizers import make_optimizer
from core.training.order import Order

if TYPE_CHECKING:
    from core.engine.context import StageContext


class ErmLearner(WeightLearner):
    """Trains every weight of a network on the training split.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        settings: batches and learning rate.
        compute: precision and batch parts.
        steps: total number of steps.
        train: the training split.
        validation: the validation split.
        draw: entries of the training split, on the CPU.
        objective: loss; by default the mean over the batch.
    """

    setting = "erm.batch_size"

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
        objective: Objective | None = None,
    ) -> None:
        order = Order(len(draw.rows), settings.batch_size, context.generator("order"), draw.weights)
        optimizer = make_optimizer(network.parameters(), settings, fused=compute.precision == "fp16")
        super().__init__(context, network, settings, compute, steps, optimizer, order, train, validation)
        self._rows = draw.rows
        self._labels = train.labels[draw.rows.to(train.device)]
        self._groups = (torch.zeros_like(draw.rows) if draw.groups is None else draw.groups).to(train.device)
        self._objective = objective or MeanLoss()
        self.additive = self._objective.additive

    def rows(self, drawn: Tensor) -> Tensor:
        return self._rows[drawn]

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        return self._objective(logits, self._labels[drawn], self._groups[drawn])

    def loss_state(self) -> dict[str, Any]:
        return self._objective.state_dict()

    def load_loss_state(self, state: dict[str, Any]) -> None:
        self._objective.load_state_dict(state)
