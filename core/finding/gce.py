"""Generalised cross-entropy, which learns what is easy and leaves what is hard alone."""

import torch
import torch.nn.functional as F
from torch import Tensor


def generalised_cross_entropy(logits: Tensor, labels: Tensor, q: float) -> Tensor:
    """Loss (1 − p_y^q) / q of each sample (Zhang and Sabuncu, arXiv 1805.07836, equation 6), [n].

    Its gradient is that of the cross-entropy times p_y^q, so samples that the network gets wrong count little. For
    q = 0 it is the cross-entropy, its limit; for q = 1 it is 1 − p_y.

    Args:
        logits: float32 [n, classes].
        labels: int64 [n].
        q: in [0, 1].
    """
    log_p = F.log_softmax(logits, 1).gather(1, labels[:, None]).squeeze(1)
    return -torch.expm1(q * log_p) / q if q else -log_p
