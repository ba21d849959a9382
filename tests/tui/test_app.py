"""What holds the screens together: help, themes, palette, leaving, one run at once."""

import gc
import os
import subprocess
import sys
import weakref
from types import SimpleNamespace

import pytest

from experiments import hosting
from prusc_tui.app import PruscApp
from prusc_tui.keymap import KEYS
from prusc_tui.screens.help import HelpScreen
from prusc_tui.screens.run.screen import RunScreen
from prusc_tui.settings import Settings, read_settings
from prusc_tui.themes import NAMES, TERMINAL
from prusc_tui.widgets.dialogs import LeaveScreen
from tests.tui.lab import NOW, finished_run, put, record_of, rows, until


@pytest.fixture
def settings_file(tmp_path):
    return tmp_path / "settings.toml"


class FakeEngine:
    """Runs that live in this process, without any."""

    def __init__(self, *folders):
        self.folders = folders

    def running(self):
        return list(self.folders)


async def test_help_shows_every_key_those_at_work_first_with_the_users_own(home):
    app = PruscApp(home, Settings(keys={"life.stop": "ctrl+x"}), clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = "\n".join(str(block.render()) for block in app.screen.query("Static"))
        assert all(key.help in text for key in KEYS)
        assert text.index("Runs") < text.index("Charts")
        stop = next(line for line in text.splitlines() if "stop at the next step" in line)
        assert stop.startswith("^x")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


async def test_the_keymap_rebinds_a_key(home):
    app = PruscApp(home, Settings(keys={"app.help": "f9"}), clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert not isinstance(app.screen, HelpScreen)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


@pytest.mark.parametrize(
    "keys", [["enter", "2", "1"], ["space", "space", "c"], ["n"], ["d"], ["Q"], ["s"], ["question_mark"]]
)
async def test_a_closed_screen_and_its_lines_are_forgotten(home, keys):
    for name in ("one", "two"):
        finished_run(home, name)
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "2 runs" in rows(app)[0])
        first = app.screen
        await pilot.press(*keys)
        await until(pilot, lambda: app.screen is not first)
        closed, widget = weakref.ref(app.screen), weakref.ref(next(iter(app.screen.query("Widget"))))
        drawn = weakref.ref(widget()._styles_cache)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is first)

        def gone():
            gc.collect()
            return [of() for of in (closed, widget, drawn)] == [None] * 3

        await until(pilot, gone)


async def test_a_theme_is_taken_drawn_with_and_remembered(home, settings_file):
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        before = app.palette
        await pilot.press("T")
        await pilot.pause()
        assert app.theme == NAMES[1]
        assert app.palette != before
        assert read_settings(settings_file).theme == NAMES[1]


async def test_a_theme_that_cannot_be_remembered_is_taken_all_the_same(home, settings_file):
    settings_file.mkdir()
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("T")
        await until(pilot, lambda: any("cannot be written" in row for row in rows(app)))
        assert app.theme == NAMES[1]


@pytest.mark.parametrize(("system", "theme"), [("standard", TERMINAL[0]), ("256", "ink"), ("truecolor", "ink")])
def test_a_terminal_of_16_colours_keeps_its_own(home, monkeypatch, system, theme):
    monkeypatch.setattr("rich.console.Console.color_system", system)
    assert PruscApp(home).theme == theme
    assert PruscApp(home, Settings(theme="paper")).theme == "paper"


async def test_the_palette_offers_every_key_at_work_and_every_theme(home):
    finished_run(home)
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        offered = {command.title: command for command in app.get_system_commands(app.screen)}
        assert {"runs: filter", "run: stop", "run: export", "go: data", "screen: help", "theme: paper"} <= set(offered)
        offered["theme: paper"].callback()
        assert app.theme == "paper"


class Knot:
    """Garbage that only a collection finds."""

    def __init__(self):
        self.own = self


async def test_garbage_is_collected_now_and_then(home, monkeypatch):
    monkeypatch.setattr("prusc_tui.app.COLLECT_EVERY", 0.1)
    gc.disable()
    try:
        async with PruscApp(home).run_test() as pilot:
            knot = weakref.ref(Knot())
            await until(pilot, lambda: knot() is None)
    finally:
        gc.enable()


async def test_no_garbage_is_collected_while_keys_come(home, monkeypatch):
    monkeypatch.setattr("prusc_tui.app.COLLECT_EVERY", 0.01)
    monkeypatch.setattr("prusc_tui.app.REST", 60.0)
    gc.disable()
    try:
        async with PruscApp(home).run_test() as pilot:
            await pilot.press("down")
            knot = weakref.ref(Knot())
            await pilot.pause(0.1)
            assert knot() is not None
    finally:
        gc.enable()


async def test_who_never_rests_gets_a_collection_too_in_a_shorter_pause_the_longer_it_was_put_off(home, monkeypatch):
    monkeypatch.setattr("prusc_tui.app.REST", 60.0)
    monkeypatch.setattr("prusc_tui.app.LATEST", 100.0)
    app, now, collected = PruscApp(home), [0.0], []
    monkeypatch.setattr("prusc_tui.app.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr("prusc_tui.app.gc", SimpleNamespace(collect=lambda: collected.append(now[0])))

    def keys_every(seconds):
        """A user who presses a key every few seconds while the app waits."""

        async def sleep(wait):
            now[0] += wait
            app._touched = now[0] - now[0] % seconds

        return SimpleNamespace(sleep=sleep)

    pauses = (1.0, 15.0, 30.0)
    for pause in pauses:
        now[0] = app._touched = 0.0
        monkeypatch.setattr("prusc_tui.app.asyncio", keys_every(pause))
        await app._collect()
    assert sorted(collected, reverse=True) == collected
    assert collected[0] <= 100
    for pause, at in zip(pauses, collected, strict=True):
        assert 60 * (1 - at / 100) <= pause


async def test_one_run_is_opened_at_once_and_back_leads_to_the_runs(home):
    folder = finished_run(home)
    app = PruscApp(home, run=folder.id, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.seen is not None)
        await pilot.press("q")
        await until(pilot, lambda: any("demo" in row and "finished" in row for row in rows(app)))


async def test_leaving_asks_only_where_a_run_lives_in_the_program(home, monkeypatch):
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        monkeypatch.setattr(hosting, "ENGINE", FakeEngine(put(home, record_of("[b]inside", "running"))))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, LeaveScreen))
        assert any("[b]inside" in row for row in rows(app))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, LeaveScreen))
        assert app._exit is False
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, LeaveScreen))
        await pilot.press("y")
        await until(pilot, lambda: app._exit)


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_leaving_is_one_key_otherwise(home, key):
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await until(pilot, lambda: app._exit)


def test_a_picture_is_written_where_the_program_was_started(home, monkeypatch, tmp_path):
    import asyncio

    monkeypatch.chdir(tmp_path)

    async def press():
        app = PruscApp(home, clock=lambda: NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("f12")
            await until(pilot, lambda: list(tmp_path.glob("*.svg")))

    asyncio.run(press())
    assert "<svg" in next(tmp_path.glob("*.svg")).read_text()[:200]


def said(home, *words, **environment):
    code = "from prusc_tui.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PRUSC_HOME": str(home.root), **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nonsense"], "no run"),
        (["--theme", "papr"], "unknown theme 'papr'; did you mean 'paper'?"),
        (["--them", "x", "y", "z"], "unrecognized arguments: z; see: prusc-tui --help"),
        (["--home", "~nobody-of-this-name/x"], "home folder"),
        ([], "needs a terminal"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(home, words, sentence):
    code, error = said(home, *words)
    assert code == 2
    assert sentence in error
    assert error.count("\n") == 1


def test_a_broken_settings_file_is_said_before_the_screen_opens(home, settings_file):
    settings_file.write_text("theme = 'nonsense'")
    code, error = said(home, PRUSC_SETTINGS=str(settings_file))
    assert code == 2
    assert "nonsense" in error
    assert str(settings_file) in error
