"""CelebA: `img_align_celeba/` with lists of attributes and splits, in the layout of torchvision or Kaggle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.data.settings import Photos, check_distinct
from core.errors import InputError

if TYPE_CHECKING:
    from core.data.columns import Column
    from core.data.draft import Draft

IMAGES = "img_align_celeba"

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
        values = read_list(root, self.first_of(root, *self.tables), None, wanted)
        names = values["image_id"]
        split = _splits(root, self, names)
        published = (self.target, self.attributes) == ("Blond_Hair", ("Male",))
        return Draft(
            root,
            names.with_texts([f"{images}/{name.strip()}" if name.strip() else "" for name in names.texts]),
            values[self.target].with_words(_words(self.target)),
            {name: values[name].with_words(_words(name)) for name in self.attributes},
            split,
            {"train": _PUBLISHED} if published else {},
            dict(zip(SPLITS, _SIZES, strict=True)),
        )


def _words(attribute: str) -> dict[str, str]:
    name = attribute.replace("_", " ").lower()
    no, yes = _NAMES.get(attribute, (f"not {name}", name))
    return {"-1": no, "0": no, "1": yes}


def _splits(root: Path, settings: Celeba, names: Column) -> Column:
    import numpy as np
    import pandas as pd

    from core.data.columns import read_list

    file = settings.first_of(root, "list_eval_partition.txt", "list_eval_partition.csv")
    wanted = dict.fromkeys(("image_id", "partition"), "")
    columns = read_list(root, file, list(wanted), wanted)
    listed, split = columns["image_id"], columns["partition"]
    for column in (names, listed):
        if (again := pd.Index(column.texts).duplicated()).any():
            row = int(again.argmax())
            raise InputError(f"{root}/{column.where(row)}: image '{column.texts[row]}' is listed twice")
    place = pd.Index(listed.texts).get_indexer(pd.Index(names.texts))
    if (place < 0).any():
        row = int((place < 0).argmax())
        raise InputError(f"{root}/{names.where(row)}: image '{names.texts[row]}' is not in {file}")
    if len(listed) > len(names):
        row = int(np.setdiff1d(np.arange(len(listed)), place)[0])
        raise InputError(f"{root}/{listed.where(row)}: image '{listed.texts[row]}' is not in {names.file}")
    return replace(split, lines=split.lines[place], texts=split.texts[place])
