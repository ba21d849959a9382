"""The panel Environments on the screen: what it shows at every size, when it moves, and when it keeps still."""

import time

import pytest

from core.events import Progress, Warned
from core.feed.feed import RunFeed
from core.runs.alive import here
from core.runs.stream import EventWriter
from prusc_tui.app import PruscApp
from prusc_tui.navigation import OpenRun
from prusc_tui.views.environments.panel import EnvironmentsPanel
from prusc_tui.widgets.tabs import ViewLine
from tests.tui.lab import (
    MADE,
    NOW,
    finished_run,
    irm_record,
    irm_run,
    of_classes,
    put,
    record_of,
    rows,
    say_ends,
    say_environments,
    say_look,
    say_steps,
    text,
    until,
)
from tests.tui.stage import Alone

SIZES = [(80, 24), (120, 40), (200, 60)]


async def settle(pilot):
    """Wait until the layout asks for nothing more."""
    before = None
    deadline = time.monotonic() + 10
    while before != (now := text(pilot.app)):
        assert time.monotonic() < deadline
        before = now
        await pilot.pause()
        await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
async def test_environments_come_first_and_the_rest_can_be_scrolled_to(home, size):
    folder = irm_run(home)
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=size) as pilot:
        app.panel.show(RunFeed(folder).poll())
        for words in ("● minority", "3,040 of 30,000", "0–4 · green ≠", "98.4 %", "precision", "Risk and penalty"):
            await until(pilot, lambda words=words: words in text(app))
        assert all(len(row) <= size[0] for row in rows(app))
        app.panel.focus()
        await pilot.press("end")
        for words in ("Restarts", "62.1 ± 4.0", "1e" if size[0] > 80 else "penalty"):
            await until(pilot, lambda words=words: words in text(app))


@pytest.mark.parametrize("size", SIZES[1:], ids="{0[0]}x{0[1]}".format)
async def test_in_a_wide_terminal_all_is_in_sight_with_the_curves_at_the_side(home, size):
    folder = irm_run(home)
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=size) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "test       worst group" in text(app))
        await settle(pilot)
        assert app.panel.max_scroll_y == 0
        heads = next(row for row in rows(app) if row.strip().startswith("Environments"))
        assert "Risk and penalty" in heads


async def test_another_size_takes_another_layout(home):
    folder = irm_run(home)
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "Conflict samples" in text(app))
        await pilot.resize_terminal(130, 44)
        await until(pilot, lambda: any("Environments" in row and "Risk and penalty" in row for row in rows(app)))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not any("Environments" in row and "Risk and penalty" in row for row in rows(app)))


async def test_it_grows_while_the_run_works_and_ends_with_all_three_splits(home):
    folder = put(home, irm_record(status="running", **here()))
    feed, app = RunFeed(folder, lambda: NOW), Alone(EnvironmentsPanel)
    with EventWriter(folder.events) as writer:
        async with app.run_test(size=(120, 40)) as pilot:
            app.panel.show(feed.poll())
            await until(pilot, lambda: "Environments come with stage 'environments'" in text(app))
            assert "Restarts" not in text(app)
            say_environments(writer, NOW)
            app.panel.show(feed.poll())
            await until(pilot, lambda: "● minority" in text(app))
            assert "Risk and penalty" not in text(app)
            say_steps(writer, NOW, 60)
            say_look(writer, NOW, 60)
            app.panel.show(feed.poll())
            await until(pilot, lambda: "Risk and penalty" in text(app) and "validation at step 60" in text(app))
            assert "→ 9,100" not in text(app)
            say_steps(writer, NOW, 500, since=60)
            say_ends(writer, NOW + 9)
            app.panel.show(feed.poll())
            await until(pilot, lambda: "at step 190" in text(app) and "62.1 ± 4.0" in text(app))
            assert "validation at step" not in text(app)


async def test_what_did_not_change_is_not_painted(home, painted):
    folder = put(home, irm_record(status="running", **here()))
    feed, app = RunFeed(folder, lambda: NOW), Alone(EnvironmentsPanel)
    with EventWriter(folder.events) as writer:
        say_environments(writer, NOW)
        say_steps(writer, NOW, 60)
        say_look(writer, NOW, 60)
        async with app.run_test(size=(120, 40)) as pilot:
            app.panel.show(feed.poll())
            await until(pilot, lambda: "validation at step 60" in text(app))
            await settle(pilot)
            painted.clear()
            app.panel.show(feed.poll())
            await pilot.pause()
            assert painted == []
            writer.write(Progress("train", 61, 500), NOW)
            app.panel.show(feed.poll())
            await pilot.pause()
            assert painted == []
            say_steps(writer, NOW, 70, since=60)
            app.panel.show(feed.poll())
            await pilot.pause()
            assert set(painted) == {"course"}
            painted.clear()
            say_look(writer, NOW, 70)
            app.panel.show(feed.poll())
            await until(pilot, lambda: "validation at step 70" in text(app))
            assert set(painted) == {"restarts"}


async def test_alarms_of_the_stages_at_work_here_are_said_and_no_others(home):
    folder = irm_run(home)
    with EventWriter(folder.events) as writer:
        writer.write(Warned("environments", "one-class-environment", "Environment 'minority' has one class"), NOW)
        writer.write(Warned("cluster", "few", "of the clusters"), NOW)
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=(120, 40)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "! Environment 'minority' has one class" in text(app))
        assert "of the clusters" not in text(app)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda home: finished_run(home), "Recipe 'prusc' makes no environments."),
        (
            lambda home: put(home, irm_record(status="failed", reason="x")),
            "There are no environments: the run is failed",
        ),
        (lambda home: put(home, record_of(recipe="[red]x\x1b")), "Recipe '[red]x\\x1b' makes no environments."),
    ],
    ids=["other recipe", "failed", "strange name"],
)
async def test_a_sentence_says_what_is_missing(home, make, words):
    folder = make(home)
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: words in " ".join(text(app).split()))
        assert "Restarts" not in text(app)


async def test_without_attributes_the_worst_class_of_the_restarts_is_shown(home):
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=(120, 40)) as pilot:
        app.panel.show(of_classes(RunFeed(irm_run(home)).poll()))
        await until(pilot, lambda: "test       worst class" in text(app))
        assert "worst group" not in text(app)


async def test_without_colour_marks_and_textures_say_it_all(home, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    folder = irm_run(home)
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=(120, 40)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "test       worst group" in text(app))
        said = text(app)
        for character in "█▓▒░●■≠├┤":
            assert character in said


async def test_keys_scroll_by_line_and_to_the_ends(home):
    folder = irm_run(home, weights=(1.0, 100.0, 9100.0))
    app = Alone(EnvironmentsPanel)
    async with app.run_test(size=(80, 24)) as pilot:
        app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: app.panel.max_scroll_y > 20)
        app.panel.focus()
        await pilot.press("G")
        await until(pilot, lambda: app.panel.scroll_y == app.panel.max_scroll_y)
        await pilot.press("k")
        await until(pilot, lambda: app.panel.scroll_y == app.panel.max_scroll_y - 1)
        await pilot.press("g")
        await until(pilot, lambda: app.panel.scroll_y == 0)


async def test_five_brings_it_to_the_front_between_masks_and_config(home):
    irm_run(home, id="aaaaaaaa")
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        app.post_message(OpenRun("aaaaaaaa"))
        await until(pilot, lambda: "Restarts" in text(app))
        assert "4 masks  5 environments  6 config" in rows(app)[1]
        await pilot.press("5")
        await until(pilot, lambda: "Conflict samples" in text(app))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: app.screen.query_one(ViewLine).shown == "config")


async def test_the_line_of_views_fits_into_80_columns_and_its_names_can_be_clicked(home):
    irm_run(home, id="aaaaaaaa")
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenRun("aaaaaaaa"))
        await until(pilot, lambda: "5 envs 6 config 7 log 8 files 0 look" in text(app))
        await pilot.click(ViewLine, offset=(rows(app)[1].index("envs"), 0))
        await until(pilot, lambda: app.screen.query_one(ViewLine).shown == "environments")


async def test_the_overview_panel_shows_both_in_brief(home):
    irm_run(home, id="aaaaaaaa")
    app = PruscApp(home, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        app.post_message(OpenRun("aaaaaaaa"))
        for words in ("3 restarts, test", "62.1 ± 4.0", f"{sum(MADE.table[0]):,} in minority", "penalty worst"):
            await until(pilot, lambda words=words: words in text(app))
