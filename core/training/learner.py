"""Base of ERM and fine-tuning: gradient steps on the weights of a network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.config import Compute
from core.groups import Evaluation
from core.parallel import team
from core.training.augment import on_device
from core.training.gradient import Gradient, Losses, Outputs
from core.training.images import Images
from core.training.optimizers import Schedule, scheduled_lr, set_lr
from core.training.order import Order
from core.training.precision import compiled
from core.training.predict import count_groups, predict

if TYPE_CHECKING:
    from core.engine.context import StageContext


class WeightLearner(ABC):
    """Takes gradient steps on the weights of a network and evaluates it on the validation split.

    Args:
        context: of the stage.
        network: on its device; trained in place.
        settings: of the learning rate.
        compute: precision and batch parts.
        steps: total number of steps.
        optimizer: of the network's weights; fused for fp16.
        order: of the samples.
        images: of the samples.
        validation: the validation split.
    """

    setting: str
    """Name of the batch size setting."""
    additive: bool = True
    """Whether the loss is a mean over samples."""

    def __init__(
        self,
        context: "StageContext",
        network: nn.Module,
        settings: Schedule,
        compute: Compute,
        steps: int,
        optimizer: torch.optim.Optimizer,
        order: Order,
        images: Images,
        validation: Images,
    ) -> None:
        self._data = context.data
        self._network = network
        self._gradient = Gradient(context, compute, network, self.setting)
        self._forward = compiled(self._gradient.network, compute)
        self._settings = settings
        self._steps = steps
        self._optimizer = optimizer
        self._order = order
        self._images = images
        self._validation = validation
        self._step = 0

    def rows(self, drawn: Tensor) -> Tensor:
        """Rows of the split for positions int64 [batch] of the order; both on the CPU."""
        return drawn

    @abstractmethod
    def loss(self, logits: Tensor, drawn: Tensor) -> Tensor:
        """Loss of logits float32 [batch, classes] of samples at positions `drawn` [batch], both on the device."""

    def outputs(self, pixels: Tensor) -> Outputs:
        """Outputs of the network that the losses need, the logits first; each has one row per sample."""
        return (self._forward(pixels),)

    def losses(self, outputs: Outputs, drawn: Tensor) -> Losses:
        """Named losses of outputs of samples at positions `drawn` [batch]; `loss` is minimised."""
        return {"loss": self.loss(outputs[0].float(), drawn)}

    def loss_state(self) -> dict[str, Any]:
        """State of the loss."""
        return {}

    def load_loss_state(self, state: dict[str, Any]) -> None:  # noqa: B027  # an optional hook
        """Restore the state of `loss_state`."""

    def after_step(self) -> None:  # noqa: B027  # an optional hook
        """Called after every step of the optimiser."""

    def step(self) -> Mapping[str, Tensor]:
        """Take one step and return its loss."""
        set_lr(self._optimizer, scheduled_lr(self._settings, self._step, self._steps))
        self._network.train()
        drawn = self._order.next()
        share = team().share(slice(0, len(drawn)))
        pixels = self._images.pixels(self.rows(drawn), share)
        if self._images.travels:
            self._images.ahead(self.rows(self._order.peek())[share])
        losses = self._gradient.parts.attempt(len(pixels), self._work(pixels, on_device(drawn, pixels.device)))
        self._gradient.precision.step(self._optimizer)
        self.after_step()
        self._step += 1
        return losses

    def _work(self, pixels: Tensor, drawn: Tensor) -> Callable[[], Mapping[str, Tensor]]:
        before = self.loss_state()

        def forward(rows: slice) -> Outputs:
            return self.outputs(pixels[rows])

        def losses(outputs: Outputs, positions: slice) -> Losses:
            return self.losses(outputs, drawn[positions])

        def work() -> Mapping[str, Tensor]:
            self.load_loss_state(before)
            self._optimizer.zero_grad(set_to_none=True)
            return self._gradient.backward(slice(0, len(drawn)), forward, losses, additive=self.additive)

        return work

    @property
    def product(self) -> nn.Module:
        """The network that is evaluated and kept."""
        return self._network

    def look(self) -> Sequence[Evaluation]:
        """Evaluate the current network on the validation split."""
        self._network.eval()
        predictions = predict(self.product, self._validation)
        return [count_groups(predictions.classes, self._validation, self._data, "validation")]

    def network(self, member: int = 0) -> Mapping[str, Tensor]:
        """Current state of the network, the only member."""
        del member
        return self.product.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """State for `load_state_dict`, without random streams."""
        return {
            "network": self._network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "order": self._order.state_dict(),
            "loss": self.loss_state(),
            "gradient": self._gradient.state_dict(),
            "step": self._step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self._network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._order.load_state_dict(state["order"])
        self.load_loss_state(state["loss"])
        self._gradient.load_state_dict(state["gradient"])
        self._step = state["step"]
