"""The overview on the screen: what it shows, when it moves, and when it keeps still."""

from dataclasses import replace

import pytest

from core.events import Progress, Scalars
from core.feed.feed import RunFeed
from core.machine import Gpu, Machine
from prusc_tui.themes import OWN, palette_of
from prusc_tui.views.overview import VIEW
from prusc_tui.widgets.picture import Picture
from tests.tui.lab import NOW, finished_run, rows, running_run, text, until
from tests.tui.stage import Alone

READING = Machine(50.0, 2, 2**32, 2**33, (Gpu(0, "NVIDIA H100", 63.0, 2**34, 80 * 2**30, 61.0, 213.0),))


class Shown(Alone):
    """The panel alone, with themes and a clock."""

    def __init__(self, folder):
        super().__init__(lambda: VIEW.open(None, lambda: self.now))
        self.now = NOW
        for theme in OWN:
            self.register_theme(theme)
        self.theme = "ink"

    @property
    def palette(self):
        return palette_of(self.current_theme)


@pytest.fixture
def still(monkeypatch):
    """A machine that always does the same."""
    asked = []

    def read(_self, pid=None):
        asked.append(pid)
        return READING

    monkeypatch.setattr("core.machine.Monitor.read", read)
    return asked


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_groups_are_in_sight_at_once_at_every_size(home, size):
    folder = finished_run(home)
    app = Shown(folder)
    async with app.run_test(size=size) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "5–9 · red" in text(app))
        for words in ("✓ erm", "✓ finetune", "worst group", "average", "0–4 · green", "93.6 ◂"):
            assert words in text(app)
        heads = next(line for line in rows(app) if "Accuracy by group" in line)
        assert ("Losses" in heads or "class 5–9 has only" in heads) == (size[0] >= 110)


async def test_at_80_columns_the_rest_is_below_and_can_be_scrolled_to(home):
    folder = finished_run(home)
    app = Shown(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "worst group" in text(app))
        assert "No attributes used" not in text(app)
        app.panel.focus()
        await pilot.press("end")
        await until(pilot, lambda: "No attributes used" in text(app))
        assert "worst-group" in text(app)


async def test_a_wider_terminal_puts_it_into_two_columns(home):
    folder = finished_run(home)
    app = Shown(folder)
    async with app.run_test(size=(80, 30)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "worst group" in text(app))
        await pilot.resize_terminal(130, 44)
        await until(pilot, lambda: any("Checkpoints" in line and line.index("Checkpoints") > 60 for line in rows(app)))
        await pilot.resize_terminal(80, 30)
        await until(pilot, lambda: not any("Checkpoints" in line[60:] for line in rows(app)))


async def test_what_did_not_change_is_not_painted(home, painted):
    folder, writer = running_run(home)
    feed = RunFeed(folder, lambda: NOW)
    app = Shown(folder)
    with writer:
        async with app.run_test(size=(120, 40)) as pilot:
            app.panel.show(feed.poll())
            await until(pilot, lambda: "worst group" in text(app))
            await pilot.pause()
            painted.clear()
            app.panel.show(feed.poll())
            assert painted == []
            writer.write(Progress("prune", 20, 200), NOW - 1)
            app.panel.show(feed.poll())
            assert painted == ["stages"]
            painted.clear()
            writer.write(Scalars("prune", 30, 0.1, {"task": 0.5}), NOW)
            app.panel.show(feed.poll())
            assert set(painted) == {"stages", "losses"}
            await until(pilot, lambda: any("task" in line and "0.5" in line for line in rows(app)))


async def test_only_the_cells_that_changed_are_sent(home, monkeypatch):
    folder, writer = running_run(home)
    feed = RunFeed(folder, lambda: NOW)
    app = Shown(folder)
    regions = []
    refresh = Picture.refresh
    monkeypatch.setattr(Picture, "refresh", lambda self, *r, **o: regions.extend(r) or refresh(self, *r, **o))
    with writer:
        async with app.run_test(size=(120, 40)) as pilot:
            writer.write(Progress("prune", 20, 200), NOW - 1)
            app.panel.show(feed.poll())
            await until(pilot, lambda: "20/200" in text(app))
            regions.clear()
            writer.write(Progress("prune", 21, 200), NOW - 1)
            app.panel.show(feed.poll())
            await until(pilot, lambda: "21/200" in text(app))
            assert regions
            assert all(region.height == 1 and region.width < 60 for region in regions)


async def test_a_finished_run_keeps_still(home, painted, still):
    folder = finished_run(home)
    app = Shown(folder)
    async with app.run_test(size=(120, 40)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "worst group" in text(app))
        painted.clear()
        app.now += 100
        assert not app.panel._ticking._active.is_set()
        await pilot.pause()
        assert painted == []
        assert still == []
        assert "CPU" not in text(app)


async def test_a_running_run_moves_with_the_clock_and_shows_the_machine(home, still):
    folder, writer = running_run(home)
    with writer:
        writer.write(Progress("prune", 20, 200), NOW - 1)
        writer.write(Progress("prune", 30, 200, left=17.0), NOW)
        app = Shown(folder)
        async with app.run_test(size=(120, 40)) as pilot:
            app.panel.show(RunFeed(folder, lambda: NOW).poll())
            for words in (
                "GPU 0",
                "NVIDIA H100",
                "61 °C · 213 W",
                "63 %",
                "16.0/80.0 GiB",
                "CPU",
                "50 %",
                "4.0/8.0 GiB",
            ):
                await until(pilot, lambda words=words: words in text(app))
            assert still[0] == RunFeed(folder).poll().record.pid
            assert "17 s left" in text(app)
            app.now += 5
            await until(pilot, lambda: "12 s left" in text(app))


async def test_nothing_moves_while_it_is_hidden(home, still):
    folder, writer = running_run(home)
    with writer:
        app = Shown(folder)
        async with app.run_test(size=(120, 40)) as pilot:
            app.panel.show(RunFeed(folder, lambda: NOW).poll())
            await until(pilot, lambda: "CPU" in text(app))
            app.panel.display = False
            await until(pilot, lambda: app.panel._watching is None)
            assert not app.panel._ticking._active.is_set()
            app.panel.display = True
            await until(pilot, lambda: app.panel._watching is not None)
            assert app.panel._ticking._active.is_set()


async def test_of_a_run_on_another_host_the_machine_is_not_shown(home, still):
    folder, writer = running_run(home)
    with writer:
        app = Shown(folder)
        async with app.run_test(size=(120, 40)) as pilot:
            snapshot = RunFeed(folder, lambda: NOW).poll()
            app.panel.show(replace(snapshot, record=replace(snapshot.record, host="node17")))
            await until(pilot, lambda: "is on node17" in text(app))
            assert still == []


async def test_another_theme_repaints_in_its_colours(home):
    folder = finished_run(home)
    app = Shown(folder)
    async with app.run_test(size=(120, 40)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "worst group" in text(app))
        used = []
        for name in ("ink", "paper"):
            app.theme = name
            bad = palette_of(app.current_theme).bad.lower()
            await until(pilot, lambda bad=bad: bad in colours(app))
            used.append(colours(app))
        assert palette_of(app.get_theme("ink")).bad.lower() not in used[1]


def colours(app):
    return {
        segment.style.color.triplet.hex
        for strip in app.screen._compositor.render_strips(app.size)
        for segment in strip
        if segment.style and segment.style.color and segment.style.color.triplet
    }
