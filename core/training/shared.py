"""A network that several processes train together: one gradient, and one BatchNorm over the whole batch."""

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.futures import Future
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from core.parallel import team


def shared(network: nn.Module) -> nn.Module:
    """The network for the forward passes of a training; it shares its weights with `network`.

    Alone it is `network` itself. Otherwise it is torch's DistributedDataParallel: all processes start with the weights
    of the first one, and a backward pass leaves the sum of their gradients in each. BatchNorm layers of `network`,
    which may be frozen, see the batches of all processes from then on.
    """
    if team().size == 1:
        return network
    _share_batchnorm(network)
    if not any(parameter.requires_grad for parameter in network.parameters()):
        return network
    whole = DistributedDataParallel(network)
    whole.register_comm_hook(None, lambda _, bucket: _sum(bucket))  # torch looks for the name `bucket`
    return whole


def unsynced(network: nn.Module) -> AbstractContextManager[Any]:
    """Context of forward and backward passes whose gradients are not exchanged yet, but added to those of the next."""
    return network.no_sync() if isinstance(network, DistributedDataParallel) else nullcontext()


def _sum(bucket: Any) -> Future[Tensor]:
    """Sum the gradients in a bucket instead of averaging them: the losses are weighted by the share of the batch."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    assert work is not None
    return work.get_future().then(lambda summed: summed.value()[0])


def _share_batchnorm(network: nn.Module) -> None:
    if next(network.parameters()).device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return
    for layer in network.modules():  # torch's own is for GPUs only
        if isinstance(layer, _BatchNorm):
            layer.forward = partial(_batch_norm, layer)  # type: ignore[method-assign]


def _batch_norm(layer: _BatchNorm, x: Tensor) -> Tensor:
    """What `layer` does, on a CPU: in training mode with mean and variance over the batches of all processes."""
    if not layer.training or team().size == 1:
        usual: Tensor = type(layer).forward(layer, x)
        return usual
    exact = x.to(torch.promote_types(x.dtype, torch.float32))
    axes = [0, *range(2, x.dim())]
    shape = (1, -1, *(1 for _ in axes[1:]))
    count = exact.new_tensor(x.numel() // x.shape[1])
    team().sum_(count)
    mean = _total(exact.sum(axes)) / count
    centred = exact - mean.view(shape)
    variance = _total(centred.square().sum(axes)) / count
    _follow(layer, mean.detach(), variance.detach() * (count / (count - 1)))
    y = centred * (variance + layer.eps).rsqrt().view(shape)
    if layer.weight is not None:
        y = y * layer.weight.view(shape)
    if layer.bias is not None:
        y = y + layer.bias.view(shape)
    return y.to(x.dtype)


class _Total(torch.autograd.Function):
    """Sum over the processes; what it leads to in each of them depends on the summand of every one."""

    @staticmethod
    def forward(_: Any, mine: Tensor) -> Tensor:
        total = mine.clone()
        team().sum_(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        team().sum_(total)
        return total


def _total(mine: Tensor) -> Tensor:
    total: Tensor = _Total.apply(mine)
    return total


@torch.no_grad()
def _follow(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Update the running statistics, as torch does."""
    if layer.running_mean is None or layer.running_var is None or layer.num_batches_tracked is None:
        return
    layer.num_batches_tracked.add_(1)
    share = 1 / layer.num_batches_tracked.item() if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean.to(layer.running_mean), share)
    layer.running_var.lerp_(variance.to(layer.running_var), share)
