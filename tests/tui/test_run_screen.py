"""The screen of one run: following, views, head; with a fake feed and a fixed clock."""

import asyncio
import threading
from dataclasses import replace

import pytest
from textual.widgets import Static

from core.errors import InputError
from core.feed.feed import RunFeed
from prusc_tui.app import PruscApp
from prusc_tui.screens.run.screen import RunScreen
from prusc_tui.views import View
from prusc_tui.widgets.tabs import ViewLine
from tests.tui.lab import NOW, finished_run, put, record_of, rows, until


class Probe(Static):
    """A view that keeps what it was shown."""

    can_focus = True

    def __init__(self, name):
        super().__init__(f"view of {name}")
        self.seen = []

    def show(self, snapshot):
        self.seen.append(snapshot)


@pytest.fixture
def probes(monkeypatch):
    """Probes in place of the views, by name, as they are built."""
    built = {}

    def build(view, _folder, _clock):
        return built.setdefault(view.name, Probe(view.name))

    monkeypatch.setattr(View, "open", build)
    return built


class FakeFeed:
    """Says what the test gives it."""

    def __init__(self, snapshot):
        self.answer = snapshot
        self.looked = threading.Event()

    def poll(self):
        self.looked.set()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def open_screen(home, folder, feed=None):
    app = PruscApp(home, clock=lambda: NOW)
    screen = RunScreen(folder, lambda: NOW)
    if feed is not None:
        screen._poller._look = feed.poll
    return app, screen


async def test_a_finished_run_is_read_and_its_overview_comes_first(home, probes):
    app, screen = open_screen(home, folder := finished_run(home))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes and probes["overview"].seen)
        head = rows(app)[0]
        assert head.strip().startswith("✓ finished  demo")
        assert "prusc on colored-mnist" in head
        assert folder.id in head
        assert list(probes) == ["overview"]


async def test_digits_brackets_and_clicks_bring_views_to_the_front(home, probes):
    app, screen = open_screen(home, finished_run(home))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes)
        for key, name, _ in screen.query_one(ViewLine).tabs:
            await pilot.press(key)
            await until(pilot, lambda name=name: name in probes and probes[name].display and probes[name].seen)
            assert screen.query_one(ViewLine).shown == name
            assert app.focused is probes[name]
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: screen.query_one(ViewLine).shown == "overview")
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: screen.query_one(ViewLine).shown == "look")
        line = rows(app)[1]
        await pilot.click(ViewLine, offset=(line.index("charts"), 0))
        await until(pilot, lambda: screen.query_one(ViewLine).shown == "charts")


async def test_only_the_view_in_front_is_told_and_it_catches_up_when_it_comes_to_the_front(home, probes):
    folder = finished_run(home)
    first = RunFeed(folder, lambda: NOW).poll()
    feed = FakeFeed(first)
    app, screen = open_screen(home, folder, feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes and probes["overview"].seen)
        await pilot.press("2")
        await until(pilot, lambda: "charts" in probes and probes["charts"].seen)
        feed.answer = second = replace(first, taken=NOW + 1)
        await until(pilot, lambda: probes["charts"].seen[-1] is second)
        assert probes["overview"].seen == [first]
        await pilot.press("1")
        await until(pilot, lambda: probes["overview"].seen[-1] is second)


async def test_a_view_is_told_nothing_while_nothing_changes(home, probes):
    folder = finished_run(home)
    feed = FakeFeed(RunFeed(folder, lambda: NOW).poll())
    app, screen = open_screen(home, folder, feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes and probes["overview"].seen)
        for _ in range(3):
            feed.looked.clear()
            screen._poller.hurry()
            await until(pilot, feed.looked.is_set)
        await pilot.pause()
        assert len(probes["overview"].seen) == 1


async def test_a_run_that_cannot_be_read_is_said_once_and_comes_back(home, probes, monkeypatch):
    folder = finished_run(home)
    first = RunFeed(folder, lambda: NOW).poll()
    feed = FakeFeed(first)
    app, screen = open_screen(home, folder, feed)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes and probes["overview"].seen)
        said, notify = [], app.notify
        monkeypatch.setattr(app, "notify", lambda text, **options: (said.append(text), notify(text, **options)))
        feed.answer = InputError("the disk is [red]gone")
        await until(pilot, lambda: any("the disk is [red]gone" in row for row in rows(app)))
        for _ in range(3):
            feed.looked.clear()
            screen._poller.hurry()
            await until(pilot, feed.looked.is_set)
        assert len(said) == 1
        feed.answer = second = replace(first, taken=NOW + 1)
        await until(pilot, lambda: probes["overview"].seen[-1] is second)


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_back_leads_to_the_runs(home, probes, key):
    app, screen = open_screen(home, finished_run(home))
    async with app.run_test(size=(120, 40)) as pilot:
        beneath = app.screen
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes)
        await pilot.press(key)
        await until(pilot, lambda: app.screen is beneath)
        assert app.is_running


async def test_a_name_and_a_reason_that_would_move_the_cursor_are_shown_as_text(home, probes):
    record = record_of("[red]evil\x1b[2J", "failed", reason="\x1b]0;title\x07 [bold]why")
    app, screen = open_screen(home, put(home, record))
    async with app.run_test(size=(200, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "overview" in probes)
        head = rows(app)[0]
        assert r"[red]evil\x1b[2J" in head
        assert r"\x1b]0;title\x07 [bold]why" in head


async def test_a_view_that_is_asked_for_twice_while_it_opens_is_built_once(home, monkeypatch):
    """A fast finger on the key of a view whose mounting takes longer than the next key."""
    built = []
    monkeypatch.setattr(View, "open", lambda view, *_: built.append(Probe(view.name)) or built[-1])
    app, screen = open_screen(home, finished_run(home))
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: built and built[0].seen)
        await asyncio.gather(screen.action_view("charts"), screen.action_view("charts"))
        assert [probe.seen != [] for probe in built] == [True, True]
