"""The data sets on the bundled digits: what each has for labels and attributes, and how it is painted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.config import ColoredMnist, MultiMnist, PatchMnist, TextureMnist
from core.data.dataset import DataSet, Images, Integers, Split, SplitName, channel_statistics
from core.data.draw import Attribute, draw_splits, stream
from core.data.idx import Digits
from core.data.paint import COLOURS, TINTS, paint_colour, paint_grey, paint_patch, paint_texture
from core.data.textures import texture_sheets

Settings = ColoredMnist | PatchMnist | TextureMnist | MultiMnist

PATCH = ("patch", "none")
"""Values of the attribute `patch`: digit < 5, the first label, goes with a patch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one data set is made.

    Attributes:
        classes: number of labels; the label of digit d is d · classes // 10.
        attributes: the spurious attributes.
        paint: (digits uint8 [n, 28, 28], attributes int64 [n, a], random) → images uint8 [n, 3, 28, 28].
    """

    classes: int
    attributes: tuple[Attribute, ...]
    paint: Callable[[Images, Integers, np.random.Generator], Images]


def plan_of(settings: Settings) -> Plan:
    """How the data set of these settings is made."""
    match settings:
        case ColoredMnist():
            return colored_mnist(settings)
        case PatchMnist():
            return patch_mnist(settings)
        case TextureMnist():
            return texture_mnist(settings)
        case MultiMnist():
            return multi_mnist(settings)


def colored_mnist(settings: ColoredMnist) -> Plan:
    """Digits in a colour on black."""
    return Plan(
        settings.classes,
        (Attribute("colour", tuple(COLOURS)[: settings.classes], settings.correlation),),
        lambda digits, attributes, _: paint_colour(digits, attributes[:, 0], settings.saturation),
    )


def patch_mnist(settings: PatchMnist) -> Plan:
    """Grey digits with or without a coloured square in a corner."""

    def paint(digits: Images, attributes: Integers, random: np.random.Generator) -> Images:
        images = paint_grey(digits)
        paint_patch(images, attributes[:, 0] == PATCH.index("patch"), settings.patch_size, random)
        return images

    return Plan(2, (Attribute("patch", PATCH, settings.correlation),), paint)


def texture_mnist(settings: TextureMnist) -> Plan:
    """Grey digits over water or land."""
    return Plan(
        2,
        (Attribute("texture", tuple(TINTS), settings.correlation),),
        lambda digits, attributes, random: paint_texture(
            digits, attributes[:, 0], settings.contrast, texture_sheets(settings.seed), random
        ),
    )


def multi_mnist(settings: MultiMnist) -> Plan:
    """Digits in a colour, with or without a patch; the two are independent given the label."""

    def paint(digits: Images, attributes: Integers, random: np.random.Generator) -> Images:
        images = paint_colour(digits, attributes[:, 0], settings.saturation)
        paint_patch(images, attributes[:, 1] == PATCH.index("patch"), settings.patch_size, random)
        return images

    colour = Attribute("colour", tuple(COLOURS)[:2], settings.correlation)
    return Plan(2, (colour, Attribute("patch", PATCH, settings.patch_correlation)), paint)


def label_names(classes: int) -> tuple[str, ...]:
    """Name the digits of each label, such as `0–4`; `classes` divides 10."""
    width = 10 // classes
    return tuple(f"{low}–{low + width - 1}" if width > 1 else str(low) for low in range(0, 10, width))


def build(settings: Settings, train: Digits, test: Digits, fingerprint: str) -> DataSet:
    """Draw the splits and paint their images.

    Args:
        settings: kind, sizes, label noise, evaluation, seed.
        train: the training digits; train and validation are drawn from them.
        test: the test digits.
        fingerprint: of the data set.

    Raises:
        InputError: the digits do not suffice for a balanced split.
    """
    plan = plan_of(settings)
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
