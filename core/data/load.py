"""Load the data set of a data section."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.config.data import DataSettings
from core.data.dataset import DataSet
from core.data.watch import QUIET, Watch

if TYPE_CHECKING:
    from core.data.table import ImageTable


class Source(Protocol):
    """Source of a data set."""

    @property
    def table(self) -> "ImageTable | None":
        """Table of a data set in a folder; None for other data sets."""
        ...

    def fingerprint(self, watch: Watch = QUIET) -> str:
        """Hexadecimal digits, equal for equal data; the first call may read every image.

        Raises InputError if an image is missing, and Stopped if `watch` requested a stop.
        """
        ...

    def load(self, watch: Watch = QUIET) -> DataSet:
        """Make the data set; the first call may decode every image.

        Raises InputError if there are too few images, an image is broken, or the disk is full, and Stopped if `watch`
        requested a stop.
        """
        ...

    def preview(self) -> DataSet:
        """Make the data set for a look at it: images are opened on demand, and it has no fingerprint."""
        ...


def glance(config: DataSettings, digits: Path) -> DataSet:
    """Like `load`, for use of labels and shapes: images in a folder are decoded on demand."""
    return load(config.undecoded(), digits)


def load(config: DataSettings, digits: Path, cache: Path | None = None, watch: Watch = QUIET) -> DataSet:
    """Make the data set of a data section; the same section and images always give identical data.

    `digits` is the folder of the packed digits. A `cache` of None is the user's cache folder for decoded images. Raises
    InputError if the data are missing or damaged, or too few for the splits, and Stopped if `watch` requested a stop.
    """
    return config.source(digits, cache).load(watch)
