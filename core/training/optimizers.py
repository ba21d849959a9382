"""Optimisers and learning rate schedules."""

import math
from collections.abc import Iterable
from typing import Literal, Protocol

import torch
from torch import nn


class Schedule(Protocol):
    """Settings of a learning rate."""

    @property
    def lr(self) -> float:
        """Initial learning rate."""
        ...

    @property
    def schedule(self) -> Literal["constant", "cosine"]:
        """Constant, or half a cosine down to 0."""
        ...


class OptimizerSettings(Schedule, Protocol):
    """Settings of an optimiser."""

    @property
    def optimizer(self) -> Literal["sgd", "adam", "adamw"]:
        """Name of the optimiser."""
        ...

    @property
    def momentum(self) -> float:
        """Momentum of SGD."""
        ...

    @property
    def weight_decay(self) -> float:
        """L2 penalty on the weights."""
        ...


def make_optimizer(
    parameters: Iterable[nn.Parameter], settings: OptimizerSettings, *, fused: bool = False
) -> torch.optim.Optimizer:
    """Return the optimiser of the settings; for fp16 it must be fused, to skip steps on overflow."""
    choice = True if fused else None  # None: torch's default
    match settings.optimizer:
        case "sgd":
            sgd = torch.optim.SGD(
                parameters, settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay, fused=choice
            )
            if fused and settings.momentum:
                _reset_momentum(sgd)
            return sgd
        case "adam":
            return torch.optim.Adam(parameters, settings.lr, weight_decay=settings.weight_decay, fused=choice)
        case "adamw":
            return torch.optim.AdamW(parameters, settings.lr, weight_decay=settings.weight_decay, fused=choice)


def _reset_momentum(sgd: torch.optim.SGD) -> None:
    """Initialise the momentum with 0, which does not change the first step.

    Torch's fused SGD allocates the momentum at the first step, but initialises it only if that is not skipped, so it
    would be arbitrary after an overflow in the first step.
    """
    for group in sgd.param_groups:
        for parameter in group["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def scheduled_lr(settings: Schedule, step: int, steps: int) -> float:
    """Learning rate of step `step` (counted from 0) of `steps`: constant, or half a cosine down to 0."""
    if settings.schedule == "constant":
        return settings.lr
    return settings.lr * 0.5 * (1 + math.cos(math.pi * step / steps))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = lr
