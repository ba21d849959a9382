"""Image files as squares of bytes, decoded on demand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np

from core.data.contents import Contents
from core.data.dataset import Images, Integers
from core.data.decode import BrokenImageError, Part, decode
from core.data.watch import threads


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Image files, and how each is decoded to a square of `side` pixels."""

    contents: Contents
    side: int
    part: Part

    def __len__(self) -> int:
        return len(self.contents)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(images, 3, side, side)."""
        return len(self), 3, self.side, self.side

    def one(self, row: int) -> Images:
        """Decode an image, uint8 [3, side, side].

        Raises InputError, with its line in the table, if it is missing, has changed or cannot be decoded.
        """
        data = self.contents.read(row)
        try:
            return decode(data, self.side, self.part)
        except BrokenImageError as error:
            raise self.contents.files.broken(row, str(error)) from None


@dataclass(frozen=True, slots=True, eq=False)
class OnDemand:
    """Pixels of some rows, int64 [n], that `one` decodes in threads: uint8 [3, side, side] each."""

    one: Callable[[int], Images]
    rows: Integers
    side: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self), 3, self.side, self.side

    @property
    def dtype(self) -> np.dtype[np.uint8]:
        return np.dtype(np.uint8)

    def __getitem__(self, rows: int | slice | Integers) -> Images:
        wanted = self.rows[rows]
        if wanted.ndim == 0:
            return np.ascontiguousarray(self.one(int(wanted)))
        images = np.empty((len(wanted), *self.shape[1:]), dtype=np.uint8)

        def fill(start: int) -> None:
            for place in range(start, min(start + step, len(wanted))):
                images[place] = self.one(int(wanted[place]))

        step = max(1, len(wanted) // (4 * threads()))
        for _ in _pool().map(fill, range(0, len(wanted), step)):
            pass
        return images


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads(), thread_name_prefix="images")
