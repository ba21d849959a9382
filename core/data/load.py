"""From a data section of the settings to a data set, and to its fingerprint without one."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.config import Data
from core.data.dataset import DataSet
from core.data.digits import Plan, build, colored_mnist, multi_mnist, patch_mnist, texture_mnist
from core.data.idx import checksums, read_digits

VERSION = 1
"""Of the builders; a change that changes any data set raises it, so that nothing cached from the old one is used."""

PLANS: Mapping[str, Callable[[Any], Plan]] = {
    "colored-mnist": colored_mnist,
    "patch-mnist": patch_mnist,
    "texture-mnist": texture_mnist,
    "multi-mnist": multi_mnist,
}


def load(config: Data, digits: Path) -> DataSet:
    """Make the data set that a data section describes; the same section gives the same bits.

    Args:
        config: the data section.
        digits: folder of the packed digits.

    Raises:
        InputError: the packed digits are missing or damaged, or do not suffice for a balanced split.
    """
    key = fingerprint(config, digits)
    train, test = read_digits(digits, "train"), read_digits(digits, "t10k")
    return build(config.name, config, PLANS[config.name](config), train, test, key)


def fingerprint(config: Data, digits: Path) -> str:
    """Hash of the settings, the checksums of the digits and the version of the builders; reads no image.

    Raises:
        InputError: SHA256SUMS is missing or damaged.
    """
    parts = [config.canonical_hash(), *checksums(digits).values(), str(VERSION)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
