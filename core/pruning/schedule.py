"""A target for the share of weights kept, reached smoothly."""

import torch
from torch import Tensor

DROPPED = -2.0
"""Logit of a weight that the schedule drops: kept with probability 0.12 while masks are sampled, so it may return."""


def scheduled_share(target: float, step: int, steps: int) -> float:
    """Largest share of weights to keep after `step` of `steps` steps: a cubic curve from 1 to `target`.

    It is flat at both ends: at first the logits have not moved, and their order says nothing yet; at last the masks
    settle. (The curve of Zhu and Gupta, arXiv 1710.01878, is steep at first; here it drops whole layers.)

    Args:
        target: share in (0, 1].
        step: from 0 to `steps`.
        steps: total number of steps.
    """
    done = step / steps
    return target + (1 - target) * (1 - 3 * done**2 + 2 * done**3)


def count_of(share: float, total: int) -> int:
    """Number of weights that is nearest to a share of `total`, at least 1."""
    return max(1, round(share * total))


def largest(values: Tensor, count: int) -> Tensor:
    """Mark exactly `count` largest values, bool [m]; of equal ones the first. Never waits for the device.

    Args:
        values: [m].
        count: from 1 to m.

    Raises:
        ValueError: the count is out of range.
    """
    if not 1 <= count <= len(values):
        raise ValueError(f"{count} of {len(values)} cannot be kept")
    last = values.topk(count, sorted=False).values.amin()
    above, tied = values > last, values == last
    return above | (tied & (tied.cumsum(0) <= count - above.sum()))


@torch.no_grad()
def confine_(logits: Tensor, least: int, most: int) -> None:
    """Change as few logits as possible, in place, so that at least `least` and at most `most` are ≥ 0.

    The smallest of too many become `DROPPED`, and the largest negative ones of too few become 0. Shifting all logits
    instead would drop the weights that matter most: their logits are the first to stop growing.

    Args:
        logits: [m].
        least: from 1 to `most`.
        most: from `least` to m.
    """
    logits.masked_fill_(~largest(logits, most) & (logits >= 0), DROPPED)
    logits.masked_fill_(largest(logits, least) & (logits < 0), 0)
