import functools
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from core.runs.home import Home

LONG = int(os.environ.get("PRUSC_EXAMPLES", "0"))
"""Examples of each property: a few, the same ones at each time, if it is not set."""
hypothesis.settings.register_profile(
    "prusc",
    max_examples=LONG or 15,
    derandomize=not LONG,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    print_blob=bool(LONG),
)
hypothesis.settings.load_profile("prusc")


def pytest_collection_finish() -> None:
    """A full collection of garbage takes a second with all tests and torch in it: what is here now, stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images of the tests go nowhere near those of whoever runs them, no settings of theirs are read,
    and no GPU of theirs is leased."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PRUSC_CACHE", str(tmp_path_factory.mktemp("cache")))
    patch.setenv("PRUSC_SETTINGS", str(tmp_path_factory.mktemp("settings") / "settings.toml"))
    patch.setenv("PRUSC_LEASES", str(tmp_path_factory.mktemp("leases")))
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """What no test can see is left out: waiting for the disk, which matters if the power fails, and unpacking the
    digits for every run."""
    from core.data import digits

    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fsync", lambda _: None)
    patch.setattr(digits, "read_digits", functools.cache(digits.read_digits))
    yield
    patch.undo()


@pytest.fixture
def home(tmp_path: Path) -> "Home":
    """A home without runs."""
    from core.runs.home import Home

    return Home.open(tmp_path / "home")


@pytest.fixture(scope="session")
def server_of_forks() -> None:
    """Starts the process that is forked, which takes seconds, before a test waits for what it starts itself."""
    from tests.forked import Forked

    Forked([sys.executable, "-c", ""]).wait()


@pytest.fixture
def at_once(server_of_forks: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of Python that a test starts, and that those start, are forked, and need not import torch."""
    from tests.forked import Forked

    monkeypatch.setattr(subprocess, "Popen", Forked)


@pytest.fixture(autouse=True)
def no_warnings_of_another_test() -> Iterator[None]:
    """What one test did with packages, settings and indexes is not warned of by the commands of the next one."""
    yield
    if (discovery := sys.modules.get("core.discovery")) is not None:
        for sentence in discovery.problems():
            del discovery._PROBLEMS[sentence]
    if (log := sys.modules.get("core.runs.log")) is not None:
        log.complaints()
