"""A target for the share of weights kept, reached smoothly by raising the sparsity pressure.

The pressure sorts the weights by the size of their gradients. Shifting all logits, or dropping the smallest along the
way, sorts them by the logits alone, which are the first to stop growing in small layers that matter: such layers die.
"""

import torch
from torch import Tensor

DROPPED = -2.0
"""Logit of a weight that is dropped at the end."""
LEAST = 1e-8
"""Smallest sparsity pressure, from which it can grow."""
DECADES = 20.0
"""Largest change of the natural logarithm of the pressure over all steps."""


def scheduled_share(target: float, step: int, steps: int) -> float:
    """Share of weights to keep after `step` of `steps` steps: a cubic curve from 1 to `target`.

    It is flat at both ends: at first the logits have not moved, and at last the masks settle. (The curve of Zhu and
    Gupta, arXiv 1710.01878, is steep at first, when the order of the logits says nothing yet.)

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


def next_pressure(pressure: Tensor, share: Tensor, wanted: float, steps: int, least: float) -> Tensor:
    """Weight of the sum of the logits for the next step: it grows while too many weights are kept, else it shrinks.

    Args:
        pressure: the weight so far, a scalar.
        share: of weights kept, a scalar.
        wanted: share of the schedule.
        steps: total number of steps; the more, the smaller the changes.
        least: the pressure does not go below.
    """
    error = (share / wanted).log2().clamp(-1, 1)
    return (pressure * (error * min(1.0, DECADES / steps)).exp()).clamp(min=least)


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
    if count == len(values):
        return torch.ones_like(values, dtype=torch.bool)
    last = values.topk(count, sorted=False).values.amin()
    above, tied = values > last, values == last
    return above | (tied & (tied.cumsum(0) <= count - above.sum()))


@torch.no_grad()
def confine_(logits: Tensor, least: int, most: int) -> None:
    """Change as few logits as possible, in place, so that at least `least` and at most `most` are ≥ 0.

    The smallest of too many become `DROPPED`, and the largest negative ones of too few become 0.

    Args:
        logits: [m].
        least: from 1 to `most`.
        most: from `least` to m.
    """
    logits.masked_fill_(~largest(logits, most) & (logits >= 0), DROPPED)
    logits.masked_fill_(largest(logits, least) & (logits < 0), 0)
