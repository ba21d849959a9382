"""ColoredMNIST as in the literature on invariant learning: two colour channels, given training environments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import fsum
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.config.section import Fraction
from core.data.settings import Bundled
from core.errors import InputError

if TYPE_CHECKING:
    from core.data.dataset import DataSet, Images, Integers
    from core.data.draw import Draw
    from core.data.idx import Digits
    from core.data.splits import SplitName

CLASSES = 2
STEP = 2
"""Every second row and column is kept, as in IRM: 28×28 become 14×14."""


class Cmnist(Bundled):
    """ColoredMNIST as in the literature on invariant learning: 2×14×14, two environments, reversed colours in test.

    The label is digit < 5 or digit ≥ 5, with noise. Each digit is in the colour channel of its noisy label, except for
    a share of the images, the colour noise (IRM, arXiv 1907.02893).
    """

    rank: ClassVar[int] = 5

    name: Literal["cmnist"] = "cmnist"
    train_size: Annotated[int, Field(ge=100, le=59_000)] = 50_000
    """Images in the training split (IRM: 50,000); drawn from the 60,000 training digits."""
    validation_size: Annotated[int, Field(ge=40, le=20_000)] = 10_000
    """Images in the validation split; drawn from the remaining training digits."""
    test_size: Annotated[int, Field(ge=40, le=10_000)] = 10_000
    """Images in the test split, drawn from the 10,000 test digits."""
    label_noise: Fraction = 0.25
    """Share of samples with a flipped label, in every split; the colour follows the noisy label (IRM: 0.25)."""
    environment_noise: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (0.2, 0.1)
    """Colour noise of each given training environment; the environments have equal sizes (IRM: 0.2 and 0.1)."""
    validation_noise: Fraction | None = None
    """Colour noise of the validation split; default: the mean over the training environments."""
    test_noise: Fraction = 0.9
    """Colour noise of the test split (IRM: 0.9)."""
    grey: bool = False
    """Use one grey channel, so that the network cannot see the colour (oracle)."""

    @property
    def n_given_environments(self) -> int:
        return len(self.environment_noise)

    def build(self, train: Digits, test: Digits, fingerprint: str) -> DataSet:
        from core.data.dataset import DataSet, Split
        from core.data.digits import label_names
        from core.data.paint import COLOURS

        noise = self.environment_noise
        if len(noise) > self.train_size:
            raise InputError(
                f"data.environment_noise: {self.train_size} training images are too few for {len(noise)} environments"
            )
        splits: dict[SplitName, Split] = {}
        for name, (draw, environments) in _draws(self, train.labels, test.labels).items():
            digits = (test if name == "test" else train).images[draw.index, ::STEP, ::STEP]
            images = digits[:, None] if self.grey else in_channels(digits, draw.attributes[:, 0], CLASSES)
            splits[name] = Split(images, draw.labels, draw.attributes, draw.index, environments)
        channels = splits["train"].images.shape[1]
        return DataSet(
            name=self.name,
            label_names=label_names(CLASSES),
            attributes={"colour": tuple(COLOURS)[:CLASSES]},
            splits=splits,
            mean=(0.0,) * channels,
            std=(1.0,) * channels,
            fingerprint=fingerprint,
            environments=environment_names(noise),
        )


def in_channels(digits: Images, channel: Integers, channels: int) -> Images:
    """Put each digit, uint8 [n, h, w], into its channel [n]; the other channels are 0: uint8 [n, channels, h, w]."""
    import numpy as np

    n, height, width = digits.shape
    images = np.zeros((n, channels, height, width), dtype=np.uint8)
    images[np.arange(n), channel] = digits
    return images


def environment_names(noise: Sequence[float]) -> tuple[str, ...]:
    """Name each environment by its colour noise, such as `colour noise 20 %`; equal names are numbered."""
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

    Each split has its own random streams, so it does not depend on the sizes and noise of the others.
    """
    import numpy as np

    from core.data.draw import Draw, stream

    order = stream(settings.seed, "split/train").permutation(len(train_digits))
    index, rest = order[: settings.train_size], order[settings.train_size :][: settings.validation_size]
    noise = settings.environment_noise
    environments = np.arange(len(index)) % len(noise)  # assigned in turn
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
    from core.data.draw import Draw

    labels, colours = _noisy(settings, digits[index], colour_noise, purpose)
    return Draw(index, labels, colours[:, None])


def _noisy(settings: Cmnist, digits: Integers, colour_noise: float, purpose: str) -> tuple[Integers, Integers]:
    """Noisy labels and colours of digits 0 to 9, each [n]; both noise shares are exact."""
    from core.data.draw import add_label_noise, correlate, stream

    flips = stream(settings.seed, f"noise/{purpose}")
    labels = add_label_noise(digits * CLASSES // 10, CLASSES, settings.label_noise, flips)
    return labels, correlate(labels, CLASSES, 1 - colour_noise, stream(settings.seed, f"colour/{purpose}"))
