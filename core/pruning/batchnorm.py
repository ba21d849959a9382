"""Running statistics of BatchNorm under masks."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn

Policy = Literal["recompute", "train", "frozen"]

FEW = 8
"""A last batch that this many times would not make a full one is no batch of its own."""
_BATCHNORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def training_mode(network: nn.Module, policy: Policy) -> None:
    """Put the network into training mode; with `frozen`, its BatchNorm layers stay in evaluation mode.

    `recompute` and `train` are the same here; they differ after the training (`recompute_statistics`).
    """
    network.train()
    if policy == "frozen":
        for layer in _layers(network):
            layer.eval()


def batches_of(rows: Tensor, size: int) -> list[Tensor]:
    """Split rows [n] into batches for `recompute_statistics`, where every batch counts the same.

    A last batch of a few images would count as much as all those of a full one, and BatchNorm cannot work with a single
    image of one pixel: it is joined to the batch before it if it has less than an eighth of its size.
    """
    *full, last = rows.split(size)
    if full and FEW * len(last) < size:
        last = torch.cat([full.pop(), last])
    return [*full, last]


@torch.no_grad()
def recompute_statistics(
    network: nn.Module, batches: Iterable[Tensor], forward: Callable[[Tensor], object] | None = None
) -> None:
    """Recompute the running statistics of all BatchNorm layers as their plain average over the batches.

    All other layers are in evaluation mode during this, and every layer returns to its previous mode. Without running
    statistics nothing is done, and the batches are not read.

    Args:
        network: its buffers are changed in place.
        batches: images [n, channels, height, width], on the device of the network; every batch counts the same.
        forward: function to run a batch; default: the network itself (`MaskedNetwork.hard` for a masked one).

    Raises:
        ValueError: there is no batch; the statistics are then unchanged.
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
            layer.momentum = None  # means the cumulative average
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
        raise ValueError("no batches for BatchNorm statistics")


def _layers(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BATCHNORM)]
