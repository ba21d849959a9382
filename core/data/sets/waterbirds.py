"""Waterbirds: `metadata.csv` with y, place and split as numbers, images in a folder per species."""

from core.config.photos import Waterbirds
from core.data.columns import read_columns
from core.data.draft import SPLIT_WORDS, SPLITS, Draft, need, root_of

BIRDS = {"0": "landbird", "1": "waterbird", "landbird": "landbird", "waterbird": "waterbird"}
PLACES = {"0": "land", "1": "water", "land": "land", "water": "water"}

_GROUPS = ("landbird · land", "landbird · water", "waterbird · land", "waterbird · water")
_PUBLISHED = ((3_498, 184, 56, 1_057), (467, 466, 133, 133), (2_255, 2_255, 642, 642))
"""Images per group in each split (GroupDRO, arXiv 1911.08731)."""


def draft(settings: Waterbirds) -> Draft:
    """Read the columns.

    Raises:
        InputError: there is no such folder or table, or the table lacks a column.
    """
    root = root_of(settings)
    file = need(root, settings, "metadata.csv")
    columns = read_columns(root, file, dict.fromkeys(("img_filename", "y", "place", "split"), ""))
    return Draft(
        root,
        columns["img_filename"],
        columns["y"].knowing(BIRDS),
        {"place": columns["place"].knowing(PLACES)},
        columns["split"].knowing(SPLIT_WORDS),
        {split: dict(zip(_GROUPS, counts, strict=True)) for split, counts in zip(SPLITS, _PUBLISHED, strict=True)},
        {split: sum(counts) for split, counts in zip(SPLITS, _PUBLISHED, strict=True)},
    )
