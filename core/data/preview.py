"""A data set in a folder whose images are opened on demand."""

from pathlib import Path

import numpy as np

from core.data.dataset import DataSet, Images, Integers, Split
from core.data.decode import BrokenImageError, decode
from core.data.settings import Photos
from core.data.splits import SPLITS
from core.data.table import ImageTable

_UNREADABLE = 96
"""Grey level for images that cannot be opened; `prusc data check` says why."""


def preview(table: ImageTable, settings: Photos, mean: tuple[float, ...], std: tuple[float, ...]) -> DataSet:
    """Make a data set for a look at it: labels, attributes and splits of the table, images as networks see them.

    Args:
        table: its table.
        settings: its data section.
        mean: of each channel, for normalisation.
        std: likewise.

    Returns:
        A data set without a fingerprint, which would need the content of every image.
    """
    splits = {}
    for number, split in enumerate(SPLITS):
        rows = np.flatnonzero(table.splits == number)
        images = _Opened(table, rows, settings)
        splits[split] = Split(images, table.labels[rows], table.attributes[rows], rows)
    return DataSet(
        settings.name, table.label_names, table.attribute_values, splits, mean, std, fingerprint="", crop=settings.size
    )


class _Opened:
    """Some rows of the table as images: the centre of the stored square, grey if the image cannot be opened."""

    def __init__(self, table: ImageTable, rows: Integers, settings: Photos) -> None:
        self._table, self._rows, self._side, self._stored = table, rows, settings.size, settings.stored
        self._part = settings.part

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(images, 3, side, side)."""
        return len(self._rows), 3, self._side, self._side

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        """uint8."""
        return np.dtype(np.uint8)

    def __getitem__(self, rows: int | slice | Integers, /) -> Images:
        """Images of the given rows, uint8 [rows, 3, side, side]; without the first axis for a single row."""
        wanted = self._rows[rows]
        images = np.full((np.size(wanted), *self.shape[1:]), _UNREADABLE, dtype=np.uint8)
        edge = (self._stored - self._side) // 2
        seen = slice(edge, edge + self._side)
        for place, row in enumerate(np.atleast_1d(wanted)):
            try:
                data = Path(self._table.root, self._table.paths[row]).read_bytes()
                images[place] = decode(data, self._stored, self._part)[:, seen, seen]
            except (OSError, BrokenImageError):
                continue
        return images if np.ndim(wanted) else images[0]
