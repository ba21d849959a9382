"""Deep feature reweighting: the mean of heads that are fitted on sets with all groups equally large."""

import numpy as np

from core.clustering.kmeans import Floats, Integers
from core.training.head import fit_head

Head = tuple[Floats, Floats]
"""Weight [classes, d] and bias [classes]."""


def group_balanced(groups: Integers, random: np.random.Generator) -> Integers:
    """Draw the same number of samples of every group that has any, as many as the smallest has, in increasing order.

    Args:
        groups: of every sample, [n].
        random: of the draw.
    """
    shuffled = random.permutation(len(groups))
    _, sizes = np.unique(groups, return_counts=True)
    drawn = [shuffled[groups[shuffled] == group][: sizes.min()] for group in np.unique(groups)]
    return np.sort(np.concatenate(drawn))


def halves(groups: Integers, random: np.random.Generator) -> tuple[Integers, Integers]:
    """Split samples at random into two halves with the same groups; an odd sample goes to the first.

    Args:
        groups: of every sample, [n].
        random: of the split.
    """
    shuffled = random.permutation(len(groups))
    ordered = shuffled[np.argsort(groups[shuffled], kind="stable")]
    starts = np.searchsorted(groups[ordered], groups[ordered])
    first = (np.arange(len(ordered)) - starts) % 2 == 0
    return np.sort(ordered[first]), np.sort(ordered[~first])


def fit_on_draw(
    features: Floats, labels: Integers, groups: Integers, penalty: float, random: np.random.Generator
) -> Head:
    """Fit a head on one group-balanced draw.

    Args:
        features: representation, [n, d].
        labels: [n].
        groups: [n].
        penalty: L2 penalty per sample.
        random: of the draw.
    """
    drawn = group_balanced(groups, random)
    return fit_head(features[drawn], labels[drawn], np.ones(len(drawn), np.float32), penalty)


def worst_group(head: Head, features: Floats, labels: Integers, groups: Integers) -> float:
    """Lowest accuracy of a group that has samples."""
    right = (features @ head[0].T + head[1]).argmax(1) == labels
    return float(min(right[groups == group].mean() for group in np.unique(groups)))
