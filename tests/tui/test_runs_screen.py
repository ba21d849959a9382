"""The first screen: every key and the mouse, the filter as it is typed, the side panel, a home without runs."""

import pytest
from textual.widgets import Input

from core.events import Progress, Scalars
from core.runs.home import Home
from core.runs.log import RunLog
from prusc_tui.screens.runs import side as side_module
from prusc_tui.screens.runs.filter import RunFilter
from prusc_tui.screens.runs.screen import RunsScreen
from prusc_tui.screens.runs.side import SidePanel
from prusc_tui.screens.runs.table import RunTable
from prusc_tui.widgets.dialogs import AskScreen, LineScreen
from tests.tui.lab import NOW, finished_run, put, record_of, rows, running_run, text, until
from tests.tui.stage import Stage

NASTY = "[red]x\x1b]0;t\x07"


@pytest.fixture
def runs(home):
    """Six runs, newest first: their folders by name."""
    made = {}
    for age, (name, fields) in enumerate(
        {
            "alpha": {"seed": 3, "tags": ("paper",)},
            "beta": {"recipe": "erm", "seed": 1},
            "gamma": {"seed": 2},
            "delta": {"status": "stopped"},
            "epsilon": {"status": "failed", "reason": "erm: the disk is full"},
            "zeta": {"recipe": "last-layer", "data": "patch-mnist"},
        }.items()
    ):
        when = NOW - 100 * age
        # An id without letters, so that no filter finds it by chance.
        made[name] = put(home, record_of(name, id=f"2222222{age}", created=when, started=when, **fields))
    return made


def stage(home, clock=lambda: NOW):
    return Stage(lambda: RunsScreen(home, clock))


def names(app):
    """Names in the table, from top to bottom."""
    return [row.summary["name"] for row in app.screen.query_one(RunTable).rows]


def current(app):
    table = app.screen.query_one(RunTable)
    return next((row.summary["name"] for row in table.rows if row.id == table.current), None)


async def ready(pilot, count=6):
    await until(pilot, lambda: len(names(pilot.app)) == count)
    await pilot.pause()


async def test_all_runs_are_there_newest_first_with_their_number(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        assert names(app) == list(runs)
        assert rows(app)[0].split()[:3] == ["prusc-tui", "6", "runs"]
        assert str(home.root)[-20:] in rows(app)[0]
        assert "open" in rows(app)[-1]
        assert "help" not in rows(app)[-2]


async def test_a_home_without_runs_says_how_to_begin(tmp_path):
    home = Home.open(tmp_path / "new", create=False)
    app = stage(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No runs yet" in text(app))
        assert "press n to start one" in text(app)
        await pilot.press("enter", "space", "c", "slash", "a", "down", "S", "D", "r", "y")
        assert app.asked == app.copied == []
        await pilot.press("n")
        assert app.asked == [("new", None)]
        finished_run(Home.open(home.root), "first")
        await until(pilot, lambda: "first" in text(app))
        assert "No runs yet" not in text(app)


async def test_runs_of_other_processes_appear_move_and_go_by_themselves(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        await pilot.press("down")
        folder, writer = running_run(home, "live", created=NOW + 5)
        await until(pilot, lambda: names(app)[0] == "live")
        assert current(app) == "beta"
        assert "1 running" in rows(app)[0]
        for step in range(0, 101, 10):
            writer.write(Progress("prune", step, 200), NOW - 10 + step / 10)
        await until(pilot, lambda: "50%" in text(app))
        RunLog(home).put(folder.update(status="finished"))
        await until(pilot, lambda: "running" not in rows(app)[0])
        folder.delete()
        RunLog(home).remove(folder.id)
        await until(pilot, lambda: names(app) == list(runs))


async def test_keys_that_open_other_screens(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        await pilot.press("down", "enter", "n", "d", "q")
        ids = {name: folder.id for name, folder in runs.items()}
        assert app.asked == [("run", ids["beta"]), ("new", None), ("data", None), ("leave",)]


async def test_a_double_click_opens_and_a_head_sorts(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        await pilot.click(RunTable, offset=(30, 3), times=2)
        await until(pilot, lambda: app.asked == [("run", runs["gamma"].id)])
        await pilot.click(RunTable, offset=(rows(app)[1].index("name"), 0))
        await until(pilot, lambda: names(app) == sorted(runs))
        assert "name▲" in rows(app)[1]
        await pilot.click(RunTable, offset=(rows(app)[1].index("name"), 0))
        await until(pilot, lambda: names(app) == sorted(runs, reverse=True))
        assert current(app) == "gamma"


async def test_sorting_by_key_goes_through_the_columns_and_turns_round(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        columns = app.screen.query_one(RunTable).columns
        for _ in columns:
            await pilot.press("greater_than_sign")
        assert "▼started" in rows(app)[1]
        assert names(app) == list(runs)
        await pilot.press("less_than_sign")
        assert f"▼{columns[columns.index('started') - 1]}" in rows(app)[1]
        await pilot.press("greater_than_sign", "o")
        assert names(app) == list(runs)[::-1]
        assert "▲started" in rows(app)[1]


async def test_marks_head_compare_and_clear(home, runs):
    app = stage(home)
    ids = {name: folder.id for name, folder in runs.items()}
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        table = app.screen.query_one(RunTable)
        await pilot.press("c")
        assert any("mark two or more runs" in said for said in app.said)
        await pilot.press("space", "down", "space")
        assert table.marked == {ids["alpha"], ids["gamma"]}
        assert current(app) == "delta"
        await until(pilot, lambda: "● 2 marked" in rows(app)[0])
        await pilot.press("o", "c")
        assert app.asked == [("compare", [ids["gamma"], ids["alpha"]])]
        await pilot.press("a")
        assert len(table.marked) == 6
        await pilot.press("a")
        assert table.marked == set()
        # One marked run is compared with the one under the cursor.
        await pilot.press("space", "c")
        assert sorted(app.asked[-1][1]) == sorted([*table.marked, table.current])
        await pilot.press("escape")
        assert table.marked == set()


async def test_the_filter_narrows_as_one_types_and_what_is_not_valid_yet_changes_nothing(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        assert not app.screen.query_one(RunFilter).display
        await pilot.press("slash")
        assert app.screen.query_one(RunFilter).display
        await pilot.press(*"recipe:prusc")
        await until(pilot, lambda: names(app) == ["alpha", "gamma", "delta", "epsilon"])
        assert "4 of 6 runs" in rows(app)[0]
        await pilot.press(*" wga>")
        await until(pilot, lambda: "column" in rows(app)[1])
        assert names(app) == ["alpha", "gamma", "delta", "epsilon"]
        await pilot.press(*"0.8")
        await until(pilot, lambda: names(app) == ["alpha", "gamma"])
        assert "column" not in rows(app)[1]
        await pilot.press("enter", "down", "enter")
        assert app.asked == [("run", runs["gamma"].id)]
        assert "wga>0.8" in rows(app)[1]
        await pilot.press("slash", *" zzz ")
        await until(pilot, lambda: "no run matches" in text(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 6)
        assert not app.screen.query_one(RunFilter).display
        assert app.focused is app.screen.query_one(RunTable)


async def test_down_leaves_the_filter_and_an_empty_one_disappears(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"eta", "down")
        await until(pilot, lambda: app.focused is app.screen.query_one(RunTable))
        assert names(app) == ["beta", "zeta"]
        await pilot.press("slash", *["backspace"] * 3, "enter")
        await until(pilot, lambda: not app.screen.query_one(RunFilter).display)
        assert len(names(app)) == 6


async def test_a_word_that_may_go_on_does_not_empty_the_table(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"tag:pap")
        await until(pilot, lambda: names(app) == ["alpha"])
        await pilot.press(*"er seed")
        await until(pilot, lambda: names(app) == ["alpha"])
        # Done with typing: now it means what it says.
        await pilot.press("enter")
        await until(pilot, lambda: "no run matches" in text(app))


async def test_keys_typed_into_the_filter_are_no_commands(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        await pilot.press("slash", *"nqdSDRoia")
        assert app.asked == app.said == []
        assert app.screen.query_one(Input).value == "nqdSDRoia"


async def test_the_life_keys_are_for_the_marked_runs_else_for_the_one_under_the_cursor(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 24)) as pilot:
        await ready(pilot)
        screen = app.screen
        await pilot.press("y")
        await pilot.press("space", "space", "y")
        assert app.copied == [runs["alpha"].id, f"{runs['alpha'].id} {runs['beta'].id}"]
        assert [folder.id for folder in screen.life_targets()] == [runs["alpha"].id, runs["beta"].id]
        await pilot.press("escape", "F")
        assert app.asked == [("new", runs["gamma"].id)]
        for key, asks in (("r", LineScreen), ("t", LineScreen), ("N", LineScreen), ("x", LineScreen), ("D", AskScreen)):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, asks))  # noqa: B023
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen)
        await pilot.press("S", "K")
        await until(pilot, lambda: sum("gamma is finished" in said for said in app.said) == 2)


async def test_a_deleted_run_goes_from_the_table_and_from_the_marks(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 24)) as pilot:
        await ready(pilot)
        table = app.screen.query_one(RunTable)
        await pilot.press("space", "D")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("y")
        await until(pilot, lambda: names(app) == list(runs)[1:])
        await until(pilot, lambda: table.marked == set())
        assert current(app) == "beta"


async def test_a_rename_is_seen_at_once(home, runs):
    app = stage(home)
    async with app.run_test(size=(100, 24)) as pilot:
        await ready(pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, LineScreen))
        app.screen.query_one(Input).value = "omega"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and "omega" in names(app))


async def test_the_side_panel_shows_the_run_under_the_cursor(home, runs):
    told = finished_run(
        home, "told", created=NOW + 1, note="see the [b]paper", tags=("best",), overrides={"prune.lr": 0.05}
    )
    app = stage(home)
    async with app.run_test(size=(140, 60)) as pilot:
        await ready(pilot, 7)
        await until(pilot, lambda: "Losses" in text(app))
        for part in ("see the [b]paper", "best", "prune.lr = 0.05", "Differs from demo", "worst group", "63.7", "93.6",
                     "▲ 29.9", "class 5–9 has only 180", "Log", told.id, "finetune"):  # fmt: skip
            assert part in text(app), part
        await pilot.press("G", "up")
        await until(pilot, lambda: "the disk is full" in text(app))
        assert "prune.lr" not in text(app)


async def test_the_side_panel_follows_a_run_at_work(home):
    _folder, writer = running_run(home)
    app = stage(home)
    async with app.run_test(size=(140, 40)) as pilot:
        await until(pilot, lambda: "prune" in text(app))
        writer.write(Scalars("prune", 10, 1.0, {"contrast": 2.718}), NOW)
        await until(pilot, lambda: "2.718" in text(app))


async def test_the_side_panel_stands_where_there_is_room_and_obeys_its_key(home, runs):
    app = stage(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        panel, table = app.screen.query_one(SidePanel), app.screen.query_one(RunTable)
        assert not panel.display
        await pilot.press("i")
        await until(pilot, lambda: panel.region.y > table.region.y > 0)
        assert panel.region.width == 80
        await until(pilot, lambda: runs["alpha"].id in text(app))
        await pilot.resize_terminal(140, 40)
        await until(pilot, lambda: panel.region.x > table.region.x and panel.region.y == table.region.y)
        await pilot.press("i")
        await until(pilot, lambda: not panel.display and table.region.width == 140)


async def test_holding_a_key_reads_only_the_run_on_which_the_cursor_rests(home, runs, monkeypatch):
    read = []

    class Feed(side_module.RunFeed):
        def __init__(self, folder, clock):
            read.append(folder.id)
            super().__init__(folder, clock)

    monkeypatch.setattr(side_module, "RunFeed", Feed)
    monkeypatch.setattr(side_module, "REST", 0.3)
    app = stage(home)
    async with app.run_test(size=(140, 40)) as pilot:
        await ready(pilot)
        table = app.screen.query_one(RunTable)
        for _ in range(5):
            table.action_move(1)
            await pilot.pause(0)
        await until(pilot, lambda: bool(read))
        assert read == [runs["zeta"].id]


async def test_nothing_is_read_for_a_screen_that_nobody_sees(home, runs):
    app = stage(home)
    async with app.run_test(size=(140, 40)) as pilot:
        await ready(pilot)
        panel = app.screen.query_one(SidePanel)
        await until(pilot, lambda: panel.snapshot is not None)
        await app.push_screen(LineScreen("over"))
        await until(pilot, lambda: panel._poller is None)
        await pilot.press("escape")
        await until(pilot, lambda: panel._poller is not None)


async def test_text_of_people_is_shown_as_text(home):
    finished_run(home, NASTY, tags=("\x1b[2J",), note="[bold]n\x1b[2J", overrides={"a.b": "[i]\x07"})
    app = stage(home)
    async with app.run_test(size=(160, 60)) as pilot:
        await ready(pilot, 1)
        await until(pilot, lambda: "Losses" in text(app))
        for shown in (r"[red]x\x1b]0;t\x07", r"\x1b[2J", r"[bold]n\x1b[2J", r"a.b = [i]\x07"):
            assert shown in text(app), shown
        assert not {"\x1b", "\x07"} & set(text(app))


async def test_nothing_is_painted_while_nothing_happens(home, runs, monkeypatch):
    app = stage(home)
    async with app.run_test(size=(140, 40)) as pilot:
        await ready(pilot)
        panel = app.screen.query_one(SidePanel)
        await until(pilot, lambda: panel.snapshot is not None)
        await pilot.pause(0.2)
        looks, look = [], app.screen._poller._look
        app.screen._poller._look = lambda: looks.append(1) or look()
        painted = []
        monkeypatch.setattr(app, "_display", lambda *given: painted.append(given))
        await until(pilot, lambda: len(looks) >= 3)
        assert painted == []


async def test_an_index_that_cannot_be_read_is_said_once_and_recovered_from(home, runs):
    whole = home.index.read_bytes()
    home.index.unlink()
    home.index.mkdir()
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await until(pilot, lambda: any("cannot be read" in said for said in app.said))
        home.index.rmdir()
        home.index.write_bytes(whole)
        await ready(pilot)
        assert len(app.said) == 1


@pytest.mark.parametrize("content", ["{", "[1]", '{"runs": {"1": {"id": "x", "seconds": "9"}}}'])
async def test_a_damaged_index_is_said_once_and_the_runs_are_shown(home, runs, content):
    home.index.write_text(content)
    app = stage(home)
    async with app.run_test(size=(100, 20)) as pilot:
        await ready(pilot)
        assert names(app) == list(runs)
        RunLog(home).put(runs["beta"].update(note="changed"))
        RunLog(home).rename(runs["gamma"], "new")
        await until(pilot, lambda: "new" in names(app))
        (said,) = app.said
        assert "prusc index rebuild" in said


async def test_keys_open_the_queue_and_the_sweeps_even_without_runs(home):
    app = stage(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "No runs yet" in text(app))
        await pilot.press("Q", "s")
        await until(pilot, lambda: app.asked == [("queue",), ("sweep", None)])
