import re
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "cli"))  # driver
from driver import TINY, Prusc, said

from core.runs.folder import RunFolder
from core.runs.home import Home
from tests.slurm.one_node import OneNode, missing

PATIENCE = 120
"""Seconds for what takes some."""
SLOW = [*TINY, "--set", "erm.epochs=20", "--fresh"]
"""A run of some ten seconds."""


class Cluster:
    """`prusc` with a home of its own on a cluster of one node."""

    def __init__(self, prusc, node):
        self.prusc = prusc
        self.node = node

    def run(self, *words, name="one", settings=SLOW):
        """Start a run by SLURM and return its folder."""
        found = said(self.prusc("run", "erm", *settings, "--name", name, "--launcher", "slurm", "--json", *words))
        return self.folder(found["id"])

    def folder(self, id):
        return RunFolder.open(Home.open(self.prusc.home), id)

    def record(self, folder):
        """The record of a run, as `prusc show` sees it."""
        return said(self.prusc("show", folder.id, "--json"))

    def wait(self, folder, *statuses, seconds=PATIENCE):
        """Wait until a run has one of these statuses, and return its record."""
        until = time.monotonic() + seconds
        while (record := self.record(folder))["status"] not in statuses:
            assert time.monotonic() < until, (record["status"], record["reason"], self.log(folder))
            time.sleep(0.3)
        return record

    def wait_for_steps(self, folder):
        """Wait until a run is in the middle of its training."""
        self.wait(folder, "running")
        until = time.monotonic() + PATIENCE
        while b'"kind":"progress"' not in folder.events.read_bytes():
            assert time.monotonic() < until, self.log(folder)
            time.sleep(0.1)

    def log(self, folder):
        return folder.log.read_text(errors="replace") if folder.log.exists() else ""

    def restarts(self, folder):
        """How often SLURM has queued the job of a run again."""
        told = self.node.ask("scontrol", "show", "job", self.job(folder))
        return int(re.search(r"Restarts=(\d+)", told)[1])

    def job(self, folder):
        """Number of the job of a run."""
        return folder.record().job


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """A SLURM of one node, named by the environment while the tests run."""
    if why := missing():
        pytest.skip(f"no SLURM for tests: {why}")
    pytest.importorskip("submitit", reason="no SLURM for tests: submitit is not installed")
    one = OneNode(tmp_path_factory.mktemp("node"))
    patch = pytest.MonkeyPatch()
    try:
        try:
            one.start()
        except (RuntimeError, TimeoutError) as error:
            pytest.skip(f"no SLURM for tests: it does not start here: {error}")
        for name in ("SLURM_CONF", "PATH"):
            patch.setenv(name, one.environment[name])
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        yield one
    finally:
        patch.undo()
        one.stop()


@pytest.fixture
def cluster(node, tmp_path, monkeypatch):
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))
    yield Cluster(Prusc(tmp_path / "home"), node)
    node.ask("scancel", "--full", "--signal=KILL", "--me")
    node.ask("scancel", "--me")
    node.ask("scontrol", "update", f"nodename={node.host}", "state=resume")
    node.wait_for(lambda: not node.ask("squeue", "-h"), "jobs are left")


@pytest.fixture(scope="session")
def undisturbed(node, tmp_path_factory):
    """A run like the slow ones, which nobody stopped, by SLURM."""
    cluster = Cluster(Prusc(tmp_path_factory.mktemp("undisturbed") / "home"), node)
    folder = cluster.run()
    cluster.wait(folder, "finished")
    node.wait_for(lambda: not node.ask("squeue", "-h"), "the job does not end")  # it has a few words after the run
    return folder
