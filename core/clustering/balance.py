"""The class-balanced set drawn from the clusters, on which the masks are learned."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.clustering.composition import Integers, Rule, cells, composition, even_shares, quota


@dataclass(frozen=True, slots=True, eq=False)
class BalancedSet:
    """Samples of the training split in which the classes of every cluster are balanced.

    Attributes:
        indices: sample of every entry, in increasing order; a sample may occur more than once, [m].
        weights: weight of every entry, with mean 1, [m].
        table: entries from each cluster and class, [k, C].
    """

    indices: Integers
    weights: NDArray[np.float32]
    table: Integers


def balanced_set(
    assignments: Integers,
    labels: Integers,
    k: int,
    n_classes: int,
    *,
    rule: Rule,
    cap: float,
    seed: int,
    per_class: bool = False,
) -> BalancedSet:
    """Draw the set that balances the classes within every cluster (PruSC's D_task; the rules are ours).

    `quota` gives the number of entries of each cell (cluster, class). If a cell has at least as many samples, they are
    drawn without replacement; otherwise its samples are repeated as evenly as possible. Rule `weights` takes every
    sample once: the weights of a cell sum, up to a common factor, to the entries of `min`, so the expected loss is that
    of `min`, but no sample is left out.

    Args:
        assignments: cluster of every sample of the training split, [n].
        labels: class of every sample, [n].
        k: number of clusters.
        n_classes: number of classes.
        rule: `min`, `cap`, `over` or `weights`.
        cap: for rule `cap`: multiple of the minority count, at least 1.
        seed: seed of the draw.
        per_class: each class was clustered separately: classes get equal totals over all clusters, and the clusters
            of a class equal shares.

    Returns:
        The set; empty if a class is missing from every cluster.
    """
    cell = cells(assignments, labels, k, n_classes)
    counts = composition(assignments, labels, k, n_classes)
    table = quota(counts, rule, cap=cap, per_class=per_class)
    indices = _draw(cell, counts.ravel(), table.ravel(), np.random.default_rng(seed))
    if rule == "weights" and indices.size:
        shares = even_shares(counts, per_class=per_class)
        weight = shares / np.maximum(counts, 1) * (indices.size / shares.sum())
        weights = weight.ravel()[cell[indices]].astype(np.float32)
    else:
        weights = np.ones(indices.size, dtype=np.float32)
    return BalancedSet(indices, weights, table)


def _draw(cell: Integers, counts: Integers, entries: Integers, rng: np.random.Generator) -> Integers:
    """Sorted samples, `entries` of each cell: each sample ⌊entries / count⌋ times, and random ones once more."""
    often, rest = np.divmod(entries, np.maximum(counts, 1))
    shuffled = rng.permutation(len(cell))
    by_cell = shuffled[np.argsort(cell[shuffled], kind="stable")]
    place = np.empty(len(cell), dtype=np.int64)  # of a sample in its shuffled cell
    place[by_cell] = np.arange(len(cell)) - np.repeat(counts.cumsum() - counts, counts)
    return np.repeat(np.arange(len(cell)), often[cell] + (place < rest[cell]))
