from collections.abc import Callable

import pytest

from core.config import Data
from core.data import DataSet
from core.data.idx import Digits, read_digits
from core.data.load import make as make_of
from experiments.bundled import folder


@pytest.fixture(scope="session")
def train_digits() -> Digits:
    return read_digits(folder(), "train")


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return read_digits(folder(), "t10k")


@pytest.fixture(scope="session")
def make(train_digits: Digits, test_digits: Digits) -> Callable[[Data], DataSet]:
    """Make a data set without reading the packed digits again."""

    def _make(settings: Data) -> DataSet:
        return make_of(settings, train_digits, test_digits, "")

    return _make
