"""ColoredMNIST as papers on invariant learning have it: two colour channels, and training environments given."""

from collections import Counter
from collections.abc import Sequence
from math import fsum

import numpy as np

from core.config import Cmnist
from core.data.dataset import DataSet, Images, Integers, Split, SplitName
from core.data.draw import Draw, add_label_noise, correlate, stream
from core.data.idx import Digits
from core.data.paint import COLOURS
from core.data.sets.digits import label_names
from core.errors import InputError

CLASSES = 2
STEP = 2
"""Every second row and column is kept, as IRM's authors do: 28×28 become 14×14."""


def build(settings: Cmnist, train: Digits, test: Digits, fingerprint: str) -> DataSet:
    """Draw the splits and put each digit into the channel of its colour.

    Pixels stay in [0, 1], as IRM's authors have them: the mean is given as 0 and the deviation as 1.

    Args:
        settings: sizes, noise, seed.
        train: the training digits; train and validation are drawn from them.
        test: the test digits.
        fingerprint: of the data set.

    Raises:
        InputError: there are more environments than training images.
    """
    noise = settings.environment_noise
    if len(noise) > settings.train_size:
        raise InputError(
            f"data.environment_noise: {settings.train_size} training images do not fill {len(noise)} environments"
        )
    splits: dict[SplitName, Split] = {}
    for name, (draw, environments) in _draws(settings, train.labels, test.labels).items():
        digits = (test if name == "test" else train).images[draw.index, ::STEP, ::STEP]
        images = digits[:, None] if settings.grey else in_channels(digits, draw.attributes[:, 0], CLASSES)
        splits[name] = Split(images, draw.labels, draw.attributes, draw.index, environments)
    channels = splits["train"].images.shape[1]
    return DataSet(
        name=settings.name,
        label_names=label_names(CLASSES),
        attributes={"colour": tuple(COLOURS)[:CLASSES]},
        splits=splits,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        fingerprint=fingerprint,
        environments=environment_names(noise),
    )


def in_channels(digits: Images, channel: Integers, channels: int) -> Images:
    """Put each digit, uint8 [n, h, w], into its channel [n]; the others are 0: uint8 [n, channels, h, w]."""
    n, height, width = digits.shape
    images = np.zeros((n, channels, height, width), dtype=np.uint8)
    images[np.arange(n), channel] = digits
    return images


def environment_names(noise: Sequence[float]) -> tuple[str, ...]:
    """Name each environment by its colour noise, such as `colour noise 20 %`; equal ones are numbered."""
    names = [f"colour noise {100 * share:g} %" for share in noise]
    many, nth = Counter(names), Counter[str]()
    for place, name in enumerate(names):
        nth[name] += 1
        if many[name] > 1:
            names[place] = f"{name} ({nth[name]})"
    return tuple(names)


def _draws(
    settings: Cmnist, train_digits: Integers, test_digits: Integers
) -> dict[SplitName, tuple[Draw, Integers | None]]:
    """Index, noisy labels and colours of every split, and the environments of the training split.

    Each split has streams of its own, so that none changes with the size or the noise of another.
    """
    order = stream(settings.seed, "split/train").permutation(len(train_digits))
    index, rest = order[: settings.train_size], order[settings.train_size :][: settings.validation_size]
    noise = settings.environment_noise
    environments = np.arange(len(index)) % len(noise)  # dealt in turn
    labels, colours = np.empty_like(index), np.empty_like(index)
    for number, share in enumerate(noise):
        here = environments == number
        labels[here], colours[here] = _noisy(settings, train_digits[index[here]], share, f"train/{number}")
    pooled = fsum(noise) / len(noise)
    validation = pooled if settings.validation_noise is None else settings.validation_noise
    drawn = stream(settings.seed, "split/test").permutation(len(test_digits))[: settings.test_size]
    return {
        "train": (Draw(index, labels, colours[:, None]), environments),
        "validation": (_draw(settings, rest, train_digits, validation, "validation"), None),
        "test": (_draw(settings, drawn, test_digits, settings.test_noise, "test"), None),
    }


def _draw(settings: Cmnist, index: Integers, digits: Integers, colour_noise: float, purpose: str) -> Draw:
    labels, colours = _noisy(settings, digits[index], colour_noise, purpose)
    return Draw(index, labels, colours[:, None])


def _noisy(settings: Cmnist, digits: Integers, colour_noise: float, purpose: str) -> tuple[Integers, Integers]:
    """Noisy labels and colours of some digits, each [n]; both shares are exact among them.

    Args:
        settings: label noise and seed.
        digits: the digits, 0 to 9, int64 [n].
        colour_noise: share whose colour is not that of the noisy label.
        purpose: names the random streams.
    """
    flips = stream(settings.seed, f"noise/{purpose}")
    labels = add_label_noise(digits * CLASSES // 10, CLASSES, settings.label_noise, flips)
    return labels, correlate(labels, CLASSES, 1 - colour_noise, stream(settings.seed, f"colour/{purpose}"))
