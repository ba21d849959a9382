"""Accuracy per group: counts, Wilson intervals, worst group, averages (no torch, no numpy).

A group is a combination of a label and one value of every attribute; without attributes, groups are labels. A cell is a
combination of a label and a pseudo-group, so it needs no attributes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from core.fits import misfit

LEAST_IN_CELL = 10
"""Minimum number of samples of a cell that counts for the worst cell."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a split, with its numbers of samples and of correct predictions."""

    label: str
    attributes: Mapping[str, str]
    n: int
    correct: int

    @property
    def accuracy(self) -> float:
        """Share of correct predictions in [0, 1]; NaN for an empty group."""
        return self.correct / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval of the accuracy."""
        return wilson_interval(self.correct, self.n)

    @property
    def title(self) -> str:
        """Label and attribute values as one short text, such as `0–4 · red`."""
        return " · ".join([self.label, *self.attributes.values()])

    def to_json(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "label": self.label,
            "attributes": dict(self.attributes),
            "n": self.n,
            "correct": self.correct,
            "accuracy": self.accuracy if self.n else None,
            "low": low if self.n else None,
            "high": high if self.n else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Group":
        if (wrong := misfit(cls, value)) is not None:
            raise TypeError(f"{wrong} of a group is {value[wrong]!r}")
        if not 0 <= value["correct"] <= value["n"]:
            raise ValueError(f"{value['correct']} of {value['n']} are correct")
        return cls(value["label"], dict(value["attributes"]), value["n"], value["correct"])


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Accuracy of one network on one split, by group.

    `training_shares` has the share of each group in the training split, in the order of `groups`; they are the weights
    of the adjusted average, which is commonly reported on splits balanced over attributes. `cells` are the combinations
    of a label and a pseudo-group; empty if the samples of the split have no pseudo-groups.
    """

    split: str
    groups: tuple[Group, ...]
    training_shares: tuple[float, ...]
    cells: tuple[Group, ...] = ()

    @property
    def n(self) -> int:
        return sum(g.n for g in self.groups)

    @property
    def average(self) -> float:
        """Share of correct predictions over all samples."""
        return sum(g.correct for g in self.groups) / self.n if self.n else float("nan")

    @property
    def adjusted_average(self) -> float:
        """Mean of the group accuracies, weighted by the groups' shares of the training split, without empty groups."""
        pairs = [(share, g) for share, g in zip(self.training_shares, self.groups, strict=True) if g.n]
        total = sum(share for share, _ in pairs)
        return sum(share * g.accuracy for share, g in pairs) / total if total else float("nan")

    @property
    def worst_group(self) -> Group:
        """The non-empty group with the lowest accuracy; the first one on a tie."""
        return min((g for g in self.groups if g.n), key=lambda g: g.accuracy)

    @property
    def worst_cell(self) -> Group | None:
        """The cell with the lowest accuracy among those with enough samples; None if there is none.

        It stands in for the worst group where attributes are unknown.
        """
        return min((c for c in self.cells if c.n >= LEAST_IN_CELL), key=lambda c: c.accuracy, default=None)

    @property
    def unit(self) -> str:
        """Word for one of the groups: `group`, or `class` if there are no attributes."""
        return "group" if any(g.attributes for g in self.groups) else "class"

    @property
    def worst_class_accuracy(self) -> float:
        """Lowest accuracy of a label; needs no attributes."""
        by_label: dict[str, list[Group]] = {}
        for group in self.groups:
            by_label.setdefault(group.label, []).append(group)
        sums = [(sum(g.correct for g in gs), sum(g.n for g in gs)) for gs in by_label.values()]
        return min(correct / n for correct, n in sums if n)

    @property
    def gap(self) -> float:
        """Average accuracy minus worst-group accuracy."""
        return self.average - self.worst_group.accuracy

    def to_json(self) -> dict[str, Any]:
        """Return the evaluation as JSON object, as printed by `--json`; the split is the key of that object."""
        worst = self.worst_group
        return {
            "average": self.average,
            "adjusted_average": self.adjusted_average,
            "worst_group": {"label": worst.label, "attributes": dict(worst.attributes), "accuracy": worst.accuracy},
            "worst_class": self.worst_class_accuracy,
            "gap": self.gap,
            "n": self.n,
            "groups": [g.to_json() for g in self.groups],
            "training_shares": list(self.training_shares),
            **({"cells": [c.to_json() for c in self.cells]} if self.cells else {}),
        }

    @classmethod
    def from_json(cls, split: str, value: Mapping[str, Any]) -> "Evaluation":
        groups, cells = (tuple(Group.from_json(g) for g in value.get(name, ())) for name in ("groups", "cells"))
        shares = tuple(value["training_shares"])
        if len(shares) != len(groups) or misfit(cls, {"training_shares": shares}) is not None:
            raise ValueError(f"{len(shares)} shares of {len(groups)} groups")
        if not any(group.n for group in groups):
            raise ValueError("no group has samples")
        return cls(split, groups, shares, cells)


def wilson_interval(correct: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson score interval of `correct` of `n` (Wilson 1927); (0, 1) if n is 0.

    The default of the standard normal quantile z gives 95 %.
    """
    if n == 0:
        return 0.0, 1.0
    p = correct / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # Rounding must not move a bound past the share itself.
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def group_titles(labels: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> list[tuple[str, dict[str, str]]]:
    """All groups in the order of their indices: the label varies slowest, the last attribute fastest."""
    groups: list[tuple[str, dict[str, str]]] = [(label, {}) for label in labels]
    for name, values in attributes.items():
        groups = [(label, {**so_far, name: value}) for label, so_far in groups for value in values]
    return groups


def group_names(labels: Sequence[str], attributes: Mapping[str, Sequence[str]]) -> list[str]:
    """All groups as short texts, such as `0–4 · red`, in the order of `group_titles`."""
    return [" · ".join([label, *values.values()]) for label, values in group_titles(labels, attributes)]
