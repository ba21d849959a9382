"""ISIC: a table of skin lesions with names of images, benign or malignant, patches, split."""

import os
from dataclasses import replace
from pathlib import Path
from posixpath import join, normpath

from core.config.photos import Isic
from core.data.columns import as_texts, read_columns
from core.data.draft import SPLIT_WORDS, Draft, need, root_of
from core.data.sets.folder import safe_table
from core.errors import InputError

LESIONS = {"0": "benign", "1": "malignant", "benign": "benign", "malignant": "malignant"}
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Endings that an image may have where the table names none; of several, the first."""


def draft(settings: Isic) -> Draft:
    """Read the columns.

    Raises:
        InputError: there is no such folder or table, the table lacks a column, the images' folder is elsewhere.
    """
    root = root_of(settings)
    images = normpath(settings.images)
    if images.startswith(("/", "..")):
        raise InputError(f"data.images {settings.images}: leaves the folder of the data set")
    need(root, settings, images)
    file = need(root, settings, safe_table(settings.table))
    columns = read_columns(
        root,
        file,
        {
            settings.image_column: "data.image_column",
            settings.label_column: "data.label_column",
            **dict.fromkeys(settings.attribute_columns, "data.attribute_columns"),
            settings.split_column: "data.split_column",
        },
    )
    names = columns[settings.image_column]
    endings = _endings(root / images)
    prefix = "" if images == "." else images
    found = [endings.get(name, name) for name in (text.strip() for text in names.texts)]
    return Draft(
        root,
        replace(names, texts=as_texts([join(prefix, name) if name and name[0] != "/" else name for name in found])),
        columns[settings.label_column].knowing(LESIONS),
        {name: columns[name] for name in settings.attribute_columns},
        columns[settings.split_column].knowing(SPLIT_WORDS),
    )


def _endings(folder: Path) -> dict[str, str]:
    """Name of an image without its ending → its name."""
    names: dict[str, str] = {}
    rank = {ending: place for place, ending in enumerate(ENDINGS)}
    listed = [os.path.splitext(name) for name in os.listdir(folder)]  # noqa: PTH122, PTH208
    known = [(rank[ending.lower()], stem, ending) for stem, ending in listed if ending.lower() in rank]
    for _, stem, ending in sorted(known, reverse=True):
        names[stem] = stem + ending
    return names
