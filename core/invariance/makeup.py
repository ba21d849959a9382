"""Composition of environments, quality of the conflict samples, and warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.clustering.composition import Finding
from core.invariance.environments import Booleans, Environments, Integers

SAME = 0.9
"""Two environments are practically the same if their intersection over union reaches this."""
PERFECT = 0.995
"""Training accuracy of a reference from which on conflicts are no longer visible."""
EXPLODED = 100.0
"""Penalty above which the logits have exploded: doubling them changes the risk by about 10 nats."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality of the conflict samples if the attribute is known: for information only, never for a choice.

    It counts the presumed conflict samples, those whose attribute differs from their label, and those that are both.
    """

    found: int
    true: int
    hits: int


def quality(conflicts: Booleans, labels: Integers, attribute: Integers) -> Quality:
    """Compare presumed conflict samples with the true ones, whose attribute and label differ; all [n]."""
    true = attribute != labels
    return Quality(int(conflicts.sum()), int(true.sum()), int((conflicts & true).sum()))


def makeup(environments: Environments, numbers: Integers, total: int) -> Integers:
    """Count samples of every environment by label, value of an attribute, or group: [environments, total].

    `numbers` has the label, value or group of every sample of the split, 0 ≤ value < total, [n].
    """
    rows = [np.bincount(numbers[samples], minlength=total) for samples in environments.samples]
    return np.stack(rows).astype(np.int64)


def environment_warnings(environments: Environments, table: Integers, labels: Sequence[str]) -> list[Finding]:
    """Find reasons to doubt environments; no attribute is used.

    `table` has the samples of each label in each environment, [environments, classes].
    """
    found = []
    for name, row in zip(environments.names, table, strict=True):
        there = np.flatnonzero(row)
        if not there.size:
            text = f"Environment '{name}' is empty; take an earlier reference or fewer clusters (cluster.k)."
            found.append(Finding("empty-environment", text))
        elif there.size == 1 and len(row) > 1:
            text = (
                f"Environment '{name}' has one class only ('{labels[there[0]]}', {row.sum():,} samples), so a constant "
                "prediction has no risk there; take an earlier reference or more clusters (cluster.k)."
            )
            found.append(Finding("one-class-environment", text))
    for (one, first), (other, second) in combinations(zip(environments.names, environments.samples, strict=True), 2):
        both = len(np.intersect1d(first, second, assume_unique=True))
        either = len(first) + len(second) - both
        if either and both >= SAME * either:
            text = (
                f"Environments '{one}' and '{other}' overlap: they share {both:,} of {either:,} samples, so "
                "invariance over them means little; choose another rule."
            )
            found.append(Finding("overlapping-environments", text))
    return found


def reference_warning(accuracy: float) -> Finding | None:
    """Warn about a reference that fits its training samples: without mistakes, no shortcut is visible."""
    if accuracy < PERFECT:
        return None
    return Finding(
        "reference-fits",
        f"The reference is right on {accuracy:.2%} of its training samples, so there is nothing to infer: it no longer "
        "relies on the shortcut alone; take an earlier or smaller reference (1 epoch).",
    )


def penalty_warning(penalty: float, step: int) -> Finding | None:
    """Warn about a training in which a member's penalty (the mean over environments) explodes."""
    if penalty <= EXPLODED:
        return None
    return Finding(
        "penalty-explodes",
        f"The penalty of a restart is {penalty:.3g} at step {step:,}: its logits have exploded; try a smaller "
        "learning rate (train.lr), more L2 (train.l2), a smaller penalty weight, or train.rescale.",
    )
