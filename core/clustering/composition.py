"""What clusters are made of, what a rule takes from them, and the alarms that need no labels of the attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Rule = Literal["min", "cap", "over", "weights"]

STARVED = 0.1
"""A class is starved when the balanced set has less than this share of the samples of the best served class."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A doubt about clusters or a balanced set: `code` for programs, `text` for people."""

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

    This is the mean over clusters of the share of the largest class, weighted by cluster size: 1 where every cluster
    has one class, the share of the largest class of all where clusters and classes are independent.

    Args:
        table: samples of each class in each cluster, [k, C].
    """
    total = int(table.sum())
    return int(table.max(axis=1).sum()) / total if total else 0.0


def quota(table: Integers, rule: Rule, *, cap: float = 2.0, per_class: bool = False) -> Integers:
    """Entries that `rule` takes from every cell (cluster, class).

    Cells are grouped in blocks: a block is a cluster, or all clusters with `per_class`. In a block every class gets
    the same total T, split over its non-empty cells as evenly as whole numbers allow. `min` takes the largest T that
    repeats no sample, `over` the smallest T that leaves out none, `cap` the multiple `cap` of the first, but no more
    than the second; `weights` takes every sample once. A block that lacks a class gives nothing under any rule.

    Args:
        table: samples of each class in each cluster, [k, C].
        rule: `min`, `cap`, `over` or `weights`.
        cap: multiple that rule `cap` takes, at least 1.
        per_class: the clusters were made within classes, so that classes are balanced over all clusters together.

    Returns:
        Entries, [k, C].
    """
    blocks = _blocks(table, per_class)
    filled = blocks > 0
    parts = filled.sum(axis=1)  # cells that a class has in a block, [block, C]
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
    # The first cells of a class take what an even split leaves over.
    place = filled.cumsum(axis=1) - 1
    return np.where(filled, share[:, None] + (place < rest[:, None]), 0).reshape(table.shape)


def even_shares(table: Integers, *, per_class: bool = False) -> NDArray[np.float64]:
    """What `quota` takes under `min` if entries could be divided: the cells of a class give equal shares, [k, C]."""
    blocks = _blocks(table, per_class)
    parts = (blocks > 0).sum(axis=1)
    share = _total_without_repeats(blocks)[:, None] / np.maximum(parts, 1)  # [block, C]
    return np.where(blocks > 0, share[:, None], 0.0).reshape(table.shape)


def _blocks(table: Integers, per_class: bool) -> Integers:
    """The table by blocks, [block, cluster in block, C]: a cluster each, or all clusters in one."""
    return table[None] if per_class else table[:, None]


def _total_without_repeats(blocks: Integers) -> Integers:
    """Entries that each class of a block can give in even shares of its cells; 0 if a class has no cell, [block]."""
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


def alarms(
    table: Integers,
    balanced: Integers,
    *,
    labels: Sequence[str],
    min_skew: float,
    warn_below: int,
    per_class: bool = False,
) -> list[Alarm]:
    """Look for what makes clusters or their balanced set doubtful; no attribute is used.

    Args:
        table: samples of each class in each cluster, [k, C].
        balanced: entries that the balanced set takes from each cell, repeats counted, [k, C].
        labels: names of the classes.
        min_skew: least `skew` at which clusters are taken to show a shortcut.
        warn_below: least number of different samples that each class should have in the balanced set.
        per_class: the clusters were made within classes; each then has one class on purpose.
    """
    found = [_empty_clusters(table)]
    if not per_class:
        found += [_one_class_clusters(table), _no_clear_skew(table, min_skew), *_missing_classes(table, labels)]
    if not balanced.any():
        text = (
            f"The balanced set is empty: none of the {len(table)} clusters has samples of every class; take fewer "
            "clusters (cluster.k) or an earlier checkpoint (represent.checkpoints)."
        )
        found.append(Alarm("empty-balanced-set", text))
    else:
        found += _small_classes(table, balanced, labels, warn_below)
    return [alarm for alarm in found if alarm]


def _empty_clusters(table: Integers) -> Alarm | None:
    empty = np.flatnonzero(table.sum(axis=1) == 0)
    if not empty.size:
        return None
    return Alarm(
        "empty-cluster",
        f"{empty.size} of {len(table)} clusters {_be(empty)} empty ({_listed(empty)}): fewer directions differ in the "
        "representation than there are clusters; take fewer (cluster.k).",
    )


def _one_class_clusters(table: Integers) -> Alarm | None:
    single = np.flatnonzero((table > 0).sum(axis=1) == 1)
    if not single.size or table.shape[1] < 2:
        return None
    samples = int(table[single].sum())
    return Alarm(
        "one-class-cluster",
        f"{single.size} of {len(table)} clusters {_have(single)} one class only ({_listed(single)}), so their "
        f"{samples:,} samples ({samples / table.sum():.0%}) give the balanced set nothing; take fewer clusters "
        "(cluster.k) or an earlier checkpoint (represent.checkpoints).",
    )


def _no_clear_skew(table: Integers, min_skew: float) -> Alarm | None:
    found = skew(table)
    if found >= min_skew:
        return None
    return Alarm(
        "no-clear-skew",
        f"The largest class makes up {found:.2f} of a cluster on average, less than {min_skew:.2f}: these clusters "
        "show no shortcut, and their balanced set may be no better than one drawn by lot; try other checkpoints "
        "(erm.keep_epochs, represent.checkpoints) or more clusters (cluster.k).",
    )


def _missing_classes(table: Integers, labels: Sequence[str]) -> list[Alarm]:
    """A class that most clusters lack, where each of those clusters gives the balanced set nothing."""
    used = table[table.sum(axis=1) > 0]
    missing = (used == 0).sum(axis=0)
    return [
        Alarm(
            "starved-class",
            f"Class '{labels[c]}' is missing from {missing[c]} of {len(used)} clusters, which give the balanced set "
            "nothing; take fewer clusters (cluster.k) or an earlier checkpoint (represent.checkpoints).",
        )
        for c in np.flatnonzero(missing * 2 > len(used)).tolist()
    ]


def _small_classes(table: Integers, balanced: Integers, labels: Sequence[str], warn_below: int) -> list[Alarm]:
    """Classes with few samples in the balanced set."""
    # Repeats are not counted: they hide how little there is to learn from.
    different = np.minimum(table, balanced).sum(axis=0)
    least, most = int(different.argmin()), int(different.max())
    found = []
    if different[least] < warn_below:
        text = (
            f"Class '{labels[least]}' has {different[least]:,} different samples in the balanced set, fewer than "
            f"{warn_below:,}; take fewer clusters (cluster.k) or an earlier checkpoint (represent.checkpoints)."
        )
        found.append(Alarm("small-balanced-set", text))
    for c in np.flatnonzero(different < STARVED * most).tolist():
        text = (
            f"Class '{labels[c]}' has {different[c]:,} different samples in the balanced set and another class "
            f"{most:,}; so few are soon learned by heart: take rule `min` (balance.rule)."
        )
        found.append(Alarm("starved-class", text))
    return found


def _listed(numbers: Integers, at_most: int = 8) -> str:
    return ", ".join(map(str, numbers[:at_most])) + (", …" if numbers.size > at_most else "")


def _be(numbers: Integers) -> str:
    return "is" if numbers.size == 1 else "are"


def _have(numbers: Integers) -> str:
    return "has" if numbers.size == 1 else "have"
