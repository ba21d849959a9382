"""What the process of the screen never loads, seen from a fresh interpreter that goes through every screen."""

import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parent.parent.parent

TOUR = """
import asyncio, sys
from pathlib import Path
from core.runs.home import Home
from prusc_tui.app import PruscApp
from prusc_tui.navigation import OpenCompare, OpenData, OpenNew, OpenQueue, OpenRun, OpenSweep
from tests.tui.lab import NOW, all_read, finished_run, text, until
from tests.tui.queue_lab import kept_sweep

async def every_view(pilot):
    screen = pilot.app.screen
    for tab in screen.query_one("ViewLine").tabs:
        await pilot.press(tab.key)
        await until(pilot, lambda: screen.front is not None and screen.front.id == f"view-{tab.name}")
        await all_read(pilot)

async def tour():
    home = Home.open(Path(sys.argv[1]))
    one, other = finished_run(home, "one"), finished_run(home, "other", seed=1)
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        first = app.screen
        await until(pilot, lambda: first.query_one("RunTable").current is not None)
        at_start = set(sys.modules)
        app.post_message(OpenRun(one.id))
        await until(pilot, lambda: app.screen is not first and app.screen.seen is not None)
        await every_view(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is first)
        app.post_message(OpenCompare([one.id, other.id]))
        await until(pilot, lambda: app.screen is not first)
        await every_view(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is first)
        app.post_message(OpenNew(preset="demo"))
        await until(pilot, lambda: len(app.screen.query("FieldRow")) > 3)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is first)
        app.post_message(OpenData())
        await until(pilot, lambda: "presets" in text(app))
        await pilot.press("escape")
        app.post_message(OpenQueue())
        await until(pilot, lambda: "Devices" in text(app))
        await pilot.press("escape")
        kept_sweep(home)
        app.post_message(OpenSweep())
        await until(pilot, lambda: "0 of 12" in text(app))
        app.post_message(OpenSweep("lr"))
        await until(pilot, lambda: "lr=0.05" in text(app))
    tops = lambda names: sorted({name.partition(".")[0] for name in names})
    print(*tops(at_start))
    print(*tops(sys.modules))

asyncio.run(tour())
"""


def test_no_screen_ever_imports_torch_and_the_first_frame_nothing_heavy(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TOUR, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(HOUSE), "PRUSC_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    at_start, after = (set(line.split()) for line in done.stdout.splitlines()[-2:])
    assert at_start & {"torch", "torchvision", "sklearn", "pandas", "numpy", "PIL"} == set()
    assert after & {"torch", "torchvision", "sklearn", "pandas"} == set()
