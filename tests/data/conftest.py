from collections.abc import Callable
from pathlib import Path

import pytest

from core.data.dataset import DataSet
from core.data.idx import Digits, read_digits
from core.data.settings import Bundled
from experiments.bundled import folder
from tests.data.photo_lab import waterbirds


@pytest.fixture(scope="session")
def train_digits() -> Digits:
    return read_digits(folder(), "train")


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return read_digits(folder(), "t10k")


@pytest.fixture(scope="session")
def make(train_digits: Digits, test_digits: Digits) -> Callable[[Bundled], DataSet]:
    """Make a data set without reading the packed digits again."""

    def _make(settings: Bundled) -> DataSet:
        return settings.build(train_digits, test_digits, "")

    return _make


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small Waterbirds."""
    return waterbirds(tmp_path_factory.mktemp("birds"), n=300)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A folder for decoded images."""
    return tmp_path / "cache"
