"""What every panel does: it shows the newest run once it can, and takes the answer to its last question alone."""

import threading

import pytest
from textual.widgets import Static

from core.feed.feed import RunFeed
from prusc_tui.widgets.panel import Panel, Reading
from tests.tui.lab import finished_run, until
from tests.tui.stage import Alone


class Plain(Panel):
    """Writes down what it is to show, and what it reads."""

    def __init__(self):
        super().__init__()
        self.shown, self.read = [], []
        self.reading = Reading(self, self.read.append)

    def compose(self):
        yield Static("plain")

    def show_snapshot(self, snapshot):
        self.shown.append((snapshot, bool(self.query(Static))))


@pytest.fixture
def snapshot(home):
    return RunFeed(finished_run(home)).poll()


async def test_what_comes_before_the_panel_has_a_place_is_shown_when_it_has_one(snapshot):
    app = Alone(Plain)
    app.make = lambda: panel
    panel = Plain()
    panel.show(snapshot)
    assert panel.shown == []
    async with app.run_test():
        assert panel.shown == [(snapshot, True)]


async def test_the_very_same_snapshot_is_shown_once(snapshot):
    app = Alone(Plain)
    async with app.run_test():
        app.panel.show(snapshot)
        app.panel.show(snapshot)
        assert len(app.panel.shown) == 1


async def test_an_answer_is_taken_on_the_event_loop(snapshot):
    app = Alone(Plain)
    async with app.run_test() as pilot:
        threads = []
        reading = Reading(app.panel, lambda found: threads.append((found, threading.current_thread())))
        reading.ask(threading.current_thread)
        await until(pilot, lambda: threads)
        ((read_on, taken_on),) = threads
        assert taken_on is threading.current_thread() is not read_on
        assert read_on.daemon  # no exit waits for it


async def test_an_answer_that_comes_after_another_question_is_dropped():
    app = Alone(Plain)
    slow, done = threading.Event(), threading.Event()

    def late():
        slow.wait(10)
        done.set()
        return "late"

    async with app.run_test() as pilot:
        app.panel.reading.ask(late)
        app.panel.reading.ask(lambda: "new")
        await until(pilot, lambda: app.panel.read == ["new"])
        slow.set()
        await until(pilot, done.is_set)
        await pilot.pause()
        assert app.panel.read == ["new"]


async def test_what_is_forgotten_is_not_answered():
    app = Alone(Plain)
    async with app.run_test() as pilot:
        question = app.panel.reading.begin()
        assert question.answer("first")
        await until(pilot, lambda: app.panel.read == ["first"])
        app.panel.reading.forget()
        assert question.stale
        assert not question.answer("second")
        await pilot.pause()
        assert app.panel.read == ["first"]


async def test_an_answer_on_its_way_when_the_next_question_is_asked_is_dropped():
    app = Alone(Plain)
    async with app.run_test() as pilot:
        reading = app.panel.reading
        reading.begin().answer("on its way")
        reading.begin().answer("newest")
        await until(pilot, lambda: app.panel.read)
        assert app.panel.read == ["newest"]


async def test_an_error_nobody_expected_is_said_and_the_panel_lives():
    app = Alone(Plain)

    def broken():
        raise RuntimeError("[red]no disk")

    async with app.run_test(notifications=True) as pilot:
        app.panel.reading.ask(broken)
        await until(pilot, lambda: app._notifications)
        assert [toast.message for toast in app._notifications] == ["cannot be read (RuntimeError: [red]no disk)"]
        app.panel.reading.ask(lambda: "again")
        await until(pilot, lambda: app.panel.read == ["again"])


async def test_nothing_reaches_a_panel_that_is_gone():
    app = Alone(Plain)
    async with app.run_test():
        question = app.panel.reading.begin()
        await app.panel.remove()
        assert question.answer("too late") is False
    assert app.panel.read == []
