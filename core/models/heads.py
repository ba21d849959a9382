"""Heads of one logit and of many."""

import torch
from torch import Tensor


def class_logits(logits: Tensor) -> Tensor:
    """Logits of all classes, [..., n, classes], from those of a binary head: 0 for label 0; [..., n] → [..., n, 2]."""
    return torch.stack([torch.zeros_like(logits), logits], dim=-1)


def one_or_many(logits: Tensor) -> Tensor:
    """Logits [..., outputs] as they are, or [...] where there is one output."""
    return logits.squeeze(-1) if logits.shape[-1] == 1 else logits
