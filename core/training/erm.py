"""Training on all images, with the mean loss or an oracle that uses the groups."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.config import Compute, Erm
from core.training.images import Images
from core.training.learner import WeightLearner
from core.training.objectives import GroupDroLoss, MeanLoss, Objective
from core.training.optimizers import make_optimizer
from core.training.order import Order

if TYPE_CHECKING:
    from core.engine.context import StageContext


class ErmLearner(WeightLearner):
    """Trains every weight of a network on the training split.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        settings: objective, batches and learning rate.
        compute: precision and batch parts.
        steps: total number of steps.
        train: the training split.
        validation: the validation split.
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
    ) -> None:
        sizes = torch.bincount(train.groups)
        balanced = settings.objective != "erm"
        weights = (1 / sizes.clamp(min=1).double())[train.groups].cpu() if balanced else None
        order = Order(len(train), settings.batch_size, context.generator("order"), weights)
        optimizer = make_optimizer(network.parameters(), settings, fused=compute.precision == "fp16")
        super().__init__(context, network, settings, compute, steps, optimizer, order, train, validation)
        self._objective: Objective = (
            GroupDroLoss(len(sizes), settings.dro_step_size, context.device)
            if settings.objective == "group-dro"
            else MeanLoss()
        )
        self.additive = self._objective.additive

    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        return self._objective(logits, self._images.labels[drawn], self._images.groups[drawn])

    def loss_state(self) -> dict[str, Any]:
        return self._objective.state_dict()

    def load_loss_state(self, state: dict[str, Any]) -> None:
        self._objective.load_state_dict(state)
