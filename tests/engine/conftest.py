"""One thread, so that runs are quick on a shared machine; a home of its own; one finished run to compare with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core.runs.folder import RunFolder
from core.runs.home import Home
from tests.engine.lab import finished


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    patch = pytest.MonkeyPatch()
    patch.setenv("OMP_NUM_THREADS", "1")
    yield
    patch.undo()
    torch.set_num_threads(before)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A prusc run that nobody interrupted."""
    return finished(Home.open(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def copy_of_whole(whole: RunFolder, home: Home) -> RunFolder:
    """The uninterrupted run in a home of its own, in the index there."""
    import shutil

    from core.runs.log import RunLog

    shutil.copytree(whole.path, home.runs / whole.id)
    folder = RunFolder.open(home, whole.id)
    RunLog(home).put(folder.record())
    return folder
