"""From a data section of the settings to a data set, and to its fingerprint without one."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.config import Cmnist, Data, Photos
from core.data.dataset import DataSet
from core.data.idx import Digits, checksums, read_digits
from core.data.photos import PhotoSource
from core.data.sets import cmnist
from core.data.sets import digits as bundled
from core.data.watch import QUIET, Watch

VERSION = 1
"""Of the builders; a change that changes any data set raises it, so that nothing cached from the old one is used."""

OfDigits = bundled.Settings | Cmnist


class Source(Protocol):
    """Where a data set comes from."""

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


def open_source(config: Data, digits: Path, cache: Path | None = None) -> Source:
    """Find the data that a data section describes, and refuse what can be refused without looking at an image.

    Args:
        config: the data section.
        digits: folder of the packed digits.
        cache: folder of the decoded images of other data sets; None for the user's.

    Raises:
        InputError: the packed digits are missing or damaged; the folder or the table of a data set does not fit.
    """
    if isinstance(config, Photos):
        return PhotoSource(config, cache)
    return _DigitSource(config, digits, _fingerprint(config, digits))


def glance(config: Data, digits: Path) -> DataSet:
    """Like `load`, for what needs labels and shapes: images in a folder are decoded only where they are looked at.

    Raises:
        InputError: the data are gone or do not suffice.
    """
    if isinstance(config, Photos):
        config = config.model_copy(update={"cache": False})
    return load(config, digits)


def load(config: Data, digits: Path, cache: Path | None = None, watch: Watch = QUIET) -> DataSet:
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


def fingerprint(config: Data, digits: Path, cache: Path | None = None, watch: Watch = QUIET) -> str:
    """Hash of all that makes the data set; takes the arguments of `load`, and decodes nothing.

    Of the bundled digits it hashes the settings, the checksums and the version of the builders, and reads no image; of
    images in a folder their content and their table, so it is the same wherever they lie.

    Raises:
        InputError: the data are missing or damaged.
        Interrupted: `watch` said so.
    """
    return open_source(config, digits, cache).fingerprint(watch)


def make(config: OfDigits, train: Digits, test: Digits, key: str) -> DataSet:
    """Make a data set of digits that were read before, by the builder of its kind.

    Args:
        config: the data section.
        train: the training digits.
        test: the test digits.
        key: fingerprint of the data set.

    Raises:
        InputError: the digits do not suffice for the splits.
    """
    if isinstance(config, Cmnist):
        return cmnist.build(config, train, test, key)
    return bundled.build(config, train, test, key)


@dataclass(frozen=True, slots=True)
class _DigitSource:
    config: OfDigits
    digits: Path
    key: str

    def fingerprint(self, watch: Watch = QUIET) -> str:  # noqa: ARG002
        return self.key

    def load(self, watch: Watch = QUIET) -> DataSet:  # noqa: ARG002
        return make(self.config, read_digits(self.digits, "train"), read_digits(self.digits, "t10k"), self.key)


def _fingerprint(config: OfDigits, digits: Path) -> str:
    parts = [config.canonical_hash(), *checksums(digits).values(), str(VERSION)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
