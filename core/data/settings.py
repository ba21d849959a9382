"""Settings that the data sets of a family share, and what such a data set has to declare (no torch, no numpy).

Two families: data sets made of the bundled digits (`Bundled`), and those in a folder of the person (`Photos`).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.config.data import DataSettings
from core.config.section import Fraction, Seed

if TYPE_CHECKING:
    from core.data.columns import Column
    from core.data.dataset import DataSet
    from core.data.digits import Plan
    from core.data.draft import Draft
    from core.data.idx import Digits as PackedDigits
    from core.data.load import Source


class Bundled(DataSettings):
    """Settings that every data set made of the bundled digits shares; a subclass has `build`."""

    origin: ClassVar[str] = "made of the bundled digits"

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

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.train_size + self.validation_size > 60_000:
            raise ValueError("train_size and validation_size together exceed the 60,000 training digits")
        return self

    def source(self, digits: Path, cache: Path | None) -> "Source":  # noqa: ARG002
        """The packed digits, of which the data set is made anew every time."""
        from core.data.digits import DigitSource

        return DigitSource(self, digits)

    def build(self, train: "PackedDigits", test: "PackedDigits", fingerprint: str) -> "DataSet":
        """Make the data set.

        Args:
            train: the training digits; train and validation are drawn from them.
            test: the test digits.
            fingerprint: of the data set.

        Raises:
            InputError: the digits do not suffice for the splits.
        """
        raise NotImplementedError(f"{type(self).__name__}.build")


class Digits(Bundled):
    """Settings of the data sets whose validation and test may be balanced over groups; a subclass has `plan`."""

    test_size: Annotated[int, Field(ge=40, le=9_600)] | None = None
    """Images in the test split, drawn from the 10,000 test digits; none given: as many as `evaluation` allows, up to
    9,600 (balanced over 10 labels that is 8,900, as there are only 892 fives)."""
    evaluation: Literal["balanced", "as-train"] = "balanced"
    """Validation and test: `balanced` has equally many samples in every group, `as-train` the training correlation."""

    def plan(self) -> "Plan":
        """What the data set has for labels and attributes, and how it is painted."""
        raise NotImplementedError(f"{type(self).__name__}.plan")

    def build(self, train: "PackedDigits", test: "PackedDigits", fingerprint: str) -> "DataSet":
        """Draw the splits and paint their images."""
        from core.data.digits import build

        return build(self, train, test, fingerprint)


class Photos(DataSettings):
    """Settings that all data sets in a folder share; a subclass has `draft`."""

    incidental: ClassVar[frozenset[str]] = frozenset({"root", "cache"})  # what is in the images counts, not where

    origin: ClassVar[str] = "in a folder of yours (--data-root FOLDER)"
    layout: ClassVar[str] = ""
    """What is in the folder, in a few words."""
    tables: ClassVar[tuple[str, ...]] = ("metadata.csv",)
    """Files of which one is there where the data set is."""
    part: ClassVar[Literal["whole", "middle"]] = "whole"
    """Which part of every image is kept: all of it, or the square in its middle."""
    archive: ClassVar[str] = ""
    """Address of the .tar.gz that its authors publish, with this layout; empty where there is none."""
    nothing_to_get: ClassVar[str] = ""
    """Why it cannot be downloaded, where the reason is another than that it is published in no single archive."""

    root: str = ""
    """Folder of the data set, laid out as it was published (`--data-root`)."""
    size: Annotated[int, Field(ge=8, le=1024)] = 224
    """Side of the square that the network sees, in pixels."""
    stored: Annotated[int, Field(ge=8, le=1024)] = 256
    """Side of the square that every image is resized to and kept as; crops of `size` are taken from it."""
    augment: bool = True
    """Training images: a random part of 0.7 to 1 of the area, in 3/4 to 4/3, flipped half of the time."""
    cache: bool = True
    """Decode every image once, into a file of bytes; else whenever it is needed (`--no-cache`)."""

    @property
    def n_classes(self) -> int:
        """Number of labels; 0 where only the data itself knows."""
        return 2

    @property
    def missing(self) -> str:
        """That no folder is named, where none is."""
        if self.root:
            return ""
        return f"{self.name} is not bundled; pass its folder with --data-root FOLDER or data.root ({self.layout})"

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.size > self.stored:
            raise ValueError(f"size {self.size} is larger than stored {self.stored}, so no such crop can be taken")
        return self

    def source(self, digits: Path, cache: Path | None) -> "Source":  # noqa: ARG002
        """The folder; its table is read at once."""
        from core.data.photos import PhotoSource

        return PhotoSource(self, cache)

    def undecoded(self) -> Self:
        """The same data, of which an image is decoded when it is looked at."""
        return self.model_copy(update={"cache": False})

    def draft(self) -> "Draft":
        """Read the columns of its table: paths, labels, attributes and splits.

        Raises:
            InputError: there is no such folder or table, or the table lacks a column.
        """
        raise NotImplementedError(f"{type(self).__name__}.draft")


class Tabled(Photos):
    """Settings of the data sets whose table has columns of any name."""

    table: str = "metadata.csv"
    """Table of the images, CSV or Parquet, in the folder of the data set."""
    label_column: str = "label"
    """Column with the label."""
    attribute_columns: tuple[str, ...] = ()
    """Columns with attributes; none, one or several."""
    split_column: str = "split"
    """Column with the split (`train`, `val` or `validation`, `test`, or 0, 1, 2)."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        told_apart("attribute_columns", self.label_column, self.attribute_columns)
        return self

    def columns(self, root: Path, images: str) -> "tuple[str, dict[str, Column]]":
        """Read the columns that the settings name.

        Args:
            root: folder of the data set.
            images: setting that names the column of the images.

        Returns:
            The table, from there; and name of the column → column.

        Raises:
            InputError: the table is missing, leads out of the folder, or lacks a column.
        """
        from core.data.columns import read_columns
        from core.data.draft import inside, need

        file = need(root, self, inside("data.table", self.table))
        settings = {
            getattr(self, images): f"data.{images}",
            self.label_column: "data.label_column",
            **dict.fromkeys(self.attribute_columns, "data.attribute_columns"),
            **({self.split_column: "data.split_column"} if self.split_column else {}),
        }
        return file, read_columns(root, file, settings)


def told_apart(key: str, label: str, names: tuple[str, ...]) -> None:
    """Make sure that the label is not among the attributes, and that none of them is named twice.

    Raises:
        ValueError: it is, or one is; the sentence begins with `key`.
    """
    for name in names:
        if name == label:
            raise ValueError(f"{key}: '{name}' is the label already")
        if names.count(name) > 1:
            raise ValueError(f"{key}: '{name}' is named twice")
