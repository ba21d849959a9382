"""Offsets of the classes with which the worst cell is best: a treatment may learn the classes well and favour one."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.clustering.kmeans import Floats, Integers
from core.groups import LEAST_IN_CELL
from core.models.representation import find_head
from core.training.dfr import halves

MOST_ROUNDS = 50
"""Maximum number of changes to the offsets."""
MOST_TRIED = 2_000
"""Maximum number of values that are tried for an offset."""

Cells = Sequence[tuple[int, Integers]]
"""Label and samples of each cell."""


def best_offsets(logits: Floats, labels: Integers, groups: Integers) -> Floats:
    """Offsets to add to the logits so that the worst (pseudo-group, label) cell has the best accuracy; mean 0, [C].

    The idea is that of a moved threshold, or of logit adjustment (arXiv 2007.07314), for cells: one number per class is
    chosen on validation, without group labels. With two classes the result is optimal. With more, one offset after the
    other is improved, that of the label of the worst cell or that of the class it is most often mistaken for, until
    neither helps. A class without a cell of `LEAST_IN_CELL` samples counts as one cell.

    Args:
        logits: [m, C].
        labels: [m].
        groups: pseudo-group of every sample, or −1 for one that is left out, [m].
    """
    offsets: Floats = np.zeros(logits.shape[1], np.float32)
    cells = _cells(labels, groups)
    if not cells:
        return offsets
    for _ in range(MOST_ROUNDS):
        best, *chosen = _worst(logits + offsets, cells)
        tries = [_best_of_class(logits, offsets, labels, cells, one) for one in chosen]
        moved, found = max(tries, key=itemgetter(1))
        if found <= best:
            break
        offsets = moved
    centred: Floats = (offsets - offsets.mean()).astype(np.float32)
    return centred


def cross_fitted_offsets(logits: Floats, labels: Integers, groups: Integers, seed: int) -> Floats:
    """Offsets of each sample, [m, C]: those that are best for the half of the samples without it.

    Args:
        logits: [m, C].
        labels: [m].
        groups: as for `best_offsets`, [m].
        seed: of the halves, which have the same cells.
    """
    parts = halves(groups * logits.shape[1] + labels, np.random.default_rng(seed))
    found = np.zeros_like(logits)
    for judged, fitted in (parts, parts[::-1]):
        found[judged] = best_offsets(logits[fitted], labels[fitted], groups[fitted])
    return found


def add_offsets(network: nn.Module, offsets: Floats) -> None:
    """Add offsets [C] to the bias of the head, which must have one."""
    bias = find_head(network)[1].bias
    with torch.no_grad():
        bias.add_(torch.from_numpy(offsets).to(bias))


def _cells(labels: Integers, groups: Integers) -> Cells:
    pairs = np.unique(np.stack([groups, labels], axis=1)[groups >= 0], axis=0)
    every = [(int(label), np.flatnonzero((groups == group) & (labels == label))) for group, label in pairs]
    large = [(label, rows) for label, rows in every if len(rows) >= LEAST_IN_CELL]
    if not large:
        return []
    missing = set(np.unique(labels).tolist()) - {label for label, _ in large}
    return large + [(label, np.flatnonzero(labels == label)) for label in sorted(missing)]


def _worst(logits: Floats, cells: Cells) -> tuple[float, int, int]:
    """Accuracy of the worst cell, its label, and the class that is predicted most often instead."""
    predicted = logits.argmax(axis=1)
    accuracies = [float((predicted[rows] == label).mean()) for label, rows in cells]
    label, rows = cells[int(np.argmin(accuracies))]
    wrong = predicted[rows][predicted[rows] != label]
    return min(accuracies), label, int(np.bincount(wrong).argmax()) if len(wrong) else label


def _best_of_class(
    logits: Floats, offsets: Floats, labels: Integers, cells: Cells, chosen: int
) -> tuple[Floats, float]:
    """Offsets with that of one class changed to the best, the middle one of several; and the worst cell with it."""
    others = logits + offsets
    others[:, chosen] = -np.inf
    needed: NDArray[np.float64] = (others.max(axis=1) - logits[:, chosen]).astype(np.float64)  # to be predicted
    right = others.argmax(axis=1) == labels
    steps = np.unique(np.concatenate([needed[rows] for _, rows in cells]))
    if len(steps) > MOST_TRIED:
        steps = steps[np.linspace(0, len(steps) - 1, MOST_TRIED).astype(int)]
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
