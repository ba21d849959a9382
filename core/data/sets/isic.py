"""ISIC: a table of skin lesions with image, label (benign or malignant), patches and split."""

from collections.abc import Mapping
from pathlib import Path
from posixpath import join
from typing import ClassVar, Literal

from core.data.settings import Tabled, inside

LESIONS = {"0": "benign", "1": "malignant", "benign": "benign", "malignant": "malignant"}


class Isic(Tabled):
    """Skin lesions, benign or malignant, some with coloured patches: a table and a folder of images."""

    rank: ClassVar[int] = 13
    image_setting: ClassVar[str] = "image_column"
    label_words: ClassVar[Mapping[str, str]] = LESIONS
    layout: ClassVar[str] = "metadata.csv, or data.table, and the images in data.images"

    name: Literal["isic"] = "isic"
    images: str = "."
    """Folder of the images, relative to the folder of the data set."""
    image_column: str = "image_id"
    """Column with the file name of the image, with or without extension."""
    label_column: str = "benign_malignant"
    """Column with the label: `benign` or `malignant`."""
    attribute_columns: tuple[str, ...] = ("patches",)
    """Columns with attributes: none, one or several."""

    def paths(self, root: Path, file: str, names: list[str]) -> list[str]:  # noqa: ARG002
        images = self.first_of(root, inside("data.images", self.images))
        prefix = "" if images == "." else images
        return [join(prefix, name) if name and name[0] != "/" else name for name in names]
