"""Draw splits, labels and attributes: seeded, with exact counts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from core.data.dataset import Integers
from core.data.settings import Digits as Settings
from core.data.splits import SplitName
from core.errors import InputError

TEST_SIZE = 9_600
"""Default number of test images, if there are enough digits."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """A spurious attribute: value v goes with label v, on a share `correlation` of the training samples."""

    name: str
    values: tuple[str, ...]
    correlation: float


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A split without images: `index` into the source [n], `labels` [n], `attributes` [n, a], all int64."""

    index: Integers
    labels: Integers
    attributes: Integers


def stream(seed: int, name: str) -> np.random.Generator:
    """Random generator derived from seed and name; independent for different names."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def draw_splits(
    settings: Settings,
    train_labels: Integers,
    test_labels: Integers,
    label_names: Sequence[str],
    attributes: Sequence[Attribute],
) -> dict[SplitName, Draw]:
    """Draw the three splits: train and validation, disjoint, from the training digits, test from the test digits.

    With `evaluation = balanced`, validation and test have equally many samples in every group; sizes are rounded down
    to a multiple of the number of groups. A test size of None is the largest possible one, up to `TEST_SIZE`. Labels
    are int64 [60000] and [10000]. Raises InputError for too few digits of a class for a balanced split of this size, or
    a size below the number of groups.
    """
    order = stream(settings.seed, "split/train").permutation(len(train_labels))
    pools: dict[SplitName, tuple[Integers, Integers, int | None]] = {
        "train": (order[: settings.train_size], train_labels, settings.train_size),
        "validation": (order[settings.train_size :], train_labels, settings.validation_size),
        "test": (stream(settings.seed, "split/test").permutation(len(test_labels)), test_labels, settings.test_size),
    }
    draws: dict[SplitName, Draw] = {}
    for name, (pool, source, size) in pools.items():
        balanced = name != "train" and settings.evaluation == "balanced"
        index = pool if balanced else pool[: TEST_SIZE if size is None else size]
        noise = stream(settings.seed, f"noise/{name}")
        labels = add_label_noise(source[index], len(label_names), settings.label_noise, noise)
        if balanced:
            if size is None:
                size = min(TEST_SIZE, largest_balanced(labels, len(label_names), attributes))
            chosen, values = balance(labels, size, label_names, attributes, name)
            draws[name] = Draw(index[chosen], labels[chosen], values)
        else:
            columns = [
                correlate(labels, len(a.values), a.correlation, stream(settings.seed, f"{a.name}/{name}"))
                for a in attributes
            ]
            draws[name] = Draw(index, labels, np.stack(columns, axis=1))
    return draws


def add_label_noise(labels: Integers, classes: int, share: float, random: np.random.Generator) -> Integers:
    """Give round(share × n) samples of labels, int64 [n], another class, drawn uniformly; returns a copy."""
    noisy = labels.copy()
    changed = random.permutation(len(labels))[: round(share * len(labels))]
    noisy[changed] = (noisy[changed] + random.integers(1, classes, len(changed))) % classes
    return noisy


def correlate(labels: Integers, values: int, correlation: float, random: np.random.Generator) -> Integers:
    """Draw an attribute that equals the label on round(correlation × n) samples, and on that share of every class.

    On the other samples the remaining values alternate, so that their counts differ by at most one in a class. Labels
    and attribute are int64 [n]; labels are below `values`, the number of values of the attribute.
    """
    attribute = labels.copy()
    counts = np.bincount(labels, minlength=values)
    # Rounding the running sum instead of each class keeps the total exact.
    agreeing = np.diff(np.rint(correlation * np.cumsum(counts)), prepend=0).astype(np.int64)
    for label, agree in enumerate(agreeing):
        conflicts = random.permutation(np.flatnonzero(labels == label))[agree:]
        attribute[conflicts] = (label + 1 + np.arange(len(conflicts)) % (values - 1)) % values
    return attribute


def largest_balanced(labels: Integers, classes: int, attributes: Sequence[Attribute]) -> int:
    """Size of the largest balanced set that a pool with these labels [n] allows."""
    combinations = prod(len(a.values) for a in attributes)
    fewest = int(np.bincount(labels, minlength=classes).min())
    return fewest // combinations * combinations * classes


def balance(
    labels: Integers, size: int, label_names: Sequence[str], attributes: Sequence[Attribute], split: SplitName
) -> tuple[Integers, Integers]:
    """Choose equally many samples for every group: the first ones of the pool, which is in random order.

    Labels are int64 [n]; the size is rounded down to a multiple of the number of groups. Returns positions in the pool,
    int64 [size], and their attributes, int64 [size, a]. Raises InputError if `size` is below the number of groups, or
    the pool has too few samples of a class.
    """
    shape = tuple(len(a.values) for a in attributes)
    combinations = prod(shape)
    per_label = size // (combinations * len(label_names)) * combinations
    key = f"data.{split}_size = {size}"
    if not per_label:
        raise InputError(f"{key}: a balanced split needs at least {combinations * len(label_names)}, one per group")
    most = largest_balanced(labels, len(label_names), attributes)
    if most < per_label * len(label_names):
        counts = np.bincount(labels, minlength=len(label_names))
        least = int(counts.argmin())
        raise InputError(
            f"{key}: a balanced split needs {per_label:,} digits of every class, but only {counts[least]:,} of class "
            f"{label_names[least]} are left; set it to {most} or less, or data.evaluation=as-train"
        )
    chosen = np.concatenate([np.flatnonzero(labels == label)[:per_label] for label in range(len(label_names))])
    columns = np.stack(np.unravel_index(np.arange(len(chosen)) % combinations, shape), axis=1)
    order = np.argsort(chosen)
    return chosen[order], columns[order].astype(np.int64)
