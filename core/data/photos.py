"""Data sets of images in a folder: table and pixels, decoded once or on demand."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

from core.data.contents import Contents, ImageFiles, contents_of
from core.data.dataset import DataSet, Integers, Pixels, Split
from core.data.decode import VERSION
from core.data.preview import preview
from core.data.settings import Photos
from core.data.splits import SPLITS, SplitName
from core.data.squares import Squares, Stream
from core.data.store import cache_folder, stored
from core.data.table import ImageTable, read_table
from core.data.watch import QUIET, Watch

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Statistics of ImageNet's training images, with which published weights expect their input to be normalised."""


@dataclass(eq=False)
class PhotoSource:
    """A data set in a folder: its table is read at once, its images on demand, its pixels cached in `folder`.

    Raises InputError if the table is invalid. A `folder` of None is the user's cache folder.
    """

    settings: Photos
    folder: Path | None = None
    table: ImageTable = field(init=False)
    _order: Integers = field(init=False)
    _squares: Squares | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.folder = self.folder or cache_folder()
        self.table = read_table(self.settings)
        self._order = np.argsort(self.table.splits, kind="stable")

    def fingerprint(self, watch: Watch = QUIET) -> str:
        table, settings = self.table, self.settings
        what = [settings.name, VERSION, settings.stored, settings.size, settings.augment]
        names = [table.label_names, list(table.attribute_values.items())]
        arrays = (self._order, table.splits[self._order], table.labels[self._order], table.attributes[self._order])
        hashed = hashlib.sha256(orjson.dumps([what, names, [array.shape for array in arrays]]))
        for array in (*arrays, self.squares(watch).contents.digests):
            hashed.update(np.ascontiguousarray(array).tobytes())
        return hashed.hexdigest()[:16]

    def load(self, watch: Watch = QUIET) -> DataSet:
        squares, table, settings = self.squares(watch), self.table, self.settings
        assert self.folder is not None
        pixels = stored(squares, self.folder, watch) if settings.cache else None
        ends = np.cumsum(np.bincount(table.splits, minlength=len(SPLITS))).tolist()
        splits: dict[SplitName, Split] = {}
        for name, start, end in zip(SPLITS, [0, *ends], ends, strict=False):
            rows = self._order[start:end]
            images: Pixels = Stream(squares, range(start, end)) if pixels is None else pixels[start:end]
            splits[name] = Split(images, table.labels[rows], table.attributes[rows], rows)
        return DataSet(
            name=settings.name,
            label_names=table.label_names,
            attributes=table.attribute_values,
            splits=splits,
            mean=MEAN,
            std=STD,
            fingerprint=self.fingerprint(watch),
            crop=settings.size,
            augment=settings.augment,
        )

    def preview(self) -> DataSet:
        return preview(self.table, self.settings, MEAN, STD)

    def squares(self, watch: Watch = QUIET) -> Squares:
        """Images of all rows in the order of their splits; the first call reads every new file."""
        if self._squares is None:
            self._squares = Squares(self._contents(watch), self.settings.stored, self.settings.part)
        return self._squares

    def _contents(self, watch: Watch) -> Contents:
        table, order = self.table, self._order
        assert self.folder is not None
        paths = tuple(table.paths[row] for row in order.tolist())
        files = ImageFiles(table.root, paths, lambda row: f"{table.root}/{table.where(int(order[row]))}")
        return contents_of(files, self.folder, watch)
