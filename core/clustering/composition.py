"""Composition of clusters, the entries that a balancing rule takes from them, and warnings without attribute labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Rule = Literal["min", "cap", "over", "weights"]

STARVED = 0.1
"""A class is starved if the balanced set has less than this share of the samples of the largest class."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason for a warning: `code` for programs, `text` for people."""

    code: str
    text: str


def composition(assignments: Integers, labels: Integers, k: int, n_classes: int) -> Integers:
    """Count the samples of every class in every cluster.

    Args:
        assignments: cluster of every sample, 0 ≤ value < k, [n].
        labels: class of every sample, 0 ≤ value < n_classes, [n].
        k: number of clusters.
        n_classes: number of classes.

    Returns:
        Counts, [k, n_classes].
    """
    return np.bincount(cells(assignments, labels, k, n_classes), minlength=k * n_classes).reshape(k, n_classes)


def cells(assignments: Integers, labels: Integers, k: int, n_classes: int) -> Integers:
    """Number the (cluster, class) cell of every sample: cluster · n_classes + class, [n]."""
    for name, values, bound in (("assignments", assignments, k), ("labels", labels, n_classes)):
        if values.size and not (values.min() >= 0 and values.max() < bound):
            raise ValueError(f"{name} must lie in 0 … {bound - 1}, not in {values.min()} … {values.max()}")
    return assignments * n_classes + labels


def skew(table: Integers) -> float:
    """Share of the samples that belong to the largest class of their cluster; 0 without samples.

    This is the mean over clusters of the share of the largest class, weighted by cluster size: 1 if every cluster has
    one class; the overall share of the largest class if clusters and classes are independent.

    Args:
        table: samples of each class in each cluster, [k, C].
    """
    total = int(table.sum())
    return int(table.max(axis=1).sum()) / total if total else 0.0


def quota(table: Integers, rule: Rule, *, cap: float = 2.0, per_class: bool = False) -> Integers:
    """Entries that `rule` takes from every cell (cluster, class).

    Cells are grouped in blocks: a block is a cluster, or all clusters with `per_class`. In a block every class gets
    the same total T, split over its non-empty cells as evenly as integers allow. `min` takes the largest T that
    repeats no sample, `over` the smallest T that omits none, `cap` the multiple `cap` of the former, but no more than
    the latter; `weights` takes every sample once. Under every rule, a block without a class contributes nothing.

    Args:
        table: samples of each class in each cluster, [k, C].
        rule: `min`, `cap`, `over` or `weights`.
        cap: multiple for rule `cap`, at least 1.
        per_class: each class was clustered separately, so classes are balanced over all clusters together.

    Returns:
        Entries, [k, C].
    """
    blocks = _blocks(table, per_class)
    filled = blocks > 0
    parts = filled.sum(axis=1)  # cells of a class in a block, [block, C]
    without_repeats = _total_without_repeats(blocks)
    without_loss = (parts * blocks.max(axis=1)).max(axis=1)
    gives = without_repeats > 0
    match rule:
        case "weights":
            return np.where(gives[:, None, None], blocks, 0).reshape(table.shape)
        case "min":
            total = without_repeats
        case "over":
            total = without_loss
        case "cap":
            if cap < 1:
                raise ValueError(f"cap must be at least 1, not {cap}")
            total = np.minimum(np.rint(without_repeats * cap).astype(np.int64), without_loss)
    share, rest = np.divmod(np.where(gives, total, 0)[:, None], np.maximum(parts, 1))  # [block, C]
    # The remainder of an even split goes to the first cells of a class.
    place = filled.cumsum(axis=1) - 1
    return np.where(filled, share[:, None] + (place < rest[:, None]), 0).reshape(table.shape)


def even_shares(table: Integers, *, per_class: bool = False) -> NDArray[np.float64]:
    """Entries of `quota` under `min` if they could be fractions: equal shares of the cells of a class, [k, C]."""
    blocks = _blocks(table, per_class)
    parts = (blocks > 0).sum(axis=1)
    share = _total_without_repeats(blocks)[:, None] / np.maximum(parts, 1)  # [block, C]
    return np.where(blocks > 0, share[:, None], 0.0).reshape(table.shape)


def _blocks(table: Integers, per_class: bool) -> Integers:
    """The table by blocks, [block, cluster in block, C]: a cluster each, or all clusters in one."""
    return table[None] if per_class else table[:, None]


def _total_without_repeats(blocks: Integers) -> Integers:
    """Entries of each class of a block in even shares of its cells; 0 if a class has no cell, [block]."""
    filled = blocks > 0
    smallest = np.where(filled, blocks, np.iinfo(np.int64).max).min(axis=1)  # cell of a class, [block, C]
    total: Integers = (filled.sum(axis=1) * smallest).min(axis=1)
    return total


def minority_size(table: Integers, *, per_class: bool = False) -> int:
    """Size of the balanced set under rule `min`, over all classes.

    Args:
        table: samples of each class in each cluster, [k, C].
        per_class: as in `quota`.
    """
    return int(quota(table, "min", per_class=per_class).sum())


def cluster_warnings(
    table: Integers, *, labels: Sequence[str], min_skew: float, per_class: bool = False
) -> list[Finding]:
    """Find reasons to doubt clusters; no attribute is used.

    Args:
        table: samples of each class in each cluster, [k, C].
        labels: names of the classes.
        min_skew: minimum `skew` at which clusters are assumed to show a shortcut.
        per_class: each class was clustered separately, so each cluster has one class by design.
    """
    found = [_empty_clusters(table)]
    if not per_class:
        found += [_no_clear_skew(table, min_skew), *_missing_classes(table, labels)]
    return [finding for finding in found if finding]


def one_class_warning(table: Integers, names: Sequence[str]) -> Finding | None:
    """Notice pseudo-groups with one class only, which no method can balance.

    Args:
        table: samples of each class in each pseudo-group, [k, C].
        names: of the pseudo-groups.
    """
    single = np.flatnonzero((table > 0).sum(axis=1) == 1)
    if not single.size or table.shape[1] < 2:
        return None
    samples, listed = int(table[single].sum()), _listed([names[k] for k in single.tolist()])
    return Finding(
        "one-class-group",
        f"{single.size} of {len(table)} pseudo-groups {_have(single)} one class only ({listed}): their {samples:,} "
        f"samples ({samples / table.sum():.0%}) are not in the balanced set. With several shortcuts this may be "
        "right, as hardly a sample contradicts all of them; otherwise try another finder (find.by), or for clusters "
        "fewer of them (cluster.k).",
    )


def balance_warnings(table: Integers, balanced: Integers, *, labels: Sequence[str], warn_below: int) -> list[Finding]:
    """Find reasons to doubt a balanced set; no attribute is used.

    Args:
        table: samples of each class in each pseudo-group, [k, C].
        balanced: entries of the balanced set from each cell, including repeats, [k, C].
        labels: names of the classes.
        warn_below: minimum number of different samples of each class in the balanced set.
    """
    if balanced.any():
        return _small_classes(table, balanced, labels, warn_below)
    text = (
        f"The balanced set is empty: none of the {len(table)} pseudo-groups has samples of every class; take another "
        "finder (find.by), or for clusters fewer of them (cluster.k)."
    )
    return [Finding("empty-balanced-set", text)]


def _empty_clusters(table: Integers) -> Finding | None:
    empty = np.flatnonzero(table.sum(axis=1) == 0)
    if not empty.size:
        return None
    return Finding(
        "empty-cluster",
        f"{empty.size} of {len(table)} clusters {_be(empty)} empty ({_listed(empty.tolist())}): the representation has "
        "fewer distinct directions than clusters; take fewer clusters (cluster.k).",
    )


def _no_clear_skew(table: Integers, min_skew: float) -> Finding | None:
    found = skew(table)
    if found >= min_skew:
        return None
    return Finding(
        "no-clear-skew",
        f"The largest class makes up {found:.2f} of a cluster on average, less than {min_skew:.2f}: these clusters "
        "show no shortcut, and their balanced set may be no better than a random one; try other checkpoints "
        "(erm.keep_epochs, represent.checkpoints) or more clusters (cluster.k).",
    )


def _missing_classes(table: Integers, labels: Sequence[str]) -> list[Finding]:
    """Classes missing from most clusters: each such cluster adds nothing to the balanced set."""
    used = table[table.sum(axis=1) > 0]
    missing = (used == 0).sum(axis=0)
    return [
        Finding(
            "starved-class",
            f"Class '{labels[c]}' is missing from {missing[c]} of {len(used)} clusters, which add nothing to the "
            "balanced set; take fewer clusters (cluster.k) or an earlier checkpoint (represent.checkpoints).",
        )
        for c in np.flatnonzero(missing * 2 > len(used)).tolist()
    ]


def _small_classes(table: Integers, balanced: Integers, labels: Sequence[str], warn_below: int) -> list[Finding]:
    # Repeats are not counted: they would hide how few different samples there are.
    different = np.minimum(table, balanced).sum(axis=0)
    least, most = int(different.argmin()), int(different.max())
    found = []
    if different[least] < warn_below:
        text = (
            f"Class '{labels[least]}' has {different[least]:,} different samples in the balanced set, fewer than "
            f"{warn_below:,}; try another finder (find.by) or a rule that repeats samples (balance.rule)."
        )
        found.append(Finding("small-balanced-set", text))
    for c in np.flatnonzero(different < STARVED * most).tolist():
        text = (
            f"Class '{labels[c]}' has {different[c]:,} different samples in the balanced set and another class "
            f"{most:,}; so few are soon memorised: take rule `min` (balance.rule)."
        )
        found.append(Finding("starved-class", text))
    return found


def _listed(names: Sequence[object], at_most: int = 8) -> str:
    return ", ".join(map(str, names[:at_most])) + (", …" if len(names) > at_most else "")


def _be(numbers: Integers) -> str:
    return "is" if numbers.size == 1 else "are"


def _have(numbers: Integers) -> str:
    return "has" if numbers.size == 1 else "have"
