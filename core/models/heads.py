"""Binary and multi-class heads."""

import torch
from torch import Tensor


def class_logits(logits: Tensor) -> Tensor:
    """Convert logits of a binary head to logits of both classes, 0 for label 0: [..., n] → [..., n, 2]."""
    return torch.stack([torch.zeros_like(logits), logits], dim=-1)


def one_or_many(logits: Tensor) -> Tensor:
    """Squeeze logits [..., outputs] to [...] if there is one output."""
    return logits.squeeze(-1) if logits.shape[-1] == 1 else logits
