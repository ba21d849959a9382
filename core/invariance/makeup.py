"""What environments are made of, how good the conflict samples are, and the alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.clustering.composition import Alarm
from core.invariance.environments import Booleans, Environments, Integers

SAME = 0.9
"""Two environments are the same in effect when they share this part of all samples that either has."""
PERFECT = 0.995
"""Accuracy on its training samples at which a reference leaves no conflicts to be seen."""
EXPLODED = 100.0
"""Penalty above which the logits are out of hand: 10 nats of risk by doubling them."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well conflict samples were found, where the attribute is known: to be shown, never to choose by.

    Attributes:
        found: samples taken for conflicts.
        true: samples whose attribute is not that of their label.
        hits: samples that are both.
    """

    found: int
    true: int
    hits: int

    @property
    def precision(self) -> float:
        """Share of true conflicts among those found; NaN if none was found."""
        return self.hits / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """Share of the true conflicts that were found; NaN if there is none."""
        return self.hits / self.true if self.true else float("nan")


def quality(conflicts: Booleans, labels: Integers, attribute: Integers) -> Quality:
    """Compare the conflict samples found with the true ones, on which attribute and label differ; all [n]."""
    true = attribute != labels
    return Quality(int(conflicts.sum()), int(true.sum()), int((conflicts & true).sum()))


def makeup(environments: Environments, numbers: Integers, total: int) -> Integers:
    """Count samples of every environment by label, by value of an attribute, or by group.

    Args:
        environments: of the training split.
        numbers: label, value or group of every sample of the split, 0 ≤ value < total, [n].
        total: how many labels, values or groups there are.

    Returns:
        Counts, [environments, total].
    """
    rows = [np.bincount(numbers[samples], minlength=total) for samples in environments.samples]
    return np.stack(rows).astype(np.int64)


def alarms(environments: Environments, table: Integers, labels: Sequence[str]) -> list[Alarm]:
    """Look for environments that cannot teach what they should; no attribute is used.

    Args:
        environments: of the training split.
        table: samples of each label in each environment, [environments, classes].
        labels: names of the classes.
    """
    found = []
    for name, row in zip(environments.names, table, strict=True):
        there = np.flatnonzero(row)
        if not there.size:
            text = f"Environment '{name}' is empty; take an earlier reference or fewer clusters (cluster.k)."
            found.append(Alarm("empty-environment", text))
        elif there.size == 1 and len(row) > 1:
            text = (
                f"Environment '{name}' has one class only ('{labels[there[0]]}', {row.sum():,} samples), so a constant "
                "answer has no risk there; take an earlier reference or more clusters (cluster.k)."
            )
            found.append(Alarm("one-class-environment", text))
    for (one, first), (other, second) in combinations(zip(environments.names, environments.samples, strict=True), 2):
        both = len(np.intersect1d(first, second, assume_unique=True))
        either = len(first) + len(second) - both
        if either and both >= SAME * either:
            text = (
                f"Environments '{one}' and '{other}' overlap: they share {both:,} of {either:,} samples, so being "
                "invariant over them asks for little; choose another rule."
            )
            found.append(Alarm("overlapping-environments", text))
    return found


def reference_alarm(accuracy: float) -> Alarm | None:
    """Doubt a reference that fits its training samples: where it is never wrong, no shortcut shows.

    Args:
        accuracy: of the reference on the training split, in [0, 1].
    """
    if accuracy < PERFECT:
        return None
    return Alarm(
        "reference-fits",
        f"The reference is right on {accuracy:.2%} of its training samples, so there is nothing to infer: it no longer "
        "leans on the shortcut alone; take an earlier or smaller reference (1 epoch).",
    )


def penalty_alarm(penalty: float, step: int) -> Alarm | None:
    """Doubt a training in which a member's penalty, the mean of its environments, explodes at some step."""
    if penalty <= EXPLODED:
        return None
    return Alarm(
        "penalty-explodes",
        f"The penalty of a restart is {penalty:.3g} at step {step:,}: its logits are out of hand; try a smaller "
        "learning rate (train.lr), more L2 (train.l2), a smaller penalty weight, or train.rescale.",
    )
