"""What ERM and fine-tuning have in common: the weights of a network, trained step by step."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.config import Erm, Finetune
from core.engine.context import StageContext
from core.evaluation.predict import count_groups, predict
from core.groups import Evaluation
from core.training.images import Images
from core.training.optimizers import scheduled_lr, set_lr
from core.training.order import Order


class WeightLearner(ABC):
    """Takes gradient steps on the weights of a network and evaluates it on the validation split.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        settings: of the learning rate.
        steps: how many steps there will be.
        optimizer: of the network's weights.
        order: in which samples are drawn.
        validation: the validation split.
    """

    def __init__(
        self,
        context: StageContext,
        network: nn.Module,
        settings: Erm | Finetune,
        steps: int,
        optimizer: torch.optim.Optimizer,
        order: Order,
        validation: Images,
    ) -> None:
        self._data = context.data
        self._network = network
        self._settings = settings
        self._steps = steps
        self._optimizer = optimizer
        self._order = order
        self._validation = validation
        self._step = 0

    @abstractmethod
    def loss(self, drawn: Tensor) -> Tensor:
        """Loss of the samples that were drawn: positions int64 [batch] on the CPU."""

    def after_step(self) -> None:  # noqa: B027  # a hook that need not be filled
        """Do what must follow every step of the optimiser."""

    def step(self) -> Mapping[str, Tensor]:
        """Take one step and return its loss."""
        set_lr(self._optimizer, scheduled_lr(self._settings, self._step, self._steps))
        self._network.train()
        loss = self.loss(self._order.next())
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        self.after_step()
        self._step += 1
        return {"loss": loss.detach()}

    def look(self) -> Sequence[Evaluation]:
        """Evaluate the network on the validation split as it is now."""
        self._network.eval()
        predictions = predict(self._network, self._validation)
        return [count_groups(predictions.classes, self._validation, self._data, "validation")]

    def network(self, member: int = 0) -> Mapping[str, Tensor]:
        """State of the network as it is now; there is one member."""
        del member
        return self._network.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides the steps to come, random streams excepted."""
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "order": self._order.state_dict(),
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._order.load_state_dict(state["order"])
        self._step = state["step"]
