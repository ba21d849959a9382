"""From a data section of the settings to a data set, and to its fingerprint without one."""

import hashlib
from pathlib import Path

from core.config import Cmnist, Data
from core.data import cmnist
from core.data import digits as bundled
from core.data.dataset import DataSet
from core.data.idx import Digits, checksums, read_digits

VERSION = 1
"""Of the builders; a change that changes any data set raises it, so that nothing cached from the old one is used."""


def load(config: Data, digits: Path) -> DataSet:
    """Make the data set that a data section describes; the same section gives the same bits.

    Args:
        config: the data section.
        digits: folder of the packed digits.

    Raises:
        InputError: the packed digits are missing or damaged, or do not suffice for the splits.
    """
    key = fingerprint(config, digits)
    return make(config, read_digits(digits, "train"), read_digits(digits, "t10k"), key)


def make(config: Data, train: Digits, test: Digits, key: str) -> DataSet:
    """Make it of digits that were read before, by the builder of its kind.

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


def fingerprint(config: Data, digits: Path) -> str:
    """Hash of the settings, the checksums of the digits and the version of the builders; reads no image.

    Raises:
        InputError: SHA256SUMS is missing or damaged.
    """
    parts = [config.canonical_hash(), *checksums(digits).values(), str(VERSION)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
