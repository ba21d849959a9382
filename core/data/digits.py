"""Data sets made of the bundled digits: draw labels and attributes, then paint the images."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.dataset import DataSet, Images, Integers, Split, channel_statistics
from core.data.draw import Attribute, draw_splits, stream
from core.data.idx import Digits, checksums, read_digits
from core.data.settings import Bundled
from core.data.settings import Digits as Settings
from core.data.splits import SplitName
from core.data.watch import QUIET, Watch

VERSION = 1
"""Version of the builders; raised whenever a data set changes, so that old cached results are not used."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Labels, attributes and painting of a data set; the label of digit d is d · classes // 10.

    `paint`: (digits uint8 [n, 28, 28], attributes int64 [n, a], random) → images uint8 [n, 3, 28, 28].
    """

    classes: int
    attributes: tuple[Attribute, ...]
    paint: Callable[[Images, Integers, np.random.Generator], Images]


def label_names(classes: int) -> tuple[str, ...]:
    """Digits of each label, such as `0–4`; `classes` divides 10."""
    width = 10 // classes
    return tuple(f"{low}–{low + width - 1}" if width > 1 else str(low) for low in range(0, 10, width))


def build(settings: Settings, train: Digits, test: Digits, fingerprint: str) -> DataSet:
    """Draw the splits and paint their images; raises InputError if there are too few digits for a balanced split."""
    plan = settings.plan()
    names = label_names(plan.classes)
    train_labels, test_labels = (digits.labels * plan.classes // 10 for digits in (train, test))
    draws = draw_splits(settings, train_labels, test_labels, names, plan.attributes)
    splits: dict[SplitName, Split] = {}
    for split, draw in draws.items():
        source = test if split == "test" else train
        random = stream(settings.seed, f"paint/{split}")
        images = plan.paint(source.images[draw.index], draw.attributes, random)
        splits[split] = Split(images, draw.labels, draw.attributes, draw.index)
    mean, std = channel_statistics(splits["train"].images)
    return DataSet(settings.name, names, {a.name: a.values for a in plan.attributes}, splits, mean, std, fingerprint)


class DigitSource:
    """A data set made of the packed digits in a folder; raises InputError if they are missing or damaged."""

    table = None

    def __init__(self, settings: Bundled, digits: Path) -> None:
        self._settings, self._digits = settings, digits
        parts = [settings.canonical_hash(), *checksums(digits).values(), str(VERSION)]
        self._key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def fingerprint(self, watch: Watch = QUIET) -> str:  # noqa: ARG002
        return self._key

    def load(self, watch: Watch = QUIET) -> DataSet:  # noqa: ARG002
        return self._settings.build(read_digits(self._digits, "train"), read_digits(self._digits, "t10k"), self._key)

    def preview(self) -> DataSet:
        return self.load()
