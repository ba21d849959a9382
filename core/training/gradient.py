"""Gradients of a batch, computed at once or in parts with less memory."""

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
"""Named scalars; `loss` is minimised."""
Forward = Callable[[slice], Outputs]
LossOf = Callable[[Outputs, slice], Losses]


class Gradient:
    """Computes gradients in the precision of the settings, and in as many parts as settings and memory require.

    Args:
        context: of the stage.
        compute: settings.
        network: its buffers may change in a forward pass.
        setting: name of the batch size setting, for out-of-memory errors.
    """

    def __init__(self, context: "StageContext", compute: Compute, network: nn.Module, setting: str) -> None:
        self.precision = Precision(compute, context.device)
        self.parts = Parts(context, compute, setting, network)
        self._context = context
        self._network = network

    def backward(
        self, samples: slice, forward: Forward, losses: LossOf, *, additive: bool, share: float = 1.0
    ) -> dict[str, Tensor]:
        """Accumulate the gradient of `share` times the loss of some samples.

        A loss that is not a mean over samples needs all outputs at once: the parts are first run without gradient, then
        again, each with the gradient of the loss with respect to its outputs.

        Args:
            samples: positions start … stop in the batch.
            forward: runs the network on a part of them; each output has one row per sample.
            losses: returns named losses of outputs, including `loss`.
            additive: whether the losses are means over samples.
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
        before = Snapshot(self._context, self._network)  # dropout and BatchNorm run twice, but must count once
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
        """State for `load_state_dict`."""
        return {"parts": self.parts.count, "scale": self.precision.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self.parts.count = state["parts"]
        self.precision.load_state_dict(state["scale"])
