"""What is known about a data set before training: groups without images, and shortcuts that nothing contradicts."""

from collections.abc import Iterator

import numpy as np

from core.data.draft import Problem
from core.data.splits import SPLITS
from core.data.table import ImageTable
from core.groups import group_names

FEWEST = 10
"""With fewer conflict samples of a label, a finder will probably miss them (ours): `select.rule=worst-cell` disregards
cells with fewer images as well."""


def given_away(table: ImageTable) -> Iterator[Problem]:
    """Attributes whose values each occur with one label only in training: nothing contradicts such a shortcut."""
    train = table.splits == 0
    for number, (name, values) in enumerate(table.attribute_values.items()):
        counts = np.zeros((len(values), len(table.label_names)), dtype=np.int64)
        np.add.at(counts, (table.attributes[train, number], table.labels[train]), 1)
        if ((counts > 0).sum(axis=1) <= 1).all():
            yield Problem(
                "attributes that give the label away",
                f"train: every value of {name} occurs with one label only, so no image contradicts this shortcut and "
                "no method can find it; add training images of other groups, or leave the attribute out",
            )


def alarms(table: ImageTable) -> tuple[str, ...]:
    """What a run warns of before it trains: shortcuts that cannot be found, and labels that cannot be evaluated."""
    lost = []
    for number, split in enumerate(SPLITS):
        counts = np.bincount(table.labels[table.splits == number], minlength=len(table.label_names))
        missing = [table.label_names[label] for label in np.flatnonzero(counts == 0)]
        if missing:
            what = f"label {missing[0]}" if len(missing) == 1 else f"{len(missing):,} labels, such as {missing[0]}"
            lost.append(f"{split}: no image of {what}; accuracies on {split} are those of the other labels only")
    return (*(problem.text for problem in given_away(table)), *lost)


def few_conflicts(table: ImageTable) -> Iterator[Problem]:
    """Labels with few training images that contradict an attribute: an estimate that needs the attribute's values."""
    train = table.splits == 0
    for number, (name, values) in enumerate(table.attribute_values.items()):
        if len(values) != len(table.label_names):
            continue  # which value goes with which label is unknown
        conflicts = table.attributes[train, number] != table.labels[train]
        counts = np.bincount(table.labels[train][conflicts], minlength=len(values))
        for label, count in enumerate(counts.tolist()):
            if conflicts.any() and count < FEWEST:
                yield Problem(
                    "few conflict samples (an estimate)",
                    f"train: {count} image{'s' * (count != 1)} of {table.label_names[label]} without {name} "
                    f"{values[label]}, and fewer than {FEWEST} are hard to find; add some if you can",
                )


def empty_groups(table: ImageTable) -> Iterator[Problem]:
    """Labels and groups without an image in a split; the groups of a missing label are not listed again."""
    names = group_names(table.label_names, table.attribute_values)
    per_label = len(names) // len(table.label_names)
    groups = table.groups()
    for number, split in enumerate(SPLITS):
        counts = np.bincount(groups[table.splits == number], minlength=len(names)).reshape(-1, per_label)
        for label in np.flatnonzero(counts.sum(axis=1) == 0):
            yield Problem(
                "labels missing in a split",
                f"{split}: no image of {table.label_names[label]}; move some there, or have random splits drawn",
            )
        for label, group in zip(*np.nonzero((counts == 0) & (counts.sum(axis=1, keepdims=True) > 0)), strict=True):
            yield Problem("empty groups", f"{split}: no image of {names[label * per_label + group]}{_cost(split)}")


def _cost(split: str) -> str:
    return "" if split == "train" else "; its accuracy is unknown there: move some of its images to this split"
