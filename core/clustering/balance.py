"""The class-balanced set drawn from clusters: what the masks are learned on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.clustering.composition import Integers, Rule, cells, composition, even_shares, quota


@dataclass(frozen=True, slots=True, eq=False)
class BalancedSet:
    """Samples of the training split in which no class is ahead within a cluster.

    Attributes:
        indices: sample of every entry, in rising order; a sample may be there more than once, [m].
        weights: weight of every entry, of mean 1, [m].
        table: entries of each class from each cluster, [k, C].
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

    `quota` says how many entries a cell (cluster, class) gives. Fewer than it has are drawn without replacement; if it
    has too few, its samples are repeated as evenly as possible. Rule `weights` takes every sample once: the weights of
    a cell sum to what `min` takes from it, up to one factor, so the expected loss is that of `min` with nothing left
    out.

    Args:
        assignments: cluster of every sample of the training split, [n].
        labels: class of every sample, [n].
        k: number of clusters.
        n_classes: number of classes.
        rule: `min`, `cap`, `over` or `weights`.
        cap: multiple of the minority count that rule `cap` takes, at least 1.
        seed: seed of the draw.
        per_class: the clusters were made within classes: classes get equal totals over all clusters, and the clusters
            of a class equal shares.

    Returns:
        The set; it is empty where every cluster lacks a class.
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
    """Sorted samples, `entries` of each cell: every sample ⌊entries / count⌋ times, and the rest by lot once more."""
    often, rest = np.divmod(entries, np.maximum(counts, 1))
    by_lot = rng.permutation(len(cell))
    by_cell = by_lot[np.argsort(cell[by_lot], kind="stable")]
    place = np.empty(len(cell), dtype=np.int64)  # of a sample within its shuffled cell
    place[by_cell] = np.arange(len(cell)) - np.repeat(counts.cumsum() - counts, counts)
    return np.repeat(np.arange(len(cell)), often[cell] + (place < rest[cell]))
