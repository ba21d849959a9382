"""Waterbirds: `metadata.csv` with y, place and split as numbers, and one folder of images per species."""

from typing import TYPE_CHECKING, ClassVar, Literal

from core.data.settings import Photos

if TYPE_CHECKING:
    from core.data.draft import Draft

BIRDS = {"0": "landbird", "1": "waterbird", "landbird": "landbird", "waterbird": "waterbird"}
PLACES = {"0": "land", "1": "water", "land": "land", "water": "water"}

_COLUMNS = ("img_filename", "y", "place", "split")
_GROUPS = ("landbird · land", "landbird · water", "waterbird · land", "waterbird · water")
_PUBLISHED = ((3_498, 184, 56, 1_057), (467, 466, 133, 133), (2_255, 2_255, 642, 642))
"""Images per group in each split (GroupDRO, arXiv 1911.08731)."""


class Waterbirds(Photos):
    """Water- and landbirds on water or land backgrounds: `metadata.csv` with the images beside it."""

    rank: ClassVar[int] = 11
    layout: ClassVar[str] = "metadata.csv with the images beside it"
    archive: ClassVar[str] = "https://nlp.stanford.edu/data/dro/waterbird_complete95_forest2water2.tar.gz"

    name: Literal["waterbirds"] = "waterbirds"

    def draft(self) -> "Draft":
        from core.data.columns import read_columns
        from core.data.draft import Draft
        from core.data.splits import SPLITS

        root = self.folder()
        columns = read_columns(root, self.first_of(root, *self.tables), dict.fromkeys(_COLUMNS, ""))
        return Draft(
            root,
            columns["img_filename"],
            columns["y"].with_words(BIRDS),
            {"place": columns["place"].with_words(PLACES)},
            columns["split"],
            {split: dict(zip(_GROUPS, counts, strict=True)) for split, counts in zip(SPLITS, _PUBLISHED, strict=True)},
            {split: sum(counts) for split, counts in zip(SPLITS, _PUBLISHED, strict=True)},
        )
