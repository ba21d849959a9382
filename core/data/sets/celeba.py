"""CelebA: `img_align_celeba/` with its lists of attributes and splits, as torchvision or as Kaggle unpacks them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from core.config.photos import Celeba
from core.data.columns import Column, as_texts, read_columns, read_list
from core.data.draft import SPLIT_WORDS, SPLITS, Draft, need, root_of
from core.errors import InputError

IMAGES = "img_align_celeba"

_NAMES = {"Blond_Hair": ("not blond", "blond"), "Male": ("female", "male")}
"""Attribute → what its −1 and its 1 are called, where `not …` would not be English."""

_PUBLISHED = {
    "not blond · female": 71_629,
    "not blond · male": 66_874,
    "blond · female": 22_880,
    "blond · male": 1_387,
}
"""Training images per group of Blond_Hair and Male (GroupDRO, arXiv 1911.08731)."""
_SIZES = (162_770, 19_867, 19_962)


def draft(settings: Celeba) -> Draft:
    """Read the columns: target, attributes, splits.

    Raises:
        InputError: there is no such folder or list, an attribute of that name is not known, the lists are not of the
            same images.
    """
    root = root_of(settings)
    need(root, settings, IMAGES)
    images = f"{IMAGES}/{IMAGES}" if (root / IMAGES / IMAGES).is_dir() else IMAGES
    wanted = {"image_id": "", settings.target: "data.target", **dict.fromkeys(settings.attributes, "data.attributes")}
    file = need(root, settings, "list_attr_celeba.txt", "list_attr_celeba.csv")
    txt = file.endswith(".txt")
    values = read_list(root, file, None, wanted) if txt else read_columns(root, file, wanted)
    split = _splits(root, settings, values["image_id"])
    names = values["image_id"]
    published = (settings.target, settings.attributes) == ("Blond_Hair", ("Male",))
    return Draft(
        root,
        replace(names, texts=as_texts([f"{images}/{name.strip()}" if name.strip() else "" for name in names.texts])),
        values[settings.target].knowing(_words(settings.target)),
        {name: values[name].knowing(_words(name)) for name in settings.attributes},
        split.knowing(SPLIT_WORDS),
        {"train": _PUBLISHED} if published else {},
        dict(zip(SPLITS, _SIZES, strict=True)),
    )


def _words(attribute: str) -> dict[str, str]:
    said = attribute.replace("_", " ").lower()
    no, yes = _NAMES.get(attribute, (f"not {said}", said))
    return {"-1": no, "0": no, "1": yes}


def _splits(root: Path, settings: Celeba, names: Column) -> Column:
    """Column of the splits, in the order of the images in the list of attributes."""
    import pandas as pd

    file = need(root, settings, "list_eval_partition.txt", "list_eval_partition.csv")
    wanted = dict.fromkeys(("image_id", "partition"), "")
    txt = file.endswith(".txt")
    columns = read_list(root, file, list(wanted), wanted) if txt else read_columns(root, file, wanted)
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
