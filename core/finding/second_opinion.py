"""A second opinion on the mistakes of a biased network: what its representation says about the shortcut alone."""

import numpy as np

from core.clustering.kmeans import Floats, Integers
from core.finding.pseudo_groups import Booleans

PENALTY = 10.0
"""L2 penalty per sample of the heads; 1 to 1,000 find nearly the same samples (ours)."""
MOST_IN_CELL = 5_000
"""Maximum number of samples of a class that a head is fitted on, of those that the network misclassifies, and of the
others."""
DIVISIONS = 3
"""Random divisions into halves, over which the evidence is averaged."""


def shortcut_evidence(
    features: Floats, labels: Integers, mistakes: Booleans, held_out: Floats, seed: int
) -> tuple[Floats, Floats]:
    """How much more a head that may use the shortcut says for each class than one that may not.

    Both heads are logistic regressions on the representation of the biased network. For the first, the classes are
    balanced, so that it uses the shortcut, as the network itself does. For the second, the mistakes of the network
    have the weight in every class that they would have if its predictions were independent of the label, (C − 1) / C
    for C classes, so that the shortcut predicts little (nothing, if mistakes are spread evenly over the other classes).
    If a sample is hard to recognise, both heads are unsure, and the difference between their log-probabilities is
    small; it is large where only the shortcut speaks. No sample is judged by a head that was fitted on it: each half of
    the training samples is judged by heads fitted on the other half, and the evidence is the mean over several random
    divisions. The method is ours.

    Args:
        features: representation of the training samples, float32 [n, d].
        labels: of them, 0 ≤ value < C, at least two of each, [n].
        mistakes: whether the biased network is wrong, bool [n].
        held_out: representation of other samples, float32 [m, d].
        seed: of the divisions.

    Returns:
        The differences between log-probabilities, [n, C] and [m, C].
    """
    from core.training.dfr import halves
    from core.training.head import fit_head

    random = np.random.default_rng(seed)
    n_classes = int(labels.max()) + 1
    evidence, other = (np.zeros((len(of), n_classes), np.float32) for of in (features, held_out))
    for _ in range(DIVISIONS):
        parts = halves(labels, random)
        for judged, fitted in (parts, parts[::-1]):
            some, share = _at_most(MOST_IN_CELL, labels[fitted] * 2 + mistakes[fitted], random)
            rows = fitted[some]
            # Weights of this half alone: if mistakes weighed more in one half, its evidence would be shifted.
            for sign, weights in (
                (1, class_weights(labels[fitted])),
                (-1, independent_weights(labels[fitted], mistakes[fitted])),
            ):
                head = fit_head(features[rows], labels[rows], weights[some] / share, PENALTY)
                evidence[judged] += sign * _log_probabilities(features[judged], head) / DIVISIONS
                other += sign * _log_probabilities(held_out, head) / (2 * DIVISIONS)
    return evidence, other


def class_weights(labels: Integers) -> Floats:
    """Weights with which all classes weigh the same in total, mean 1, [n]."""
    sizes = np.bincount(labels)
    weights: Floats = (len(labels) / (len(sizes) * sizes))[labels].astype(np.float32)
    return weights


def independent_weights(labels: Integers, mistakes: Booleans) -> Floats:
    """Weights with which mistakes have (C − 1) / C of the weight of every class, and all classes the same, mean 1, [n].

    Args:
        labels: 0 ≤ value < C, [n].
        mistakes: bool [n]; a class without mistakes, or with nothing else, keeps its weight.
    """
    n_classes = int(labels.max()) + 1
    cells = labels * 2 + mistakes
    sizes = np.bincount(cells, minlength=2 * n_classes).reshape(n_classes, 2)
    share = np.where(sizes > 0, [1.0, n_classes - 1.0], 0.0)
    share /= share.sum(axis=1, keepdims=True)
    weights: Floats = (len(labels) / n_classes * share / np.maximum(sizes, 1)).ravel()[cells].astype(np.float32)
    return weights


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


def _at_most(most: int, cells: Integers, random: np.random.Generator) -> tuple[Integers, Floats]:
    """A part of some samples with at most `most` of each cell, by number; and the share of its cell that was kept."""
    shuffled = random.permutation(len(cells))
    ordered = shuffled[np.argsort(cells[shuffled], kind="stable")]
    place = np.arange(len(ordered)) - np.searchsorted(cells[ordered], cells[ordered])  # of a sample in its cell
    kept: Integers = np.sort(ordered[place < most])
    share: Floats = np.minimum(1, most / np.bincount(cells)[cells[kept]]).astype(np.float32)
    return kept, share


def _log_probabilities(features: Floats, head: tuple[Floats, Floats]) -> Floats:
    from scipy.special import log_softmax

    weight, bias = head
    found: Floats = log_softmax(features @ weight.T + bias, axis=1)
    return found
