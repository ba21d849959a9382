"""Data sets of images in a folder: table and pixels, decoded once or on demand."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson

from core.data.contents import ImageFiles, contents_of
from core.data.correlation import alarms
from core.data.dataset import DataSet, Images, Integers, Pixels, Split
from core.data.decode import VERSION, BrokenImageError, decode
from core.data.settings import Photos
from core.data.splits import SPLITS, SplitName
from core.data.squares import OnDemand, Squares
from core.data.store import cache_folder, stored
from core.data.table import read_table
from core.data.watch import QUIET, Watch

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Statistics of ImageNet's training images, with which published weights expect their input to be normalised."""
_UNREADABLE = 96
"""Grey level for images that cannot be opened for a look; `prusc data check` says why."""


class PhotoSource:
    """A data set in a folder: its table is read at once, its images on demand, its pixels cached in `folder`.

    Raises InputError if the table is invalid. A `folder` of None is the user's cache folder.
    """

    def __init__(self, settings: Photos, folder: Path | None = None) -> None:
        self.settings = settings
        self.folder = folder or cache_folder()
        self.table = read_table(settings)
        self._order: Integers = np.argsort(self.table.splits, kind="stable")
        self._squares: Squares | None = None

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
        squares = self.squares(watch)
        if self.settings.cache:
            pixels = stored(squares, self.folder, watch)
            return self._made(lambda start, end: pixels[start:end], self.fingerprint(watch))
        return self._made(
            lambda start, end: OnDemand(squares.one, np.arange(start, end), squares.side), self.fingerprint(watch)
        )

    def preview(self) -> DataSet:
        return self._made(lambda start, end: OnDemand(self._centre, self._order[start:end], self.settings.size), "")

    def squares(self, watch: Watch = QUIET) -> Squares:
        """Images of all rows in the order of their splits; the first call reads every new file."""
        if self._squares is None:
            table, order = self.table, self._order
            paths = tuple(table.paths[row] for row in order.tolist())
            files = ImageFiles(table.root, paths, lambda row: f"{table.root}/{table.where(int(order[row]))}")
            contents = contents_of(files, self.folder, watch)
            self._squares = Squares(contents, self.settings.stored, self.settings.part)
        return self._squares

    def _made(self, pixels: Callable[[int, int], Pixels], fingerprint: str) -> DataSet:
        """Make the data set; `pixels` returns those of the images from start to end, in the order of their splits."""
        table, settings = self.table, self.settings
        ends = np.cumsum(np.bincount(table.splits, minlength=len(SPLITS))).tolist()
        splits: dict[SplitName, Split] = {}
        for name, start, end in zip(SPLITS, [0, *ends], ends, strict=False):
            rows = self._order[start:end]
            splits[name] = Split(pixels(start, end), table.labels[rows], table.attributes[rows], rows)
        return DataSet(
            name=settings.name,
            label_names=table.label_names,
            attributes=table.attribute_values,
            splits=splits,
            mean=MEAN,
            std=STD,
            fingerprint=fingerprint,
            crop=settings.size,
            augment=settings.augment,
            alarms=alarms(table),
        )

    def _centre(self, row: int) -> Images:
        """Centre of the stored square of a row of the table, as networks see it; grey if it cannot be opened."""
        size, side = self.settings.size, self.settings.stored
        edge = (side - size) // 2
        seen = slice(edge, edge + size)
        try:
            data = (self.table.root / self.table.paths[row]).read_bytes()
            return decode(data, side, self.settings.part)[:, seen, seen]
        except (OSError, BrokenImageError):
            return np.full((3, size, size), _UNREADABLE, dtype=np.uint8)
