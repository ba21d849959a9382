"""What the reader of a layout hands on: columns of text, not looked at yet; and where its files are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import normpath

import numpy as np

from core.data.columns import Column
from core.data.dataset import Integers
from core.data.draw import stream
from core.data.settings import Photos
from core.data.splits import SplitName
from core.errors import InputError

SPLIT_WORDS: dict[str, SplitName] = {
    **dict.fromkeys(("0", "train", "training"), "train"),
    **dict.fromkeys(("1", "val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("2", "test", "testing"), "test"),
}
"""What tables write for a split → its name."""


@dataclass(frozen=True, slots=True)
class DrawnSplits:
    """Splits that are drawn, where the table has none.

    Attributes:
        fractions: shares of training, validation and test, which sum to 1.
        seed: of the draw.
    """

    fractions: tuple[float, float, float]
    seed: int

    def draw(self, groups: Integers) -> Integers:
        """Draw training, validation and test in their shares, alike in every group.

        The number of training images is their share, rounded; in every group a split has its share but for less than
        two.

        Args:
            groups: int64 [n], group of each image.

        Returns:
            int64 [n]: 0 training, 1 validation, 2 test.
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
    """The rows of a data set as its files have them.

    Attributes:
        root: folder of the data set.
        paths: where the images are, from there.
        label: what they show.
        attributes: by name.
        split: which split they are in, or how it is drawn.
        published: split → group title → images, as published for these labels and attributes.
        published_sizes: split → images, as published.
    """

    root: Path
    paths: Column
    label: Column
    attributes: Mapping[str, Column]
    split: Column | DrawnSplits
    published: Mapping[SplitName, Mapping[str, int]] = field(default_factory=dict)
    published_sizes: Mapping[SplitName, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something amiss with a data set.

    Attributes:
        kind: what sort of thing, in the plural: `unknown labels`.
        text: what, in a few words.
        file: the file in which the row stands, from the root; empty where it is about no row.
        line: of the row; 0 where it is about no row.
        unit: what `line` counts.
    """

    kind: str
    text: str
    file: str = ""
    line: int = 0
    unit: str = "line"

    @property
    def where(self) -> str:
        """Where it stands, such as `metadata.csv, line 3`; empty where it is about no row."""
        return f"{self.file}, {self.unit} {self.line:,}" if self.file else ""

    @property
    def sentence(self) -> str:
        """Where and what."""
        return f"{self.where}: {self.text}" if self.file else self.text


def root_of(settings: Photos) -> Path:
    """Folder of the data set.

    Raises:
        InputError: the settings name none, or it is none.
    """
    if settings.missing:
        raise InputError(settings.missing)
    root = Path(settings.root).expanduser().absolute()
    if not root.is_dir():
        raise InputError(f"data.root {root}: {'is no folder' if root.exists() else 'there is no such folder'}")
    return root


def inside(key: str, path: str) -> str:
    """A path of the settings, from the folder of the data set.

    Raises:
        InputError: it leads out of there; the sentence names the `key`.
    """
    normal = normpath(path)
    if normal.startswith(("/", "..")):
        raise InputError(f"{key} {path}: leaves the folder of the data set")
    return normal


def need(root: Path, settings: Photos, *names: str) -> str:
    """Name of the first of these files or folders that is there.

    Raises:
        InputError: none is; the sentence names a folder below that has one, where there is such.
    """
    for name in names:
        if (root / name).exists():
            return name
    inner = sorted(path for path in root.iterdir() if path.is_dir() and any((path / name).exists() for name in names))
    hint = f"; it is in {inner[0]}: name that folder" if inner else f" (expected: {settings.layout})"
    raise InputError(f"{root}: there is no {' or '.join(names)}{hint}")


def _portion(counts: Integers, share: float) -> Integers:
    """How many of each count, so that their sum is the rounded share of all: rounds the running sum, not each."""
    portions: Integers = np.diff(np.floor(share * np.cumsum(counts) + 0.5), prepend=0).astype(np.int64)
    return portions
