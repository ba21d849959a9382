"""CelebA: `img_align_celeba/` with lists of attributes and splits, in the layout of torchvision or Kaggle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.data.settings import Photos, check_distinct
from core.errors import InputError

if TYPE_CHECKING:
    from core.data.columns import Column
    from core.data.draft import Draft

IMAGES = "img_align_celeba"
_PARTITIONS = ("list_eval_partition.txt", "list_eval_partition.csv")

_NAMES = {"Blond_Hair": ("not blond", "blond"), "Male": ("female", "male")}
"""Attribute → names of its values −1 and 1, unless `not x` and `x` will do."""

_PUBLISHED = {
    "not blond · female": 71_629,
    "not blond · male": 66_874,
    "blond · female": 22_880,
    "blond · male": 1_387,
}
"""Training images per group of Blond_Hair and Male (GroupDRO, arXiv 1911.08731)."""
_SIZES = (162_770, 19_867, 19_962)


class Celeba(Photos):
    """Faces with forty attributes, one of which is the label: `img_align_celeba/` with its lists."""

    rank: ClassVar[int] = 12
    layout: ClassVar[str] = "img_align_celeba/ with list_attr_celeba and list_eval_partition, .txt or .csv, beside it"
    tables: ClassVar[tuple[str, ...]] = ("list_attr_celeba.txt", "list_attr_celeba.csv")
    part: ClassVar[Literal["whole", "middle"]] = "middle"

    name: Literal["celeba"] = "celeba"
    stored: Annotated[int, Field(ge=8, le=1024)] = 224
    """Side of the stored images in pixels: the central 178×178 of the published 178×218, resized."""
    target: str = "Blond_Hair"
    """Attribute to use as the label."""
    attributes: tuple[str, ...] = ("Male",)
    """Spurious attributes: none, one or several."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        check_distinct("attributes", self.target, self.attributes)
        return self

    def draft(self) -> Draft:
        from core.data.columns import read_list
        from core.data.draft import Draft
        from core.data.splits import SPLITS

        root = self.folder()
        self.first_of(root, IMAGES)
        images = f"{IMAGES}/{IMAGES}" if (root / IMAGES / IMAGES).is_dir() else IMAGES
        wanted = {"image_id": "", self.target: "data.target", **dict.fromkeys(self.attributes, "data.attributes")}
        values, read = _longest(root, self, self.tables, lambda file: read_list(root, file, None, wanted))
        names = values["image_id"]
        split, split_read = _splits(root, self, names)
        published = (self.target, self.attributes) == ("Blond_Hair", ("Male",))
        return Draft(
            root,
            names.with_texts([f"{images}/{name.strip()}" if name.strip() else "" for name in names.texts]),
            values[self.target].with_words(_words(self.target)),
            {name: values[name].with_words(_words(name)) for name in self.attributes},
            split,
            {"train": _PUBLISHED} if published else {},
            dict(zip(SPLITS, _SIZES, strict=True)),
            notes=(*read, *split_read),
        )


def _words(attribute: str) -> dict[str, str]:
    name = attribute.replace("_", " ").lower()
    no, yes = _NAMES.get(attribute, (f"not {name}", name))
    return {"-1": no, "0": no, "1": yes}


def _longest(
    root: Path, settings: Celeba, files: Sequence[str], read: Callable[[str], dict[str, Column]]
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """Columns of the list with most rows, and a note if there is more than one list.

    Raises InputError if there is none, or the first if none can be read.
    """
    there = [file for file in files if (root / file).exists()] or [settings.first_of(root, *files)]
    found: dict[str, dict[str, Column]] = {}
    why_not: dict[str, InputError] = {}
    for file in there:
        try:
            found[file] = read(file)
        except InputError as error:
            why_not[file] = error
    if not found:
        raise next(iter(why_not.values()))
    rows = {file: len(columns["image_id"]) for file, columns in found.items()}
    best = max(rows, key=lambda file: rows[file])
    others = [f"{file} ({rows[file]:,} rows)" for file in rows if file != best]
    others += [str(error).removeprefix(f"{root}/") for error in why_not.values()]
    note = f"{best} is read ({rows[best]:,} rows), not {'; '.join(others)}" if others else ""
    return found[best], (note,) if note else ()


def _splits(root: Path, settings: Celeba, names: Column) -> tuple[Column, tuple[str, ...]]:
    import numpy as np
    import pandas as pd

    from core.data.columns import read_list

    wanted = dict.fromkeys(("image_id", "partition"), "")
    columns, read = _longest(root, settings, _PARTITIONS, lambda file: read_list(root, file, list(wanted), wanted))
    listed, split = columns["image_id"], columns["partition"]
    for column in (names, listed):
        if (again := pd.Index(column.texts).duplicated()).any():
            row = int(again.argmax())
            raise InputError(f"{root}/{column.where(row)}: image '{column.texts[row]}' is listed twice")
    place = pd.Index(listed.texts).get_indexer(pd.Index(names.texts))
    if (place < 0).any():
        row = int((place < 0).argmax())
        raise InputError(f"{root}/{names.where(row)}: image '{names.texts[row]}' is not in {listed.file}")
    if len(listed) > len(names):
        row = int(np.setdiff1d(np.arange(len(listed)), place)[0])
        raise InputError(f"{root}/{listed.where(row)}: image '{listed.texts[row]}' is not in {names.file}")
    return split.take(place), read
