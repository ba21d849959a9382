"""A second opinion on the mistakes of a biased network: what its representation says about the shortcut alone."""

import numpy as np
from numpy.typing import NDArray

from core.clustering.kmeans import Floats, Integers
from core.finding.pseudo_groups import Booleans

PENALTY = 10.0
"""L2 penalty per sample of the heads; 1 to 1,000 find nearly the same samples (ours)."""
MOST_FITTED = 20_000
"""Maximum number of samples that a head is fitted on."""
DIVISIONS = 3
"""Random divisions into halves, over which the evidence is averaged."""


def shortcut_evidence(
    features: Floats, labels: Integers, mistakes: Booleans, held_out: Floats, seed: int
) -> tuple[Floats, Floats]:
    """How much more a head that may use the shortcut says for each class than one that may not.

    Both heads are logistic regressions on the representation of the biased network. For the first, the classes are
    balanced, so that it uses the shortcut, as the network itself does. For the second, the mistakes of the network
    have the weight in every class that they would have if its predictions were independent of the label, (C − 1) / C
    for C classes, so that the shortcut predicts little. If a sample is hard to recognise, both heads are unsure, and
    the difference between their log-probabilities is small; it is large where only the shortcut speaks. No sample is
    judged by a head that was fitted on it: each half of the training samples is judged by heads fitted on the other
    half, and the evidence is the mean over several random divisions.

    Args:
        features: representation of the training samples, float32 [n, d].
        labels: of them, 0 ≤ value < classes, all of which occur, [n].
        mistakes: whether the biased network is wrong, bool [n].
        held_out: representation of other samples, float32 [m, d].
        seed: of the divisions.

    Returns:
        The differences between log-probabilities, [n, classes] and [m, classes].
    """
    random = np.random.default_rng(seed)
    n_classes = int(labels.max()) + 1
    same, independent = np.ones(n_classes), np.tile([1.0, n_classes - 1.0], n_classes)
    evidence, other = (np.zeros((len(of), n_classes), np.float32) for of in (features, held_out))
    for _ in range(DIVISIONS):
        order = random.permutation(len(labels))
        halves = order[::2], order[1::2]
        for judged, fitted in (halves, halves[::-1]):
            for sign, cells, share in ((1, labels, same), (-1, labels * 2 + mistakes, independent)):
                head = _head(features, labels, cells, share, fitted, random)
                evidence[judged] += sign * _log_probabilities(features[judged], head) / DIVISIONS
                other += sign * _log_probabilities(held_out, head) / (2 * DIVISIONS)
    return evidence, other


def contradiction(evidence: Floats, labels: Integers) -> tuple[Floats, Integers]:
    """How clearly the shortcut contradicts each label, [n], and the other class that it stands for most, [n].

    Args:
        evidence: for each class, [n, classes].
        labels: [n].
    """
    rows = np.arange(len(labels))
    others = evidence.copy()
    others[rows, labels] = -np.inf
    other: Integers = others.argmax(axis=1)
    return others[rows, other] - evidence[rows, labels], other


def least_contradiction(margins: Floats, mistakes: Booleans) -> float:
    """The contradiction from which a sample is more likely to be a mistake of the network than not.

    It is that of a logistic regression of the mistakes on the contradiction; infinite if it does not explain them.

    Args:
        margins: how clearly the shortcut contradicts each label, [n].
        mistakes: whether the network is wrong, bool [n].
    """
    from sklearn.linear_model import LogisticRegression

    unit = float(margins.std())
    if mistakes.all() or not mistakes.any() or not unit:
        return np.inf
    model = LogisticRegression().fit(margins[:, None] / unit, mistakes)
    slope, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    return -offset / slope * unit if slope > 0 else np.inf


def _head(
    features: Floats,
    labels: Integers,
    cells: Integers,
    share: NDArray[np.float64],
    rows: Integers,
    random: np.random.Generator,
) -> tuple[Floats, Floats]:
    """A head fitted on some samples, in which every cell has a share of the weight; empty cells have none."""
    from core.training.head import fit_head

    cell, sizes = cells[rows], np.bincount(cells[rows], minlength=len(share))
    share = share * (sizes > 0)
    weights = (len(rows) * share / (share.sum() * np.maximum(sizes, 1)))[cell]
    if len(rows) > MOST_FITTED:
        # Small cells are kept whole: of the others, samples are drawn, and the weights make up for it.
        kept = _drawn(sizes, MOST_FITTED)[cell]
        drawn = random.random(len(rows)) < kept
        rows, weights = rows[drawn], (weights / kept)[drawn]
    return fit_head(features[rows], labels[rows], weights.astype(np.float32), PENALTY)


def _drawn(sizes: Integers, total: int) -> Floats:
    """Share of each cell with which `total` samples are drawn in all: equally many of each, or all that it has."""
    share, left = np.ones(len(sizes), np.float32), float(total)
    for place, number in enumerate(order := np.argsort(sizes)):
        drawn = min(float(sizes[number]), left / (len(order) - place))
        share[number], left = drawn / max(sizes[number], 1), left - drawn
    return share


def _log_probabilities(features: Floats, head: tuple[Floats, Floats]) -> Floats:
    from scipy.special import log_softmax

    weight, bias = head
    found: Floats = log_softmax(features @ weight.T + bias, axis=1)
    return found
