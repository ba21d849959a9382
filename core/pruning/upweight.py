"""All training samples, with the conflict samples repeated, instead of a balanced set."""

import numpy as np

from core.clustering.composition import Integers
from core.finding.pseudo_groups import Booleans

SHARE = 0.5
"""Total weight of the conflict samples, as a multiple of that of all others."""


def usual_weight(conflicts: Booleans) -> int:
    """Weight with which the conflict samples count half as much as all others together, at least 1.

    DCWP's authors choose 80, 50, 30 and 10 where 0.5, 1, 2 and 5 % are conflict samples; this gives 100, 50, 24, 10.

    Args:
        conflicts: whether each sample contradicts the shortcut, [n]; at least one does.
    """
    count = int(conflicts.sum())
    return max(1, round(SHARE * (len(conflicts) - count) / count))


def repeated(conflicts: Booleans, weight: int) -> Integers:
    """Indices in which every conflict sample occurs `weight` times, and every other sample once, in increasing order.

    The mean loss over them is the weighted loss; unlike weights, repeats also bring conflict samples into every batch.

    Args:
        conflicts: whether each sample contradicts the shortcut, [n].
        weight: at least 1.
    """
    return np.repeat(np.arange(len(conflicts)), np.where(conflicts, weight, 1))
