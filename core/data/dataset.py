"""Data sets: splits of images with labels, attributes and the resulting groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.data.splits import SplitName

Integers = npt.NDArray[np.int64]
Images = npt.NDArray[np.uint8]


class Pixels(Protocol):
    """Images indexed by row: an array, a memory-mapped file, or files that are decoded on demand."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(images, channels, height, width)."""
        ...

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: int | slice | Integers, /) -> Images:
        """Images of the given rows, uint8 [rows, channels, height, width]; without the first axis for a single row."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Samples of one split.

    Attributes:
        images: uint8 [n, channels, height, width].
        labels: int64 [n], index of the class.
        attributes: int64 [n, a], index of the value of each attribute; a is 0 if they are unknown.
        index: int64 [n], position in the source of the split.
        environments: int64 [n], index of the given environment of each sample; None if none are given.
    """

    images: Pixels
    labels: Integers
    attributes: Integers
    index: Integers
    environments: Integers | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class DataSet:
    """Splits with the names of their classes and attributes.

    For a spurious attribute, value v is the one correlated with label v.

    Attributes:
        label_names: name of each class.
        attributes: attribute → names of its values.
        mean: mean of each channel over the training split, of pixels in [0, 1]; 0 if a protocol does not normalise
            pixels.
        std: their standard deviation; 1 for a constant channel, so that one can divide by it.
        fingerprint: hexadecimal digits, equal for equal data.
        environments: names of the given environments of the training split; empty if there are none.
        crop: side of the central square that the network sees; 0 for the whole image.
        augment: whether training uses random crops and flips instead of the central square.
        alarms: reasons why no method can succeed on it, for people; nothing else reads them.
    """

    name: str
    label_names: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    splits: Mapping[SplitName, Split]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str
    environments: tuple[str, ...] = ()
    crop: int = 0
    augment: bool = False
    alarms: tuple[str, ...] = ()


def groups(split: Split, dataset: DataSet) -> Integers:
    """Group index of every sample, int64 [n], in the order of `core.groups.group_titles`."""
    return group_numbers(split.labels, split.attributes, dataset.attributes)


def group_numbers(labels: Integers, attributes: Integers, values: Mapping[str, tuple[str, ...]]) -> Integers:
    """Group index of every sample, int64 [n], of its label [n] and its attributes [n, a] with these values."""
    number = labels
    for names, column in zip(values.values(), attributes.T, strict=True):
        number = number * len(names) + column
    return number


def group_counts(split: Split, dataset: DataSet) -> Integers:
    """Number of samples of every group, int64 [groups], including zeros."""
    total = len(dataset.label_names) * prod(len(values) for values in dataset.attributes.values())
    return np.bincount(groups(split, dataset), minlength=total).astype(np.int64)


def training_shares(dataset: DataSet) -> tuple[float, ...]:
    """Share of every group in the training split, summing to 1."""
    counts = group_counts(dataset.splits["train"], dataset)
    return tuple(float(share) for share in counts / counts.sum())


def agreement(split: Split, dataset: DataSet) -> dict[str, float]:
    """Attribute → share of samples with the attribute value that belongs to their label."""
    agrees = (split.attributes == split.labels[:, None]).mean(axis=0)
    return {name: float(share) for name, share in zip(dataset.attributes, agrees, strict=True)}


def environment_conflicts(split: Split, dataset: DataSet) -> dict[str, tuple[int, int]]:
    """Name of each given environment → (samples, samples with an attribute that contradicts the label)."""
    if split.environments is None:
        return {}
    conflicts = (split.attributes != split.labels[:, None]).any(axis=1)
    counts, against = (
        np.bincount(numbers, minlength=len(dataset.environments)).tolist()
        for numbers in (split.environments, split.environments[conflicts])
    )
    return dict(zip(dataset.environments, zip(counts, against, strict=True), strict=True))


def channel_statistics(images: Pixels, chunk: int = 2048) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, of pixels in [0, 1]; a deviation of 0 is returned as 1.

    Images are uint8 [n, channels, height, width]; `chunk` of them per step bound the memory.
    """
    total = np.zeros(images.shape[1], dtype=np.int64)
    squares = np.zeros(images.shape[1], dtype=np.int64)
    for start in range(0, len(images), chunk):
        part = images[start : start + chunk]
        total += part.sum(axis=(0, 2, 3), dtype=np.int64)
        squares += np.square(part, dtype=np.uint16).sum(axis=(0, 2, 3), dtype=np.int64)
    count = len(images) * prod(images.shape[2:])
    mean = total / count / 255
    std = np.sqrt(np.maximum(squares / count / 255**2 - mean**2, 0))
    std[total**2 == squares * count] = 1.0
    return tuple(map(float, mean)), tuple(map(float, std))
