"""Offsets of the classes with which the worst cell is best: a treatment may learn the classes well and favour one."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.clustering.kmeans import Floats, Integers
from core.groups import LEAST_IN_CELL
from core.models.representation import find_head

ROUNDS = 10
"""Maximum number of passes over the classes."""


def best_offsets(logits: Floats, labels: Integers, groups: Integers) -> tuple[Floats, float, float]:
    """Offsets to add to the logits so that the worst (pseudo-group, label) cell has the best accuracy.

    The idea is that of a moved threshold, or of logit adjustment (arXiv 2007.07314), for cells: one number per class is
    chosen on validation, without group labels. With two classes the result is optimal; with more, the offset of one
    class after the other is, until none improves the worst cell.

    Args:
        logits: [m, C].
        labels: [m].
        groups: pseudo-group of every sample, or −1 for one that is left out, [m].

    Returns:
        The offsets, with mean 0, [C]; and the accuracy of the worst cell without and with them, NaN if no cell has
        `LEAST_IN_CELL` samples.
    """
    n_classes = logits.shape[1]
    offsets: Floats = np.zeros(n_classes, np.float32)
    cells = _cells(labels, groups)
    if not cells:
        return offsets, float("nan"), float("nan")
    predicted = logits.argmax(axis=1)
    before = best = min(float((predicted[rows] == label).mean()) for label, rows in cells)
    for _ in range(ROUNDS):
        earlier = best
        for chosen in range(1 if n_classes == 2 else 0, n_classes):
            moved, found = _best_of_class(logits, offsets, labels, cells, chosen)
            if found > best:
                offsets, best = moved, found
        if best == earlier or n_classes == 2:
            break
    return (offsets - offsets.mean(dtype=np.float32)).astype(np.float32), before, best


def add_offsets(network: nn.Module, offsets: Floats) -> None:
    """Add offsets [C] to the bias of the head, which must have one."""
    bias = find_head(network)[1].bias
    with torch.no_grad():
        bias.add_(torch.from_numpy(offsets).to(bias))


def _cells(labels: Integers, groups: Integers) -> list[tuple[int, Integers]]:
    """Label and samples of every cell that is large enough."""
    pairs = np.unique(np.stack([groups, labels], axis=1)[groups >= 0], axis=0)
    found = [(int(label), np.flatnonzero((groups == group) & (labels == label))) for group, label in pairs]
    return [(label, rows) for label, rows in found if len(rows) >= LEAST_IN_CELL]


def _best_of_class(
    logits: Floats, offsets: Floats, labels: Integers, cells: list[tuple[int, Integers]], chosen: int
) -> tuple[Floats, float]:
    """Offsets with that of one class changed to the best, the middle one of several; and the worst cell with it."""
    others = logits + offsets
    others[:, chosen] = -np.inf
    needed: NDArray[np.float64] = (others.max(axis=1) - logits[:, chosen]).astype(np.float64)  # to be predicted
    right = others.argmax(axis=1) == labels
    steps = np.unique(np.concatenate([needed[rows] for _, rows in cells]))
    tried = np.concatenate([[steps[0] - 1], (steps[1:] + steps[:-1]) / 2, [steps[-1] + 1]])
    worst = np.full(len(tried), np.inf)
    for label, rows in cells:
        if label == chosen:
            hits = np.searchsorted(np.sort(needed[rows]), tried)
        else:
            left = np.sort(needed[rows[right[rows]]])
            hits = len(left) - np.searchsorted(left, tried, side="right")
        worst = np.minimum(worst, hits / len(rows))
    best = np.flatnonzero(worst == worst.max())
    moved = offsets.copy()
    moved[chosen] = tried[best[len(best) // 2]]
    return moved, float(worst.max())
