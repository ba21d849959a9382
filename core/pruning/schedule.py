"""A target for the share of weights kept, reached smoothly (Zhu and Gupta, arXiv 1710.01878)."""

import torch
from torch import Tensor


def scheduled_share(target: float, step: int, steps: int) -> float:
    """Share of weights kept after `step` of `steps` steps: a cubic curve from 1 to `target`, steep first, flat last.

    Args:
        target: share in (0, 1].
        step: from 0 to `steps`.
        steps: total number of steps.
    """
    return target + (1 - target) * (1 - step / steps) ** 3


def count_of(share: float, total: int) -> int:
    """Number of weights that is nearest to a share of `total`, at least 1."""
    return max(1, round(share * total))


@torch.no_grad()
def keep_exactly_(logits: Tensor, count: int) -> None:
    """Shift all logits alike, in place, so that exactly `count` of them are ≥ 0; does nothing if they are already.

    The order of the logits stays. Of equal logits at the threshold the first ones are kept, and the others are moved
    just below 0. Never waits for the device.

    Args:
        logits: [m].
        count: from 1 to m.

    Raises:
        ValueError: the count is out of range.
    """
    if not 1 <= count <= len(logits):
        raise ValueError(f"{count} of {len(logits)} logits cannot be kept")
    last = logits.topk(count, sorted=False).values.amin()
    tied = logits == last
    dropped = tied & (tied.cumsum(0) > count - (logits > last).sum())
    right = (logits >= 0).sum() == count
    logits.sub_(last.masked_fill(right, 0))
    logits.masked_fill_(dropped & ~right, -torch.finfo(logits.dtype).tiny)
