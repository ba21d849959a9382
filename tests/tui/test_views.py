"""A view is a folder: what it declares is all that the screen of a run, its keys and its help ask for."""

import os
import subprocess
import sys
from pathlib import Path

from prusc_tui.views import views
from tests.test_extending import blocks

HOUSE = Path(__file__).parent.parent.parent

LOOK = """
import asyncio, sys
from pathlib import Path
import prusc_tui.views
prusc_tui.views.__path__.append(sys.argv[2])
from core.runs.home import Home
from prusc_tui.app import PruscApp
from prusc_tui.navigation import OpenRun
from prusc_tui.keymap import check_keymap
from tests.tui.lab import NOW, finished_run, text, until

async def look():
    home = Home.open(Path(sys.argv[1]))
    bright, dull = finished_run(home, "bright"), finished_run(home, "dull")
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        app.post_message(OpenRun(bright.id))
        await until(pilot, lambda: "9 weather" in text(app) and "Accuracy by group" in text(app))
        assert "prusc_tui.views.weather.panel" not in sys.modules
        await pilot.press("9")
        await until(pilot, lambda: "sun over bright" in text(app) and "r rain" in text(app))
        await pilot.press("r")
        await until(pilot, lambda: "rain over bright" in text(app))
        await pilot.press("right_square_bracket", "left_square_bracket")
        await until(pilot, lambda: "rain over bright" in text(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: "Weather" in text(app) and "make it rain" in text(app))
        assert "sun and rain over the steps" in text(app)
        await pilot.press("escape", "escape")
        app.post_message(OpenRun(dull.id))
        await until(pilot, lambda: "8 artifacts" in text(app) and "9 weather" not in text(app))
        await pilot.press("9", "left_square_bracket")
        await until(pilot, lambda: app.screen.shown == "look")
    check_keymap({"weather.rain": "w", "run.weather": "0"}, "settings")
    print("seen")

asyncio.run(look())
"""


def test_a_folder_more_is_a_view_more(tmp_path):
    """The view of docs/extending.md, as it is written there."""
    folder = tmp_path / "views" / "weather"
    folder.mkdir(parents=True)
    for name, code in blocks().items():
        if name.startswith("prusc_tui/views/weather/"):
            (folder / Path(name).name).write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path / "home"), str(tmp_path / "views")],
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("seen\n"), done.stderr[-3000:]


def test_every_view_has_a_digit_of_its_own_and_keys_that_bear_its_name():
    assert [view.place for view in views()] == list(range(1, len(views()) + 1))
    for view in views():
        assert all(key.area == view.name for key in view.keys)


def test_declarations_import_no_panel_and_nothing_of_textual():
    code = (
        "import sys; from prusc_tui.views import views; views(); "
        "print(*[m for m in sys.modules if m.partition('.')[0] in ('textual', 'numpy') or m.endswith('.panel')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_documentation_has_every_view_under_its_digit():
    told = (HOUSE / "docs" / "screen.md").read_text(encoding="utf-8")
    for view in views():
        assert f"| `{view.key.keys}` | {view.name} |" in told
