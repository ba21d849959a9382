"""Any images with any table: CSV or Parquet, splits given or drawn."""

from dataclasses import replace
from posixpath import dirname, join, normpath

import numpy as np

from core.config.photos import Folder
from core.data.columns import as_texts, read_columns
from core.data.dataset import Integers
from core.data.draft import SPLIT_WORDS, Draft, need, root_of
from core.data.draw import stream
from core.errors import InputError


def draft(settings: Folder) -> Draft:
    """Read the columns.

    Raises:
        InputError: there is no such folder or table, or the table lacks a column.
    """
    root = root_of(settings)
    file = need(root, settings, safe_table(settings.table))
    split = settings.split_column
    columns = read_columns(
        root,
        file,
        {
            settings.path_column: "data.path_column",
            settings.label_column: "data.label_column",
            **dict.fromkeys(settings.attribute_columns, "data.attribute_columns"),
            **({split: "data.split_column"} if split else {}),
        },
    )
    paths, below = columns[settings.path_column], dirname(file)
    texts = [text.strip() for text in paths.texts]
    if below:
        texts = [join(below, text) if text else "" for text in texts]
    return Draft(
        root,
        replace(paths, texts=as_texts(texts)),
        columns[settings.label_column],
        {name: columns[name] for name in settings.attribute_columns},
        columns[split].knowing(SPLIT_WORDS) if split else None,
    )


def safe_table(name: str) -> str:
    """Path of the table, from the folder of the data set.

    Raises:
        InputError: it leads out of there.
    """
    path = normpath(name)
    if path.startswith(("/", "..")):
        raise InputError(f"data.table {name}: leaves the folder of the data set")
    return path


def draw_splits(groups: Integers, settings: Folder) -> Integers:
    """Draw training, validation and test in the shares of the settings, alike in every group.

    The number of training images is their share, rounded; in every group a split has its share but for less than two.

    Args:
        groups: int64 [n], group of each image.
        settings: shares and seed.

    Returns:
        int64 [n]: 0 training, 1 validation, 2 test.
    """
    _, groups, counts = np.unique(groups, return_inverse=True, return_counts=True)
    training, validation, test = settings.fractions
    taken = _portion(counts, training)
    looked_at = _portion(counts - taken, validation / (validation + test))
    splits = np.full(len(groups), 2, dtype=np.int64)
    order = stream(settings.seed, "split").permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    for start, first, second in zip(np.cumsum(counts) - counts, taken, looked_at, strict=True):
        splits[order[start : start + first]] = 0
        splits[order[start + first : start + first + second]] = 1
    return splits


def _portion(counts: Integers, share: float) -> Integers:
    """How many of each count, so that their sum is the rounded share of all: rounds the running sum, not each."""
    portions: Integers = np.diff(np.floor(share * np.cumsum(counts) + 0.5), prepend=0).astype(np.int64)
    return portions
