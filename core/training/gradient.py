"""Gradients of a batch, computed at once or in parts with less memory."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from core.config import Compute
from core.errors import StageError
from core.parallel import team
from core.training.memory import Parts, Snapshot
from core.training.precision import Precision
from core.training.shared import shared, unsynced

if TYPE_CHECKING:
    from core.engine.context import StageContext

Outputs = tuple[Tensor, ...]
Losses = Mapping[str, Tensor]
"""Named scalars; `loss` is minimised."""
Forward = Callable[[slice], Outputs]
LossOf = Callable[[Outputs, slice], Losses]


class Gradient:
    """Computes gradients in the precision of the settings, and in as many parts as settings and memory require.

    In a team, every process computes the gradient of its share of a batch.

    Args:
        context: of the stage.
        compute: settings.
        network: its buffers may change in a forward pass.
        setting: name of the batch size setting, for errors.

    Attributes:
        network: for the forward passes; shares its weights with `network`.
    """

    def __init__(self, context: "StageContext", compute: Compute, network: nn.Module, setting: str) -> None:
        self.precision = Precision(compute, context.device)
        self.parts = Parts(context, compute, setting, network)
        self.network = shared(network)
        self._context = context
        self._own = network
        self._setting = setting

    def backward(
        self, samples: slice, forward: Forward, losses: LossOf, *, additive: bool, share: float = 1.0
    ) -> dict[str, Tensor]:
        """Accumulate the gradient of `share` times the loss of some samples.

        A loss that is not a mean over samples needs all outputs at once: parts are first run without gradient, then
        again, each with the gradient of the loss with respect to its outputs.

        Args:
            samples: positions start … stop in the batch.
            forward: runs the network on some rows of this process's share of the batch; each output has one row per
                sample.
            losses: returns named losses, including `loss`, of the outputs at some positions in the batch.
            additive: whether the losses are means over samples.
            share: factor of the loss.

        Returns:
            The losses of all samples, without gradient, not multiplied by `share`.

        Raises:
            StageError: the samples are too few for the team.
        """
        whole = samples.stop - samples.start
        if whole < team().size:
            raise StageError(
                f"{whole} images at a time cannot be shared by {team().size} devices",
                f"raise {self._setting} or use fewer devices",
            )
        parts = self.parts.of(team().rows(samples))
        if not additive and (len(parts) > 1 or team().size > 1):
            return self._through_outputs(samples, parts, forward, losses, share)
        total: dict[str, Tensor] = {}
        for part in parts:
            weight = (part.stop - part.start) / whole
            with self._synced(part is parts[-1]):
                found = losses(self._run(forward, part), team().positions(part))
                self.precision.scaled(found["loss"] * (share * weight)).backward()
            for name, value in found.items():
                total[name] = total.get(name, 0) + weight * value.detach()
        return team().sums(total)

    def _through_outputs(
        self, samples: slice, parts: list[slice], forward: Forward, losses: LossOf, share: float
    ) -> dict[str, Tensor]:
        again = len(parts) > 1
        # Dropout and BatchNorm run twice, but must count once.
        before = Snapshot(self._context, self._own) if again else None
        with torch.set_grad_enabled(not again):
            passed = [self._run(forward, part) for part in parts]
        pieces = [torch.cat(of) if again else of[0] for of in zip(*passed, strict=True)]
        outputs = tuple(team().joined(piece.detach(), samples).requires_grad_() for piece in pieces)
        found = losses(outputs, samples)
        self.precision.scaled(found["loss"] * share).backward()
        mine = [None if whole.grad is None else whole.grad[self._mine(samples)] for whole in outputs]
        if before is not None:
            before.restore()
        for part in parts:
            rows = slice(part.start - parts[0].start, part.stop - parts[0].start)
            with self._synced(part is parts[-1]):
                pairs = zip(self._run(forward, part) if again else passed[0], mine, strict=True)
                used = [(output, gradient[rows]) for output, gradient in pairs if gradient is not None]
                torch.autograd.backward([output for output, _ in used], [gradient for _, gradient in used])
        return {name: value.detach() for name, value in found.items()}

    @staticmethod
    def _mine(samples: slice) -> slice:
        """Rows of this process among the rows of all samples."""
        share = team().share(samples)
        return slice(share.start - samples.start, share.stop - samples.start, share.step)

    def _synced(self, last: bool) -> AbstractContextManager[Any]:
        """Context of a part: the gradients are exchanged with the last one."""
        return nullcontext() if last else unsynced(self.network)

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
