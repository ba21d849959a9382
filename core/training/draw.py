"""Which training samples are drawn, and how often."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """Entries from which the batches of a training are drawn.

    Attributes:
        rows: training sample of every entry, int64 [m]; a sample may have several entries, or none.
        weights: float64 [m]; entries are drawn with replacement in proportion to it. None: every entry once per pass.
        groups: group of every entry, for objectives that use groups, int64 [m]; None for one group.
    """

    rows: Tensor
    weights: Tensor | None = None
    groups: Tensor | None = None


def every(n: int) -> Draw:
    """Draw each of n samples once per pass."""
    return Draw(torch.arange(n))


def upweighted(chosen: Tensor, times: int) -> Draw:
    """Draw every chosen sample `times` times per pass, and all others once.

    Args:
        chosen: bool [n].
        times: at least 1.
    """
    return Draw(torch.arange(len(chosen)).repeat_interleave(torch.where(chosen, times, 1)))


def balanced(groups: Tensor) -> Draw:
    """Draw all groups that have samples equally often.

    Args:
        groups: of every sample, int64 [n].
    """
    sizes = torch.bincount(groups)
    return Draw(torch.arange(len(groups)), (1 / sizes.clamp(min=1).double())[groups], groups)


def by_cluster_size(clusters: Tensor, labels: Tensor, power: float) -> Draw:
    """Draw a sample of cluster V in proportion to |V|^−power, and all classes equally often.

    A cluster (of one class) of size s is so drawn in proportion to s^(1−power) among the clusters of its class: with
    power 1 all of them are drawn equally often, with more the smallest most often.

    Args:
        clusters: of every sample, int64 [n]; a cluster with several classes is one cluster in each of them.
        labels: class of every sample, int64 [n].
        power: λ.

    Source:
        SPARE, arXiv 2305.18761; classes are balanced as in its authors' code.
    """
    cells = (clusters * (int(labels.max()) + 1) + labels).unique(return_inverse=True)[1]
    weights = torch.bincount(cells).double().pow(-power)[cells]
    totals = torch.zeros(int(labels.max()) + 1, dtype=torch.float64).index_add_(0, labels, weights)
    return Draw(torch.arange(len(labels)), weights / totals[labels])
