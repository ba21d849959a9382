import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from driver import TINY, Prusc, Said

from tests.threads import one_thread  # noqa: F401  # for every test here

sys.path.append(str(Path(__file__).parents[1] / "data"))  # folders in published layouts: photo_lab


@pytest.fixture(scope="session", autouse=True)
def impatient():
    """Commands look at what they follow more often than a person needs, so that they end when it does."""
    patch = pytest.MonkeyPatch()
    for looks in ("prusc_tui.cli.host.EVERY", "prusc_tui.cli.sweep_live.EVERY", "experiments.actions.LOOK_EVERY"):
        patch.setattr(looks, 0.03)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """`prusc` with a home that holds one finished run called `first`, and what `prusc run --json` said of it."""
    prusc = Prusc(tmp_path_factory.mktemp("finished"))
    with prusc.start(
        "run",
        "prusc",
        *TINY,
        "--name",
        "first",
        "--tag",
        "tiny",
        "--json",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, err = process.communicate(timeout=120)
    prusc.said = Said(process.returncode, out, err)
    return prusc


@pytest.fixture
def prusc(tmp_path, at_once):
    """`prusc` with a home that does not exist yet; the processes that it starts are forked."""
    return Prusc(tmp_path / "home")


@pytest.fixture
def detached(prusc):
    """Name of a run that works for some seconds in a process of its own."""
    said = prusc("run", "erm", *TINY, "--set", "erm.epochs=20", "--name", "detached", "--detach", "--json")
    assert said.code == 0, said.err
    yield "detached"
    record = prusc("show", "detached", "--json")
    if record.code == 0 and record.json["status"] in ("queued", "running"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.json["pid"], signal.SIGKILL)
