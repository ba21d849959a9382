"""Settings of the data sets that lie in a folder of the person: published ones, and any other (no torch)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.config.section import Fraction, Section, Seed


class Photos(Section):
    """Settings that all data sets in a folder share."""

    incidental: ClassVar[frozenset[str]] = frozenset({"root", "cache"})  # what is in the images counts, not where

    layout: ClassVar[str] = ""
    """What lies in the folder, in a few words."""

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
    def n_given_environments(self) -> int:
        """Environments that the training split brings with it."""
        return 0

    @property
    def lacking(self) -> str:
        """What a person has to say before the data can be read, in one sentence; empty where nothing is missing."""
        name = getattr(self, "name", "this data set")
        if self.root:
            return ""
        return f"{name} lies in a folder of yours: say where with --data-root FOLDER or data.root ({self.layout})"

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.size > self.stored:
            raise ValueError(f"size {self.size} is larger than stored {self.stored}, so no such crop can be taken")
        return self


class Waterbirds(Photos):
    """Birds of water and land before water and land: `metadata.csv` with the images beside it."""

    layout: ClassVar[str] = "metadata.csv with the images beside it"

    name: Literal["waterbirds"] = "waterbirds"


class Celeba(Photos):
    """Faces with forty attributes, one of which is the label: `img_align_celeba/` with its lists."""

    layout: ClassVar[str] = "img_align_celeba/ with list_attr_celeba and list_eval_partition, .txt or .csv, beside it"

    name: Literal["celeba"] = "celeba"
    stored: Annotated[int, Field(ge=8, le=1024)] = 224
    """Side of the square that every image is kept as: the middle 178×178 of the published 178×218, resized."""
    target: str = "Blond_Hair"
    """Attribute that is the label."""
    attributes: tuple[str, ...] = ("Male",)
    """Attributes that are looked at as spurious; none, one or several."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _told_apart("attributes", self.target, self.attributes)
        return self


class Isic(Photos):
    """Skin lesions, benign or malignant, some with coloured patches: a table with the images in a folder."""

    layout: ClassVar[str] = "metadata.csv, or data.table, and the images, where data.images says"

    name: Literal["isic"] = "isic"
    table: str = "metadata.csv"
    """Table of the images (CSV), in the folder of the data set."""
    images: str = "."
    """Folder of the images, from the folder of the data set."""
    image_column: str = "image_id"
    """Column with the name of the image, with or without its ending."""
    label_column: str = "benign_malignant"
    """Column with the label: `benign` or `malignant`."""
    attribute_columns: tuple[str, ...] = ("patches",)
    """Columns with attributes; none, one or several."""
    split_column: str = "split"
    """Column with the split: `train`, `val`, `test`, or 0, 1, 2."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _told_apart("attribute_columns", self.label_column, self.attribute_columns)
        return self


class Folder(Photos):
    """Any images with any table: columns for path, label, attributes and split."""

    layout: ClassVar[str] = "metadata.csv, or data.table, with paths of images from there"

    name: Literal["folder"] = "folder"
    table: str = "metadata.csv"
    """Table of the images, CSV or Parquet, in the folder of the data set."""
    path_column: str = "path"
    """Column with the path of the image, from the folder of the table."""
    label_column: str = "label"
    """Column with the label."""
    attribute_columns: tuple[str, ...] = ()
    """Columns with attributes; none, one or several."""
    split_column: str = ""
    """Column with the split (`train`, `val` or `validation`, `test`, or 0, 1, 2); empty to draw the splits."""
    fractions: tuple[Fraction, Fraction, Fraction] = (0.7, 0.15, 0.15)
    """Shares of training, validation and test where they are drawn, alike in every group."""
    seed: Seed = 0
    """Seed of the splits that are drawn."""

    @property
    def n_classes(self) -> int:
        """Number of labels; 0, as only the data itself knows."""
        return 0

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        _told_apart("attribute_columns", self.label_column, self.attribute_columns)
        return self

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        if abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions sum to {sum(self.fractions):g}, not to 1")
        if min(self.fractions) == 0:
            raise ValueError("fractions: training, validation and test each need a share above 0")
        return self


def _told_apart(key: str, label: str, names: tuple[str, ...]) -> None:
    """Make sure that the label is not among the attributes, and that none of them is named twice."""
    for name in names:
        if name == label:
            raise ValueError(f"{key}: '{name}' is the label already")
        if names.count(name) > 1:
            raise ValueError(f"{key}: '{name}' is named twice")
