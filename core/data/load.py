"""From a data section of the settings to a data set, and to its fingerprint without one."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.config.data import DataSettings
from core.data.dataset import DataSet
from core.data.watch import QUIET, Watch

if TYPE_CHECKING:
    from core.data.table import ImageTable


class Source(Protocol):
    """Where a data set comes from."""

    @property
    def table(self) -> "ImageTable | None":
        """What it is made of, for a data set in a folder."""
        ...

    def fingerprint(self, watch: Watch = QUIET) -> str:
        """Hexadecimal digits, equal for equal data; may read every image at first.

        Raises:
            InputError: an image is missing.
            Interrupted: `watch` said so.
        """
        ...

    def load(self, watch: Watch = QUIET) -> DataSet:
        """Make the data set; may decode every image at first.

        Raises:
            InputError: the data do not suffice, an image is broken, or the disk is too small.
            Interrupted: `watch` said so.
        """
        ...

    def preview(self) -> DataSet:
        """Make the data set to look at it: no image is opened before it is asked for.

        Raises:
            InputError: the data do not suffice.
        """
        ...


def open_source(config: DataSettings, digits: Path, cache: Path | None = None) -> Source:
    """Find the data that a data section describes, and refuse what can be refused without looking at an image.

    Args:
        config: the data section.
        digits: folder of the packed digits.
        cache: folder of the decoded images of other data sets; None for the user's.

    Raises:
        InputError: the packed digits are missing or damaged; the folder or the table of a data set does not fit.
    """
    return config.source(digits, cache)


def glance(config: DataSettings, digits: Path) -> DataSet:
    """Like `load`, for what needs labels and shapes: images in a folder are decoded only where they are looked at.

    Raises:
        InputError: the data are gone or do not suffice.
    """
    return load(config.undecoded(), digits)


def load(config: DataSettings, digits: Path, cache: Path | None = None, watch: Watch = QUIET) -> DataSet:
    """Make the data set that a data section describes; the same section, and the same images, give the same bits.

    Args:
        config: the data section.
        digits: folder of the packed digits.
        cache: folder of the decoded images of other data sets; None for the user's.
        watch: told of long work, and may stop it.

    Raises:
        InputError: the data are missing or damaged, or do not suffice for the splits.
        Interrupted: `watch` said so.
    """
    return open_source(config, digits, cache).load(watch)


def fingerprint(config: DataSettings, digits: Path, cache: Path | None = None, watch: Watch = QUIET) -> str:
    """Hash of all that makes the data set; takes the arguments of `load`, and decodes nothing.

    Of the bundled digits it hashes the settings, the checksums and the version of the builders, and reads no image; of
    images in a folder their content and their table, so it is the same wherever they lie.

    Raises:
        InputError: the data are missing or damaged.
        Interrupted: `watch` said so.
    """
    return open_source(config, digits, cache).fingerprint(watch)
