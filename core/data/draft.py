"""Unchecked content of a data set in a folder: text columns as read from its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.data.columns import Column
from core.data.dataset import Integers
from core.data.draw import stream
from core.data.splits import SplitName

SPLIT_WORDS: dict[str, SplitName] = {
    **dict.fromkeys(("0", "train", "training"), "train"),
    **dict.fromkeys(("1", "val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("2", "test", "testing"), "test"),
}
"""Text in tables → name of the split."""


@dataclass(frozen=True, slots=True)
class DrawnSplits:
    """Random splits, for a table without splits; `fractions` of training, validation and test sum to 1."""

    fractions: tuple[float, float, float]
    seed: int

    def draw(self, groups: Integers) -> Integers:
        """Draw the split of each image, int64 [n], with the same shares in every group, from its group [n].

        The number of training images is its share, rounded; in every group a split deviates from its share by less than
        two images.
        """
        _, groups, counts = np.unique(groups, return_inverse=True, return_counts=True)
        training, validation, test = self.fractions
        taken = _portion(counts, training)
        looked_at = _portion(counts - taken, validation / (validation + test))
        splits = np.full(len(groups), 2, dtype=np.int64)
        order = stream(self.seed, "split").permutation(len(groups))
        order = order[np.argsort(groups[order], kind="stable")]
        for start, first, second in zip(np.cumsum(counts) - counts, taken, looked_at, strict=True):
            splits[order[start : start + first]] = 0
            splits[order[start + first : start + first + second]] = 1
        return splits


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Unchecked rows of a data set.

    Attributes:
        root: folder of the data set.
        paths: of the images, relative to `root`.
        split: their splits in the words of `SPLIT_WORDS`, or how to draw them.
        published: split → group title → number of images, as published for these labels and attributes.
        published_sizes: split → number of images, as published.
        held_out: how to draw validation from the training rows, for a table without validation.
        notes: what was left out or not read literally.
    """

    root: Path
    paths: Column
    label: Column
    attributes: Mapping[str, Column]
    split: Column | DrawnSplits
    published: Mapping[SplitName, Mapping[str, int]] = field(default_factory=dict)
    published_sizes: Mapping[SplitName, int] = field(default_factory=dict)
    held_out: DrawnSplits | None = None
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns."""
        split = () if isinstance(self.split, DrawnSplits) else (self.split,)
        return (self.paths, self.label, *self.attributes.values(), *split)

    def problem(self, column: Column, row: int, kind: str, text: str) -> "Problem":
        """Problem of a row, at the line of its cell in `column`; without a table, at the path of its image."""
        return Problem.at(column, row, kind, text if column.file else f"{self.paths.texts[row]}: {text}")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a data set; its kind is in the plural, such as `unknown labels`.

    Without an affected row, `file`, relative to the root, is empty, and `line` 0.
    """

    kind: str
    text: str
    file: str = ""
    line: int = 0
    unit: str = "line"

    @classmethod
    def at(cls, column: Column, row: int, kind: str, text: str) -> "Problem":
        """Problem of a row, at the line of its cell in `column`."""
        return cls(kind, text, column.file, int(column.lines[row]), column.unit)

    @property
    def where(self) -> str:
        """Location, such as `metadata.csv, line 3`; empty if no row is affected."""
        return f"{self.file}, {self.unit} {self.line:,}" if self.file else ""

    @property
    def sentence(self) -> str:
        """Location and description."""
        return f"{self.where}: {self.text}" if self.file else self.text


def _portion(counts: Integers, share: float) -> Integers:
    """Split counts by a share, rounding the running sum, so that the total is the rounded share of all."""
    portions: Integers = np.diff(np.floor(share * np.cumsum(counts) + 0.5), prepend=0).astype(np.int64)
    return portions
