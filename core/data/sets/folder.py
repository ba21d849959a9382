"""Any images with a CSV or Parquet table; splits are given or random."""

from collections.abc import Mapping
from pathlib import Path
from posixpath import dirname, join
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from core.config.section import Fraction, Seed
from core.data.settings import Tabled

if TYPE_CHECKING:
    from core.data.columns import Column
    from core.data.draft import DrawnSplits


class Folder(Tabled):
    """Any images with a table: columns for path, label, attributes and split."""

    rank: ClassVar[int] = 14
    layout: ClassVar[str] = "metadata.csv, or data.table, with relative paths of images"
    image_setting: ClassVar[str] = "path_column"
    nothing_to_get: ClassVar[str] = "stands for your own data; there is nothing to download"

    name: Literal["folder"] = "folder"
    path_column: str = "path"
    """Column with the path of the image, relative to the folder of the table."""
    split_column: str = ""
    """Column with the split (`train`, `val` or `validation`, `test`, or 0, 1, 2); empty for random splits."""
    fractions: tuple[Fraction, Fraction, Fraction] = (0.7, 0.15, 0.15)
    """Shares of training, validation and test for random splits, the same in every group."""
    seed: Seed = 0
    """Seed of the random splits."""

    @property
    def n_classes(self) -> int:
        return 0

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> Self:
        if abs(sum(self.fractions) - 1) > 1e-6:
            raise ValueError(f"fractions sum to {sum(self.fractions):g}, not 1")
        if min(self.fractions) == 0:
            raise ValueError("fractions: training, validation and test each need a share above 0")
        return self

    def paths(self, root: Path, file: str, names: list[str]) -> list[str]:  # noqa: ARG002
        return [join(dirname(file), name) if name else "" for name in names]

    def split(self, columns: "Mapping[str, Column]") -> "Column | DrawnSplits":
        from core.data.draft import DrawnSplits

        return super().split(columns) if self.split_column else DrawnSplits(self.fractions, self.seed)
