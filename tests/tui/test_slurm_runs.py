"""Runs on a cluster: the list shows what SLURM says of their jobs, and the keys reach them."""

import os

import pytest

from experiments.slurm import cluster
from prusc_tui.screens.runs.screen import RunsScreen
from tests.slurm.fake import Fake
from tests.tui.lab import NOW, put, record_of, text, until
from tests.tui.stage import Stage

NOBODY = {"started": None, "pid": None, "pid_started": None, "host": None}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    yield Fake(folder)
    cluster._lists.clear()


async def test_a_waiting_run_is_cancelled_by_the_key_that_stops(home, slurm):
    folder = put(home, record_of("waits", "queued", launcher="slurm", job="7_3", **NOBODY))
    slurm.says("7_3|PENDING|Priority|")
    app = Stage(lambda: RunsScreen(home, lambda: NOW))
    async with app.run_test() as pilot:
        await until(pilot, lambda: "queued" in text(app))
        await pilot.press("S")
        await until(pilot, lambda: slurm.called("scancel") == ["--quiet 7_3"])
        await until(pilot, lambda: "stopped" in text(app))
    assert folder.record().status == "stopped"


async def test_a_run_whose_node_is_lost_is_shown_as_lost(home, slurm):
    put(home, record_of("ends", "queued", launcher="slurm", job="7", **(NOBODY | {"started": NOW})))
    slurm.says("7|NODE_FAIL|NodeDown|a-node")
    app = Stage(lambda: RunsScreen(home, lambda: NOW))
    async with app.run_test() as pilot:
        await until(pilot, lambda: "lost" in text(app))
