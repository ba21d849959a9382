"""BatchNorm under masks: what its running statistics follow."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

Policy = Literal["recompute", "train", "frozen"]

_BATCHNORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def training_mode(network: nn.Module, policy: Policy) -> None:
    """Put the network into training mode; under `frozen` its BatchNorm layers stay in evaluation mode.

    `recompute` and `train` do the same here: they differ in what follows the training (`recompute_statistics`).
    """
    network.train()
    if policy == "frozen":
        for layer in _layers(network):
            layer.eval()


@torch.no_grad()
def recompute_statistics(
    network: nn.Module, batches: Iterable[Tensor], forward: Callable[[Tensor], object] | None = None
) -> None:
    """Measure the running statistics of all BatchNorm layers anew: their plain average over the batches.

    Everything else is in evaluation mode meanwhile, and every layer is in its former mode afterwards. A network without
    running statistics is left alone, and the batches unread.

    Args:
        network: its buffers are changed in place.
        batches: images [n, channels, height, width], on the device of the network; every batch counts the same.
        forward: how a batch is run; the network itself by default (`MaskedNetwork.hard` for a masked one).

    Raises:
        ValueError: there is no batch; the statistics are then what they were.
    """
    layers = [layer for layer in _layers(network) if layer.running_mean is not None]
    if not layers:
        return
    modes = [(module, module.training) for module in network.modules()]
    momenta = [layer.momentum for layer in layers]
    empty = True
    try:
        network.eval()
        for layer in layers:
            layer.train()
            layer.momentum = None  # asks for the cumulative average
        for batch in batches:
            if empty:
                for layer in layers:
                    layer.reset_running_stats()
                empty = False
            (forward or network)(batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for module, mode in modes:
            module.training = mode
    if empty:
        raise ValueError("no batch to measure BatchNorm statistics on")


def _layers(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BATCHNORM)]
