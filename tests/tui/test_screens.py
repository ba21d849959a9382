"""A handful of screens as they look; PRUSC_NEW_SCREENS=1 writes them anew, to be looked at before a commit."""

import os
import time
from pathlib import Path

import pytest

from core.runs.home import Home
from prusc_tui.app import PruscApp
from prusc_tui.navigation import OpenQueue, OpenRun, OpenSweep
from prusc_tui.screens.queue import state
from tests.tui.lab import NOW, finished_run, put, record_of, rows, text, until
from tests.tui.look_lab import Looked, look_of
from tests.tui.queue_lab import full_queue, half_done, kept_sweep, machine

SCREENS = Path(__file__).parent / "screens"


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    home = Home.open(tmp_path)
    finished_run(home, "demo", id="aaaaaaaa")
    put(home, record_of("broken", "failed", id="bbbbbbbb", reason="out of memory", created=NOW - 7200, started=None))
    put(home, record_of("halted", "stopped", id="cccccccc", created=NOW - 9000, started=NOW - 8990, tags=("paper",)))
    yield PruscApp(home, clock=lambda: NOW)
    monkeypatch.undo()
    time.tzset()


async def same_as_kept(pilot, name, first=0):
    """Wait until the screen, from row `first` on, is as it was kept."""
    path = SCREENS / f"{name}.txt"
    if os.environ.get("PRUSC_NEW_SCREENS"):
        await pilot.pause(2.0)
        SCREENS.mkdir(exist_ok=True)
        path.write_text("\n".join(rows(pilot.app)[first:]) + "\n", encoding="utf-8")
    kept = path.read_text(encoding="utf-8").splitlines()
    deadline = time.monotonic() + 10.0
    while rows(pilot.app)[first:] != kept and time.monotonic() < deadline:
        await pilot.pause(0.05)
    assert rows(pilot.app)[first:] == kept


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids="{0[0]}x{0[1]}".format)
async def test_the_runs(app, size):
    async with app.run_test(size=size) as pilot:
        # The first row names the home, which is another one each time.
        await same_as_kept(pilot, f"runs-{size[0]}x{size[1]}", first=1)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids="{0[0]}x{0[1]}".format)
async def test_the_overview_of_a_run(app, size):
    async with app.run_test(size=size) as pilot:
        app.post_message(OpenRun("aaaaaaaa"))
        await same_as_kept(pilot, f"overview-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids="{0[0]}x{0[1]}".format)
async def test_the_images_of_a_group(app, size):
    looked = Looked(app.home, id="dddddddd")
    looked.store(look_of())
    async with app.run_test(size=size) as pilot:
        app.post_message(OpenRun(looked.folder.id))
        await until(pilot, lambda: "Accuracy by group" in text(app))
        await pilot.press("0")
        await same_as_kept(pilot, f"look-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids="{0[0]}x{0[1]}".format)
async def test_the_queue(app, size, monkeypatch):
    monkeypatch.setattr(state.Monitor, "read", lambda _: machine())
    full_queue(app.home)
    async with app.run_test(size=size) as pilot:
        app.post_message(OpenQueue())
        await same_as_kept(pilot, f"queue-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids="{0[0]}x{0[1]}".format)
async def test_a_sweep(app, size):
    half_done(app.home, kept_sweep(app.home))
    async with app.run_test(size=size) as pilot:
        app.post_message(OpenSweep("lr"))
        await same_as_kept(pilot, f"sweep-{size[0]}x{size[1]}")
