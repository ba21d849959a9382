"""One thread, so that runs are quick on a shared machine; one finished run to compare with."""

import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from tests.engine.lab import copied, finished
from tests.threads import one_thread  # noqa: F401  # for every test here


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A prusc run that nobody interrupted."""
    return finished(Home.open(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def copy_of_whole(whole: RunFolder, home: Home) -> RunFolder:
    """The uninterrupted run in a home of its own, in the index there."""
    return copied(whole, home)
