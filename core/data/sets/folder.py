"""Any images with a CSV or Parquet table, or in one folder for each class; splits are given or random."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core.config.section import Fraction, Seed
from core.data.settings import Tabled, inside
from core.paths import expanded

if TYPE_CHECKING:
    from core.data.columns import Column
    from core.data.draft import Draft, DrawnSplits


class Folder(Tabled):
    """Any images with a table, or in folders named by class: columns for path, label, attributes and split."""

    rank: ClassVar[int] = 14
    layout: ClassVar[str] = "metadata.csv, or data.table, with relative paths of images"
    image_setting: ClassVar[str] = "path_column"
    nothing_to_get: ClassVar[str] = "stands for your own data; there is nothing to download"

    name: Literal["folder"] = "folder"
    table: str = "metadata.csv"
    """Table of the images, CSV or Parquet, in the folder of the data set; empty if there is none and the names of the
    folders are the labels: the columns are then `folder 1`, `folder 2` …"""
    path_column: str = "path"
    """Column with the path of the image, relative to `images`."""
    images: str = ""
    """Folder of the images, relative to the folder of the data set; empty for the folder of the table."""
    split_column: str = ""
    """Column with the split (`train`, `val` or `validation`, `test`, or 0, 1, 2); empty for random splits."""
    validation_share: Fraction = 0.0
    """Share of the training images drawn as validation, the same in every group, for a table without validation."""
    fractions: tuple[Fraction, Fraction, Fraction] = (0.7, 0.15, 0.15)
    """Shares of training, validation and test for random splits, the same in every group."""
    seed: Seed = 0
    """Seed of the random splits."""

    @property
    def n_classes(self) -> int:
        return 0

    @property
    def title(self) -> str:
        """Name of the folder, with a slash: it may be the name of another data set."""
        name = expanded(self.root).absolute().name if self.root else ""
        return f"{name}/" if name else self.name

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        if abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions sum to {sum(self.fractions):g}, not 1")
        if min(self.fractions) == 0:
            raise ValueError("fractions: training, validation and test each need a share above 0")
        return self

    def draft(self) -> "Draft":
        from core.data.draft import DrawnSplits

        share = self.validation_share
        held_out = DrawnSplits((1 - share, share, 0.0), self.seed) if share and self.split_column else None
        return replace(super().draft(), held_out=held_out)

    def columns(self, root: Path, wanted: "Mapping[str, str]") -> "dict[str, Column]":
        from core.data.folders import folder_columns

        return super().columns(root, wanted) if self.table else folder_columns(root, wanted)

    def paths(self, root: Path, file: str, names: list[str]) -> list[str]:
        folder = self.first_of(root, inside("data.images", self.images)) if self.images else dirname(file)
        if folder in ("", "."):
            return names
        # A table in a subfolder may name images beside it: ../images/1.jpg.
        joined = [join(folder, name) if name else "" for name in names]
        return [normpath(path) if "/../" in path else path for path in joined]

    def split(self, columns: "Mapping[str, Column]") -> "Column | DrawnSplits":
        from core.data.draft import DrawnSplits

        return super().split(columns) if self.split_column else DrawnSplits(self.fractions, self.seed)
