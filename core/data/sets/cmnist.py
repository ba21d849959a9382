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
    from core.data.dataset import DataSet, Images, Integers, Split
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
        import numpy as np

        from core.data.dataset import DataSet
        from core.data.digits import label_names
        from core.data.draw import stream
        from core.data.paint import COLOURS

        noise = self.environment_noise
        if len(noise) > self.train_size:
            raise InputError(
                f"data.environment_noise: {self.train_size} training images are too few for {len(noise)} environments"
            )
        order = stream(self.seed, "split/train").permutation(len(train.labels))
        index, rest = order[: self.train_size], order[self.train_size :][: self.validation_size]
        environments = np.arange(len(index)) % len(noise)  # assigned in turn
        labels, colours = np.empty_like(index), np.empty_like(index)
        for number, share in enumerate(noise):
            here = environments == number
            labels[here], colours[here] = self._noisy(train.labels[index[here]], share, f"train/{number}")
        pooled = fsum(noise) / len(noise)
        validation = pooled if self.validation_noise is None else self.validation_noise
        drawn = stream(self.seed, "split/test").permutation(len(test.labels))[: self.test_size]
        splits: dict[SplitName, Split] = {
            "train": self._split(train, index, labels, colours, environments),
            "validation": self._split(train, rest, *self._noisy(train.labels[rest], validation, "validation")),
            "test": self._split(test, drawn, *self._noisy(test.labels[drawn], self.test_noise, "test")),
        }
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

    def _noisy(self, digits: Integers, colour_noise: float, purpose: str) -> tuple[Integers, Integers]:
        """Noisy labels and colours of digits 0 to 9, each [n]; both noise shares are exact.

        Each purpose has its own random streams, so a split does not depend on the sizes and noise of the others.
        """
        from core.data.draw import add_label_noise, correlate, stream

        flips = stream(self.seed, f"noise/{purpose}")
        labels = add_label_noise(digits * CLASSES // 10, CLASSES, self.label_noise, flips)
        return labels, correlate(labels, CLASSES, 1 - colour_noise, stream(self.seed, f"colour/{purpose}"))

    def _split(
        self, source: Digits, index: Integers, labels: Integers, colours: Integers, environments: Integers | None = None
    ) -> Split:
        from core.data.dataset import Split

        digits = source.images[index, ::STEP, ::STEP]
        images = digits[:, None] if self.grey else in_channels(digits, colours, CLASSES)
        return Split(images, labels, colours[:, None], index, environments)


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
