"""Settings of the data sets made of the bundled digits, and the union of all data sets (no torch)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from core.config.photos import Celeba, Folder, Isic, Waterbirds
from core.config.section import Fraction, Section, Seed


class Bundled(Section):
    """Settings that every data set made of the bundled digits shares."""

    train_size: Annotated[int, Field(ge=100, le=59_000)] = 30_000
    """Images in the training split; drawn from the 60,000 training digits."""
    validation_size: Annotated[int, Field(ge=40, le=20_000)] = 4_800
    """Images in the validation split; drawn from the training digits that the training split leaves."""
    label_noise: Fraction = 0.0
    """Share of samples whose label is replaced by another class, in every split; attributes follow the noisy label."""
    seed: Seed = 0
    """Seed of the split, the noise and the attributes; the same data for every seed of the run."""

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return 2

    @property
    def n_given_environments(self) -> int:
        """Environments that the training split brings with it; 0 where there are none."""
        return 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.train_size + self.validation_size > 60_000:
            raise ValueError("train_size and validation_size together exceed the 60,000 training digits")
        return self


class Digits(Bundled):
    """Settings of the data sets whose validation and test may be balanced over groups."""

    test_size: Annotated[int, Field(ge=40, le=9_600)] | None = None
    """Images in the test split, drawn from the 10,000 test digits; none given: as many as `evaluation` allows, up to
    9,600 (balanced over 10 labels that is 8,900, as there are only 892 fives)."""
    evaluation: Literal["balanced", "as-train"] = "balanced"
    """Validation and test: `balanced` has equally many samples in every group, `as-train` the training correlation."""


class ColoredMnist(Digits):
    """Digits in a colour that agrees with the label on most training images."""

    name: Literal["colored-mnist"] = "colored-mnist"
    classes: Literal[2, 5, 10] = 2
    """Number of labels, and of colours: 2 is digit < 5 against digit ≥ 5."""
    correlation: Fraction = 0.95
    """Share of training images whose colour is that of their label."""
    saturation: Fraction = 0.5
    """Strength of the colours, from 0 (white) to 1; the stronger, the more a network leans on them."""

    @property
    def n_classes(self) -> int:
        """Number of labels."""
        return self.classes


class PatchMnist(Digits):
    """Digits of which one class mostly carries a coloured square near the border, as benign skin lesions do."""

    name: Literal["patch-mnist"] = "patch-mnist"
    correlation: Fraction = 0.95
    """Share of training images on which the patch is there for digit < 5 and missing for digit ≥ 5."""
    patch_size: Annotated[int, Field(ge=2, le=10)] = 5
    """Side of the square in pixels."""


class TextureMnist(Digits):
    """Digits over one of two textures that mostly agrees with the label, as backgrounds do for birds."""

    name: Literal["texture-mnist"] = "texture-mnist"
    correlation: Fraction = 0.95
    """Share of training images whose texture is that of their label."""
    contrast: Fraction = 0.5
    """Brightness of the texture, as a share of full scale."""


class MultiMnist(Digits):
    """Digits with two spurious attributes at once: a colour and a patch."""

    name: Literal["multi-mnist"] = "multi-mnist"
    correlation: Fraction = 0.95
    """Share of training images whose colour is that of their label."""
    saturation: Fraction = 0.5
    """Strength of the colours, from 0 (white) to 1."""
    patch_correlation: Fraction = 0.95
    """Share of training images whose patch is that of their label."""
    patch_size: Annotated[int, Field(ge=2, le=10)] = 5
    """Side of the patch in pixels."""


class Cmnist(Bundled):
    """ColoredMNIST as papers on invariant learning have it: 2×14×14, two given environments, colour reversed in test.

    The label is digit < 5 against digit ≥ 5, with noise; the digit lies in the colour channel of its noisy label, but
    for a share of the images, the colour noise (IRM, arXiv 1907.02893).
    """

    name: Literal["cmnist"] = "cmnist"
    train_size: Annotated[int, Field(ge=100, le=59_000)] = 50_000
    """Images in the training split (IRM: 50,000); drawn from the 60,000 training digits."""
    validation_size: Annotated[int, Field(ge=40, le=20_000)] = 10_000
    """Images in the validation split; drawn from the training digits that the training split leaves."""
    test_size: Annotated[int, Field(ge=40, le=10_000)] = 10_000
    """Images in the test split, drawn from the 10,000 test digits."""
    label_noise: Fraction = 0.25
    """Share of samples whose label is the wrong one, in every split; the colour follows the noisy label (IRM: 0.25)."""
    environment_noise: Annotated[tuple[Fraction, ...], Field(min_length=1)] = (0.2, 0.1)
    """Colour noise of each given training environment; they share the training images equally (IRM: 0.2 and 0.1)."""
    validation_noise: Fraction | None = None
    """Colour noise of the validation split; none given: that of the training split as a whole."""
    test_noise: Fraction = 0.9
    """Colour noise of the test split (IRM: 0.9)."""
    grey: bool = False
    """Put both colours into one channel, so that no network can see the colour: for the oracle."""

    @property
    def n_given_environments(self) -> int:
        """Environments that the training split brings with it."""
        return len(self.environment_noise)


Data = Annotated[
    ColoredMnist | PatchMnist | TextureMnist | MultiMnist | Cmnist | Waterbirds | Celeba | Isic | Folder,
    Field(discriminator="name"),
]
