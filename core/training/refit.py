"""Fit heads on balanced sets of one split, and predict each half of a split by heads fitted on the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.clustering.kmeans import Floats, Integers
from core.training.head import fit_head

Head = tuple[Floats, Floats]
"""Weight [classes, d] and bias [classes]."""
BalancedDraw = tuple[Integers, Floats]
"""Samples of a balanced set, by number, and their weights, both [entries]."""


@dataclass(frozen=True, slots=True, eq=False)
class Represented:
    """Some samples of a split with their representation.

    Attributes:
        rows: their numbers in the split, in increasing order, [m].
        features: [m, d].
        labels: [m].
    """

    rows: Integers
    features: Floats
    labels: Integers

    def fit(self, draw: BalancedDraw, penalty: float) -> Head:
        """Fit a head on a balanced set of them, with an L2 penalty per sample."""
        numbers, weights = draw
        at = np.searchsorted(self.rows, numbers)
        return fit_head(self.features[at], self.labels[at], weights, penalty)

    def mean_head(self, draws: Sequence[BalancedDraw], penalty: float, fitted: Callable[[], None]) -> Head:
        """The mean of the heads fitted on several sets; `fitted` is called after each."""
        heads = []
        for draw in draws:
            heads.append(self.fit(draw, penalty))
            fitted()
        weight, bias = (np.mean(of, axis=0) for of in zip(*heads, strict=True))
        return weight, bias


def logits_of(features: Floats, head: Head) -> Floats:
    """Logits [m, classes] of a representation [m, d] by a head."""
    weight, bias = head
    found: Floats = features @ weight.T + bias
    return found


def cross_fitted(samples: Represented, halves: Sequence[Integers], heads: Sequence[Head]) -> Floats:
    """Logits [m, classes] of a whole split, of each half by the head that was fitted on the other.

    Args:
        samples: all of the split, [m].
        halves: numbers of the samples of the two halves.
        heads: fitted on each half.
    """
    logits = np.empty((len(samples.labels), len(heads[0][1])), dtype=np.float32)
    for rows, head in zip(halves, reversed(heads), strict=True):
        logits[rows] = logits_of(samples.features[rows], head)
    return logits
