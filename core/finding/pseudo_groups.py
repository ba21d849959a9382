"""Pseudo-groups of the training and validation samples: what every finder makes and every treatment takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import orjson
import torch
from numpy.typing import NDArray

from core.artifacts import GROUP_NAMES, PSEUDO_GROUPS
from core.clustering.composition import Integers, composition
from core.errors import InputError
from core.tensors import load_tensors, save_tensors

Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PseudoGroups:
    """A presumed attribute of every sample.

    Attributes:
        source: the finder, with its choices, as a phrase.
        names: of the pseudo-groups.
        train: pseudo-group of every training sample, or −1 for one that is left out, [n].
        conflicts: whether each training sample is presumed to contradict the shortcut, [n].
        validation: as `train`, for the validation samples, [m]; None if the finder cannot tell.
        per_class: whether each pseudo-group has samples of one class only by design, so that classes can be balanced
            only over all pseudo-groups together.
        epoch: epoch of the ERM checkpoint that they were found with; NaN for none.
    """

    source: str
    names: tuple[str, ...]
    train: Integers
    conflicts: Booleans
    validation: Integers | None = None
    per_class: bool = False
    epoch: float = float("nan")

    def table(self, labels: Integers, n_classes: int) -> Integers:
        """Count the training samples of every class in every pseudo-group, [k, classes].

        Args:
            labels: class of every training sample, [n].
            n_classes: number of classes.
        """
        used = self.used
        return composition(self.train[used], labels[used], len(self.names), n_classes)

    @property
    def used(self) -> Integers:
        """Training samples that are not left out, in increasing order."""
        return np.flatnonzero(self.train >= 0)

    def among(self, rows: Integers) -> "PseudoGroups":
        """The same for some of the training samples, by number."""
        return replace(self, train=self.train[rows], conflicts=self.conflicts[rows])

    def save(self, folder: Path) -> None:
        """Write them into the folder of a stage's artifacts."""
        tensors = {"train": self.train, "conflicts": self.conflicts}
        if self.validation is not None:
            tensors["validation"] = self.validation
        save_tensors(folder / PSEUDO_GROUPS, {name: torch.from_numpy(array) for name, array in tensors.items()})
        about = {"source": self.source, "names": self.names, "per_class": self.per_class, "epoch": self.epoch}
        (folder / GROUP_NAMES).write_bytes(orjson.dumps(about))

    @classmethod
    def load(cls, folder: Path) -> "PseudoGroups":
        """Read what `save` wrote."""
        tensors = load_tensors(folder / PSEUDO_GROUPS)
        about = orjson.loads((folder / GROUP_NAMES).read_bytes())
        epoch = about["epoch"]
        return cls(
            about["source"],
            tuple(about["names"]),
            tensors["train"].numpy(),
            tensors["conflicts"].numpy(),
            tensors["validation"].numpy() if "validation" in tensors else None,
            about["per_class"],
            float("nan") if epoch is None else epoch,
        )


def from_predictions(
    source: str, predicted: Sequence[Integers], labels: Integers, names: Sequence[str], validation: Sequence[Integers]
) -> PseudoGroups:
    """Take the predictions of biased networks as attributes: the tuple over the networks is the pseudo-group.

    A training sample contradicts a shortcut if any of the networks is wrong.

    Args:
        source: phrase for `PseudoGroups.source`.
        predicted: classes that each network predicts for the training samples, [networks][n].
        labels: true classes, [n].
        names: of the classes.
        validation: as `predicted`, for the validation samples, [networks][m].
    """
    titles = tuple("predicted " + " · ".join(parts) for parts in product(names, repeat=len(predicted)))
    wrong = np.stack([np.not_equal(classes, labels) for classes in predicted]).max(axis=0)
    sizes = [len(names)] * len(predicted)
    return PseudoGroups(source, titles, combined(predicted, sizes), wrong, combined(validation, sizes))


def combined(attributes: Iterable[Integers], sizes: Sequence[int]) -> Integers:
    """Number the tuples of several attributes; the last one varies fastest, [n].

    Args:
        attributes: values of every sample, [attributes][n].
        sizes: number of values of each attribute.
    """
    number = np.zeros(1, dtype=np.int64)
    for values, size in zip(attributes, sizes, strict=True):
        number = number * size + values
    return number


def conflict_samples(
    assignments: Integers, labels: Integers, k: int, n_classes: int, *, relative: bool = False
) -> Booleans:
    """Find the samples without the majority label of their cluster, bool [n].

    Args:
        assignments: cluster of every sample, 0 ≤ value < k, or −1 for one that is left out, [n].
        labels: class of every sample, 0 ≤ value < n_classes, [n].
        k: number of clusters.
        n_classes: number of classes.
        relative: use the label that is most over-represented compared to its share of all samples as majority label,
            instead of the most frequent one; for data with one dominant class.

    On a tie, the first label is the majority label.

    Raises:
        InputError: clusters and labels do not match.
    """
    if len(assignments) != len(labels):
        raise InputError(
            f"the clusters have {len(assignments):,} samples, but the training split has {len(labels):,}; "
            "cluster the representation of this data set"
        )
    if len(assignments) and (assignments.min() < -1 or assignments.max() >= k):
        raise InputError(f"the clusters are numbered up to {assignments.max()}, but there are {k} clusters")
    used = assignments >= 0
    table = composition(assignments[used], labels[used], k, n_classes)
    score = table / np.maximum(table.sum(axis=0), 1) if relative else table
    found: Booleans = used & (labels != score.argmax(axis=1)[assignments])
    return found
