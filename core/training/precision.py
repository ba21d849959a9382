"""Precision, and compiling: how a network is run in training."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from core.config import Compute
from core.errors import StageError

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Runs forward passes in the precision that was asked for, and keeps small gradients of fp16 from vanishing.

    Nothing here waits for the device, as long as the optimiser is a fused one where `scales` says so: it then skips a
    step whose gradient has overflown by itself.

    Args:
        compute: settings.
        device: where the network is.

    Attributes:
        scales: whether losses are scaled, which asks for a fused optimiser.

    Raises:
        StageError: the device cannot compute in that precision.
    """

    def __init__(self, compute: Compute, device: torch.device) -> None:
        self._type = _TYPES.get(compute.precision)
        self._device = device.type
        self.scales = compute.precision == "fp16"
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.scales)
        if compute.precision == "bf16" and device.type == "cuda":
            with torch.cuda.device(device):
                if not torch.cuda.is_bf16_supported(including_emulation=False):
                    raise StageError(f"{device} cannot compute in bf16", "use compute.precision=fp16 or fp32")

    def forward(self) -> AbstractContextManager[Any]:
        """Context in which a network is run; losses belong outside of it."""
        return nullcontext() if self._type is None else torch.autocast(self._device, dtype=self._type)

    def scaled(self, loss: Tensor) -> Tensor:
        """What to call `backward` on."""
        return self._scaler.scale(loss)

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Give gradients their true size before something is added to them; `step` knows."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Take a step of the optimiser, or none where a gradient has overflown."""
        self._scaler.step(optimizer)
        self._scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """The scale of the losses (waits for the device); empty where there is none."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        if state:
            self._scaler.load_state_dict(state)


def compiled(network: nn.Module, compute: Compute) -> nn.Module:
    """The network, compiled where that was asked for; it shares its weights with `network`."""
    return _Compiled(network) if compute.compile else network


class _Compiled(nn.Module):
    """A compiled network that says in one sentence where compiling fails."""

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
            raise StageError(f"torch.compile failed: {what}", "leave it off: compute.compile=false") from error
        return logits
