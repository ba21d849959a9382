"""The gradient of a batch: in one piece, or in parts that need less memory, for the same step."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.config import Compute
from core.training.memory import Parts, Snapshot
from core.training.precision import Precision

if TYPE_CHECKING:
    from core.engine.context import StageContext

Outputs = tuple[Tensor, ...]
Losses = Mapping[str, Tensor]
"""Named scalars; the one called `loss` is what is minimised."""
Forward = Callable[[slice], Outputs]
LossOf = Callable[[Outputs, slice], Losses]


class Gradient:
    """Takes gradients in the precision, and in as many parts, as settings and memory ask for.

    Args:
        context: of the stage.
        compute: settings.
        network: whose buffers a forward pass may change.
        setting: name of the setting of the batch size, for the sentence when memory runs out.
    """

    def __init__(self, context: "StageContext", compute: Compute, network: nn.Module, setting: str) -> None:
        self.precision = Precision(compute, context.device)
        self.parts = Parts(context, compute, setting, network)
        self._context = context
        self._network = network

    def backward(
        self, samples: slice, forward: Forward, losses: LossOf, *, additive: bool, share: float = 1.0
    ) -> dict[str, Tensor]:
        """Add the gradient of `share` times the loss of some samples to those that are there.

        A loss that is no mean over samples sees all of them at once even in parts: the parts are first run without
        gradient, then once more, each with the gradient that the loss has for its outputs.

        Args:
            samples: positions start … stop in the batch.
            forward: runs the network on some of them; each output has a row for every sample.
            losses: named losses of outputs, `loss` among them.
            additive: whether they are means over samples.
            share: factor of the loss.

        Returns:
            The losses, without gradient, not multiplied by `share`.
        """
        parts = self.parts.of(samples)
        if len(parts) > 1 and not additive:
            return self._in_two_passes(samples, parts, forward, losses, share)
        whole = samples.stop - samples.start
        total: dict[str, Tensor] = {}
        for part in parts:
            weight = (part.stop - part.start) / whole
            found = losses(self._run(forward, part), part)
            self.precision.scaled(found["loss"] * (share * weight)).backward()
            for name, value in found.items():
                total[name] = total.get(name, 0) + weight * value.detach()
        return total

    def _in_two_passes(
        self, samples: slice, parts: list[slice], forward: Forward, losses: LossOf, share: float
    ) -> dict[str, Tensor]:
        before = Snapshot(self._context, self._network)  # dropout and statistics of BatchNorm run twice, and count once
        with torch.no_grad():
            passed = [self._run(forward, part) for part in parts]
        outputs = tuple(torch.cat(pieces).requires_grad_() for pieces in zip(*passed, strict=True))
        found = losses(outputs, samples)
        self.precision.scaled(found["loss"] * share).backward()
        before.restore()
        for part in parts:
            rows = slice(part.start - samples.start, part.stop - samples.start)
            pairs = zip(self._run(forward, part), outputs, strict=True)
            used = [(output, whole.grad[rows]) for output, whole in pairs if whole.grad is not None]
            torch.autograd.backward([output for output, _ in used], [gradient for _, gradient in used])
        return {name: value.detach() for name, value in found.items()}

    def _run(self, forward: Forward, part: slice) -> Outputs:
        with self.precision.forward():
            return forward(part)

    def state_dict(self) -> dict[str, Any]:
        """What decides how the next gradients are taken."""
        return {"parts": self.parts.count, "scale": self.precision.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.parts.count = state["parts"]
        self.precision.load_state_dict(state["scale"])
