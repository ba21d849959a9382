"""Base classes of data sets: shared settings, and what a data set must declare (no torch, no numpy).

There are two families: data sets made of the bundled digits (`Bundled`) and those in a folder of the user (`Photos`).
"""

from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.config.data import DataSettings
from core.config.section import Fraction, Seed
from core.errors import InputError
from core.paths import expanded

if TYPE_CHECKING:
    from core.data.columns import Column
    from core.data.dataset import DataSet
    from core.data.digits import Plan
    from core.data.draft import Draft, DrawnSplits
    from core.data.idx import Digits as PackedDigits
    from core.data.load import Source


class Bundled(DataSettings):
    """Settings of all data sets made of the bundled digits; a subclass defines `build`."""

    origin: ClassVar[str] = "made of the bundled digits"

    train_size: Annotated[int, Field(ge=100, le=59_000)] = 30_000
    """Images in the training split; drawn from the 60,000 training digits."""
    validation_size: Annotated[int, Field(ge=40, le=20_000)] = 4_800
    """Images in the validation split; drawn from the remaining training digits."""
    label_noise: Fraction = 0.0
    """Share of samples with a wrong label, in every split; attributes follow the noisy label."""
    seed: Seed = 0
    """Seed of splits, noise and attributes, independent of the seed of the run."""

    @property
    def n_classes(self) -> int:
        return 2

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.train_size + self.validation_size > 60_000:
            raise ValueError("train_size and validation_size together exceed the 60,000 training digits")
        return self

    def source(self, digits: Path, cache: Path | None) -> "Source":  # noqa: ARG002
        from core.data.digits import DigitSource

        return DigitSource(self, digits)

    def build(self, train: "PackedDigits", test: "PackedDigits", fingerprint: str) -> "DataSet":
        """Make the data set of the training digits (train and validation) and the test digits.

        Raises InputError if there are too few digits for the splits.
        """
        raise NotImplementedError(f"{type(self).__name__}.build")


class Digits(Bundled):
    """Settings of data sets with optionally balanced validation and test splits; a subclass defines `plan`."""

    test_size: Annotated[int, Field(ge=40, le=9_600)] | None = None
    """Images in the test split, drawn from the 10,000 test digits; default: as many as `evaluation` allows, up to 9,600
    (8,900 if balanced over 10 labels, as there are only 892 fives)."""
    evaluation: Literal["balanced", "as-train"] = "balanced"
    """Validation and test: `balanced`: equally many samples in every group; `as-train`: the training correlation."""

    def plan(self) -> "Plan":
        """Labels, attributes and painting of the data set."""
        raise NotImplementedError(f"{type(self).__name__}.plan")

    def build(self, train: "PackedDigits", test: "PackedDigits", fingerprint: str) -> "DataSet":
        from core.data.digits import build

        return build(self, train, test, fingerprint)


class Photos(DataSettings):
    """Settings of all data sets in a folder; a subclass defines `draft`."""

    # The content of the images counts, not their location.
    incidental: ClassVar[frozenset[str]] = frozenset({"root", "cache"})
    origin: ClassVar[str] = "in your own folder (--data-root FOLDER)"
    layout: ClassVar[str] = ""
    """Short description of the folder's content."""
    tables: ClassVar[tuple[str, ...]] = ("metadata.csv",)
    """Files of which the folder has one."""
    part: ClassVar[Literal["whole", "middle"]] = "whole"
    """Part of every image that is stored: the whole image or its central square."""
    archive: ClassVar[str] = ""
    """URL of the .tar.gz published by its authors, with this layout; empty if there is none."""
    nothing_to_get: ClassVar[str] = ""
    """Why it cannot be downloaded; empty for the usual reason: it is not published as a single archive."""

    root: str = ""
    """Folder of the data set, in its published layout (`--data-root`)."""
    size: Annotated[int, Field(ge=8, le=1024)] = 224
    """Side of the network's input in pixels."""
    stored: Annotated[int, Field(ge=8, le=1024)] = 256
    """Side of the stored images in pixels; the network sees crops of `size`."""
    augment: bool = True
    """Augment training images: random crops of 70–100 % of the area, aspect ratio 3/4 to 4/3, random flips."""
    cache: bool = True
    """Decode every image once and cache the pixels; otherwise decode on demand (`--no-cache`)."""

    @property
    def n_classes(self) -> int:
        return 2

    @property
    def missing(self) -> str:
        if self.root:
            return ""
        return f"{self.name} is not bundled; pass its folder with --data-root FOLDER or data.root ({self.layout})"

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.size > self.stored:
            raise ValueError(
                f"size {self.size} is larger than stored {self.stored}; crops cannot be larger than the stored images"
            )
        return self

    def source(self, digits: Path, cache: Path | None) -> "Source":  # noqa: ARG002
        from core.data.photos import PhotoSource

        return PhotoSource(self, cache)

    def undecoded(self) -> Self:
        return self.model_copy(update={"cache": False})

    def draft(self) -> "Draft":
        """Read the columns of its table: paths, labels, attributes and splits.

        Raises InputError if the folder, the table or a column is missing.
        """
        raise NotImplementedError(f"{type(self).__name__}.draft")

    def folder(self) -> Path:
        """Folder of the data set; raises InputError if the settings have none or it is not a folder."""
        if self.missing:
            raise InputError(self.missing)
        root = expanded(self.root).absolute()
        if not root.is_dir():
            raise InputError(f"data.root {root}: {'is not a folder' if root.exists() else 'there is no such folder'}")
        return root

    def first_of(self, root: Path, *names: str) -> str:
        """Name of the first of these files or folders that exists.

        Raises InputError if none does; the message names a subfolder that has one, if there is any.
        """
        for name in names:
            if (root / name).exists():
                return name
        folders = [path for path in root.iterdir() if path.is_dir() and any((path / name).exists() for name in names)]
        hint = f"; it is in {min(folders)}: pass that folder" if folders else f" (expected: {self.layout})"
        raise InputError(f"{root}: there is no {' or '.join(names)}{hint}")


class Tabled(Photos):
    """Settings of data sets whose column names can be set; a subclass defines `paths`."""

    image_setting: ClassVar[str]
    """Setting that names the column of the images."""
    label_words: ClassVar[Mapping[str, str] | None] = None
    """Text in the column of the label → name of the label; None if they are the same."""

    table: str = "metadata.csv"
    """Table of the images, CSV or Parquet, in the folder of the data set."""
    label_column: str = "label"
    """Column with the label."""
    attribute_columns: tuple[str, ...] = ()
    """Columns with attributes: none, one or several."""
    split_column: str = "split"
    """Column with the split (`train`, `val` or `validation`, `test`, or 0, 1, 2)."""
    train_values: tuple[str, ...] = ()
    """Values of the split column that mean training, besides the usual words."""
    validation_values: tuple[str, ...] = ()
    """Values of the split column that mean validation, besides the usual words."""
    test_values: tuple[str, ...] = ()
    """Values of the split column that mean test, besides the usual words."""
    ignored_splits: tuple[str, ...] = ()
    """Values of the split column whose rows are left out."""
    ignored_labels: tuple[str, ...] = ()
    """Labels whose rows are left out, such as `-1` for uncertain ones; `""` for rows without a label."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        check_distinct("attribute_columns", self.label_column, self.attribute_columns)
        return self

    @model_validator(mode="after")
    def _each_value_means_one_split(self) -> Self:
        values = [*self.train_values, *self.validation_values, *self.test_values, *self.ignored_splits]
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"the value '{value}' of the split column is given for two splits")
        return self

    def draft(self) -> "Draft":
        from core.data.draft import Draft
        from core.data.folders import as_files

        root = self.folder()
        image_column = getattr(self, self.image_setting)
        columns = self.columns(
            root,
            {
                image_column: f"data.{self.image_setting}",
                self.label_column: "data.label_column",
                **dict.fromkeys(self.attribute_columns, "data.attribute_columns"),
                **({self.split_column: "data.split_column"} if self.split_column else {}),
            },
        )
        columns, notes = self._kept(columns)
        names = columns[image_column]
        stripped = [_plain(root, text) if "\\" in text else text for text in map(str.strip, names.texts)]
        paths = self.paths(root, names.file, stripped)
        homes = (f"{root}/", f"{root.resolve()}/")
        paths = [_below(homes, path) if path[:1] == "/" else path for path in paths]
        files = as_files(root, paths)
        # An extension that is missing is no surprise.
        unlike = next((pair for pair in zip(paths, files, strict=True) if not pair[1].startswith(pair[0])), None)
        if unlike is not None:
            notes += (f"{names.name}: files have other names than here, such as '{unlike[1]}' for '{unlike[0]}'",)
        return Draft(
            root,
            names.with_texts(files),
            columns[self.label_column].with_words(
                self.label_words, "" if self.label_words else "leave such rows out with data.ignored_labels"
            ),
            {name: columns[name].with_words(None, "fill it in, or remove the row") for name in self.attribute_columns},
            self.split(columns),
            notes=notes,
        )

    def columns(self, root: Path, wanted: "Mapping[str, str]") -> "dict[str, Column]":
        """Columns of the table; `wanted` maps each to the setting with its name."""
        from core.data.columns import read_columns

        return read_columns(root, self.first_of(root, inside("data.table", self.table)), wanted)

    def paths(self, root: Path, file: str, names: list[str]) -> list[str]:
        """Paths of the images, relative to `root`, for their names in the table `file`; empty for an empty name."""
        raise NotImplementedError(f"{type(self).__name__}.paths")

    def split(self, columns: "Mapping[str, Column]") -> "Column | DrawnSplits":
        """Splits of the images, or how to draw them."""
        from core.data.draft import SPLIT_WORDS

        return columns[self.split_column].with_words(
            SPLIT_WORDS
            | dict.fromkeys(map(_word, self.train_values), "train")
            | dict.fromkeys(map(_word, self.validation_values), "validation")
            | dict.fromkeys(map(_word, self.test_values), "test"),
            "say what it means with data.train_values, data.validation_values, data.test_values or data.ignored_splits",
        )

    def _kept(self, columns: "dict[str, Column]") -> "tuple[dict[str, Column], tuple[str, ...]]":
        """Columns without the rows that are to be left out, and a note on every reason to leave some out."""
        import numpy as np
        import pandas as pd

        notes = []
        for name, ignored, setting in (
            (self.label_column, self.ignored_labels, "data.ignored_labels"),
            (self.split_column, self.ignored_splits, "data.ignored_splits"),
        ):
            values = set(map(_word, ignored))
            if not values:
                continue
            codes, distinct = pd.factorize(columns[name].texts)
            out = np.array([_word(text) in values for text in distinct], dtype=np.bool_)[codes]
            columns = {key: column.take(np.flatnonzero(~out)) for key, column in columns.items()}
            listed = ", ".join(f"'{value}'" if value else "empty" for value in ignored)
            notes.append(f"{out.sum():,} rows are left out, as their {name} is {listed} ({setting})")
        return columns, tuple(notes)


def _word(text: str) -> str:
    """A value as it is compared with others."""
    from core.data.text import clean

    return clean(text).casefold()


def _plain(root: Path, path: str) -> str:
    """A path of a table with `/` as separator, unless there is a file with a backslash in its name."""
    return path if (root / path).exists() else path.replace("\\", "/")


def _below(homes: tuple[str, ...], path: str) -> str:
    """An absolute path, relative to the first of the folders that it is below, if any."""
    return next((path.removeprefix(home) for home in homes if path.startswith(home)), path)


def inside(key: str, path: str) -> str:
    """Normalise a path of the settings; raises InputError if it leaves the folder of the data set."""
    normal = normpath(path)
    if normal.startswith(("/", "..")):
        raise InputError(f"{key} {path}: leaves the folder of the data set")
    return normal


def check_distinct(key: str, label: str, names: tuple[str, ...]) -> None:
    """Raise ValueError if the label is among the attributes, or an attribute occurs twice."""
    for name in names:
        if name == label:
            raise ValueError(f"{key}: '{name}' is already the label")
        if names.count(name) > 1:
            raise ValueError(f"{key}: '{name}' occurs twice")
