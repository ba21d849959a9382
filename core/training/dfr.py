"""Deep feature reweighting: heads fitted on sets with all groups equally large."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from core.clustering.kmeans import Floats, Integers
from core.training.head import fit_head

Head = tuple[Floats, Floats]
"""Weight [classes, d] and bias [classes]."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Samples with their representation [n, d], labels [n] and groups [n]."""

    features: Floats
    labels: Integers
    groups: Integers

    def at(self, rows: Integers) -> Self:
        """Some of the samples."""
        return type(self)(self.features[rows], self.labels[rows], self.groups[rows])


def group_balanced(groups: Integers, random: np.random.Generator) -> Integers:
    """Draw the same number of samples of every group that has any, as many as the smallest has, in increasing order.

    Args:
        groups: of every sample, [n].
        random: of the draw.
    """
    shuffled = random.permutation(len(groups))
    present, sizes = np.unique(groups, return_counts=True)
    return np.sort(np.concatenate([shuffled[groups[shuffled] == group][: sizes.min()] for group in present]))


def halves(groups: Integers, random: np.random.Generator) -> tuple[Integers, Integers]:
    """Split samples at random into two halves with the same groups; an odd sample goes to the first.

    Args:
        groups: of every sample, [n].
        random: of the split.
    """
    shuffled = random.permutation(len(groups))
    ordered = shuffled[np.argsort(groups[shuffled], kind="stable")]
    place = np.arange(len(ordered)) - np.searchsorted(groups[ordered], groups[ordered])  # of a sample in its group
    first = place % 2 == 0
    return np.sort(ordered[first]), np.sort(ordered[~first])


def fit_on_draw(samples: Grouped, penalty: float, random: np.random.Generator) -> Head:
    """Fit a head on one group-balanced draw.

    Args:
        samples: to draw from.
        penalty: L2 penalty per sample.
        random: of the draw.
    """
    drawn = samples.at(group_balanced(samples.groups, random))
    return fit_head(drawn.features, drawn.labels, np.ones(len(drawn.labels), np.float32), penalty)


def worst_group(head: Head, samples: Grouped) -> float:
    """Lowest accuracy of a group that has samples."""
    right = (samples.features @ head[0].T + head[1]).argmax(1) == samples.labels
    return float(min(right[samples.groups == group].mean() for group in np.unique(samples.groups)))
