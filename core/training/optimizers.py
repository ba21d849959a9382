"""Optimisers and their learning rate over the steps."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from core.config import Erm, Finetune


def make_optimizer(parameters: Iterable[nn.Parameter], settings: Erm, *, fused: bool = False) -> torch.optim.Optimizer:
    """Return the optimiser that the settings name; a fused one can skip a step by itself, as fp16 needs it."""
    way = True if fused else None  # None: as torch thinks best
    match settings.optimizer:
        case "sgd":
            sgd = torch.optim.SGD(
                parameters, settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=way
            )
            if fused and settings.momentum:
                _begin_at_rest(sgd)
            return sgd
        case "adam":
            return torch.optim.Adam(parameters, settings.lr, weight_decay=settings.weight_decay, fused=way)
        case "adamw":
            return torch.optim.AdamW(parameters, settings.lr, weight_decay=settings.weight_decay, fused=way)


def _begin_at_rest(sgd: torch.optim.SGD) -> None:
    """Set the momentum to 0, from which the first step is what it always is.

    Torch's fused SGD takes memory for it at the first step and fills it only where that step is not skipped, so that
    after an overflow at the very beginning the momentum would be whatever lay there.
    """
    for group in sgd.param_groups:
        for parameter in group["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def scheduled_lr(settings: Erm | Finetune, step: int, steps: int) -> float:
    """Learning rate of step `step` (from 0) of `steps`: constant, or half a cosine down to 0."""
    if settings.schedule == "constant":
        return settings.lr
    return settings.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = lr
