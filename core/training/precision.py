"""Mixed precision and compilation for training."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from core import gpu
from core.config import Compute
from core.errors import StageError

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Runs forward passes in the precision of the settings, and scales the losses of fp16 against underflow.

    Nothing here waits for the device, provided that the optimiser is fused if `scales` is true: it then skips steps
    with overflowing gradients by itself.

    Args:
        compute: settings.
        device: of the network.

    Attributes:
        scales: whether losses are scaled, which requires a fused optimiser.

    Raises:
        StageError: the device does not support the precision.
    """

    def __init__(self, compute: Compute, device: torch.device) -> None:
        self._type = _TYPES.get(compute.precision)
        self._device = device.type
        self.scales = compute.precision == "fp16"
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.scales)
        if compute.precision == "bf16" and device.type == "cuda" and not gpu.computes_bf16(device):
            raise StageError(f"{device} cannot compute in bf16", "use compute.precision=fp16 or fp32")

    def forward(self) -> AbstractContextManager[Any]:
        """Context for forward passes; losses are computed outside of it."""
        return nullcontext() if self._type is None else torch.autocast(self._device, dtype=self._type)

    def scaled(self, loss: Tensor) -> Tensor:
        """The scaled loss, for `backward`."""
        return self._scaler.scale(loss)

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Unscale the gradients before something is added to them; `step` takes this into account."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Take a step of the optimiser, or skip it if a gradient has overflowed."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """State of the loss scaling (waits for the device); empty without scaling."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        if state:
            self._scaler.load_state_dict(state)


def compiled(network: nn.Module, compute: Compute) -> nn.Module:
    """The network, compiled if the settings say so; it shares its weights with `network`."""
    return _Compiled(network) if compute.compile else network


class _Compiled(nn.Module):
    """A compiled network; compilation errors become one sentence."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._run = torch.compile(network)

    def forward(self, images: Tensor) -> Tensor:
        try:
            logits: Tensor = self._run(images)
        except Exception as error:
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            what = str(error).strip().partition("\n")[0]
            raise StageError(f"torch.compile failed: {what}", "disable it: compute.compile=false") from error
        return logits
