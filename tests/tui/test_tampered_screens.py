"""Runs with an attack in every field: no screen and no view shows more than text."""

import pytest
from textual.screen import Screen
from textual.widgets import Static

from core.runs.log import RunLog
from prusc_tui.app import PruscApp
from prusc_tui.safe_lines import SafeLines
from prusc_tui.screens.compare.screen import CompareScreen
from prusc_tui.screens.run.screen import RunScreen
from tests.hostile import OBEYED, spoil
from tests.tui.lab import NOW, all_read, finished_run, irm_run, rows, text, until


@pytest.fixture
def folders(home):
    made = [finished_run(home, "a", reason="r"), finished_run(home, "b", seed=1), irm_run(home, "c", tags=("t",))]
    for folder in made:
        spoil(folder)
    RunLog(home).rebuild()
    return made


def obeyed(app):
    return sorted({sign for row in rows(app) for sign in OBEYED.findall(row)})


async def test_every_screen_and_every_view_shows_the_fields_as_text(home, folders, monkeypatch):
    monkeypatch.setattr(SafeLines, "apply", lambda _self, segments, _background: segments)  # each widget by itself
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: r"\x1b]0;owned" in text(app))
        assert obeyed(app) == []
        for folder, only in ((folders[1], None), (folders[2], {"environments"})):
            await app.push_screen(RunScreen(folder, lambda: NOW))
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and r"\x1b]0;owned" in text(app))
            for name in only or list(app.screen._names):
                await app.screen.action_view(name)
                await all_read(pilot)
                assert obeyed(app) == [], name
            await pilot.press("escape")
        await app.push_screen(CompareScreen(folders, lambda: NOW))
        for view in "123":
            await pilot.press(view)
            await all_read(pilot)
            assert obeyed(app) == [], f"compare, view {view}"


class Careless(Screen):
    def compose(self):
        yield Static("a\x1b[2J\x9b1mb\u202ec", markup=False)


async def test_what_a_widget_leaves_in_a_text_is_dropped(home):
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(40, 5)) as pilot:
        await app.push_screen(Careless())
        await until(pilot, lambda: "a[2J1mbc" in text(app))
        assert obeyed(app) == []
