"""Sweeps on the screen: the grid of cells, the best points, the chart of a parameter, and what keys do."""

from itertools import pairwise

import pytest

from experiments.sweeps import registry, scores
from prusc_tui.palette import SHELL
from prusc_tui.screens.sweep.chart import chart, is_logarithmic, parameters
from prusc_tui.screens.sweep.grid import CellGrid
from prusc_tui.screens.sweep.list import SweepsScreen
from prusc_tui.screens.sweep.screen import SweepScreen
from prusc_tui.screens.sweep.state import ListLooker, Looker
from prusc_tui.widgets.dialogs import AskScreen
from tests.tui.lab import plain, text, until
from tests.tui.queue_lab import half_done, kept_sweep, make_run
from tests.tui.stage import Stage


@pytest.fixture
def made(home):
    """The runs of a sweep that is half done: (learning rate, seed) → folder."""
    return half_done(home, kept_sweep(home))


def stage(home, name="lr"):
    return Stage(lambda: SweepScreen(home, name))


def lines(app):
    return [" ".join(line.split()) for line in text(app).splitlines()]


async def ready(pilot, rows=4):
    await until(pilot, lambda: len(pilot.app.screen.query_one(CellGrid).rows) == rows)
    await pilot.pause()


async def test_cells_are_a_grid_and_the_best_point_is_at_the_top(home, made):
    app = stage(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        left = [line.partition("│")[0].strip() for line in lines(app)]
        assert left[0].endswith("7 of 12, 1 running, 1 failed, 3 missing")
        assert left[1:6] == [
            "point 0 1 2 worst-cell, %",
            "▌ lr=0.1 ✓ ✓ ✓ 91.5 n = 3",
            "lr=0.2 ✓ ▸ ✗ 88.0 n = 1 of 3",
            "lr=0.05 ✓ ✓ ✓ 85.0 n = 3",
            "lr=0.4 · · ·",
        ]
        assert "worst-cell: mean over n seeds on validation" in text(app)
        await pilot.press("o")
        await until(pilot, lambda: app.screen.query_one(CellGrid).rows[0].name == "lr=0.05")
        assert app.screen.query_one(CellGrid).row.name == "lr=0.1"


async def test_another_rule_says_what_it_uses_and_sorts_by_its_values(home):
    sweep = kept_sweep(home, grid={"prune.lr": [0.1, 0.2]}, seeds=[0])
    low, high = sweep.tasks
    make_run(home, sweep, low, worst=60)
    make_run(home, sweep, high, worst=70)
    app = stage(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot, 2)
        await pilot.press("v")
        await until(pilot, lambda: "worst-group: mean" in text(app))
        meaning = "worst-group: mean over n seeds on validation; uses validation labels and attributes"
        assert meaning in " ".join(" ".join(line.partition("│")[0] for line in text(app).splitlines()).split())
        assert [(row.name, row.mean) for row in app.screen.query_one(CellGrid).rows] == [
            ("lr=0.2", 0.7),
            ("lr=0.1", 0.6),
        ]
        assert "worst-group on validation, %" in text(app)


async def test_enter_opens_the_run_of_the_cell_and_says_if_there_is_none(home, made):
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("down", "right", "right")
        await until(pilot, lambda: "✗ failed lr=0.2, seed 2 prune: the loss is not finite" in lines(app))
        await pilot.press("enter", "end", "enter")
        await until(pilot, lambda: "nothing has run yet; R starts the missing runs" in app.said)
        assert app.asked == [("run", made[0.2, 2].id)]


async def test_c_compares_the_finished_runs_best_points_first(home, made):
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("c")
        await until(pilot, lambda: app.asked)
        order = [(0.1, 0), (0.1, 1), (0.1, 2), (0.2, 0), (0.05, 0), (0.05, 1), (0.05, 2)]
        assert app.asked == [("compare", [made[key].id for key in order])]


@pytest.mark.parametrize("launcher", ["queue", "local"])
async def test_r_starts_what_is_missing_in_another_process(home, commands, launcher):
    started, answers = commands
    sweep = kept_sweep(home, seeds=[0])
    registry.keep(home, registry.Sweep(sweep.study, launcher=launcher))
    answers.append((0, '{"sweep": "lr", "cells": 4}', ""))
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("R")
        await until(pilot, lambda: app.said == ["starting 4 runs …", "lr started"])
        instead = [] if launcher == "queue" else ["--launcher", "queue"]
        assert started == [(["prusc_tui", "sweep", "lr", *instead, "--detach", "--json"], home)]


async def test_an_error_of_the_other_process_is_a_toast(home, commands):
    commands[1].append((2, "", "error: prune.lr: unknown"))
    kept_sweep(home, seeds=[0])
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("R")
        await until(pilot, lambda: "prune.lr: unknown" in app.said)


async def test_s_asks_and_stops_the_runs(home, made):
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        assert "1 running: each stops" in text(app)
        await pilot.press("y")
        await until(pilot, lambda: "1 run asked to stop" in app.said)
        assert made[0.2, 1].stop_requested()


async def test_d_deletes_the_sweep_with_its_runs_unless_one_is_at_work(home, made):
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        screen = app.screen
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("y")
        await until(pilot, lambda: any("stop it first" in said for said in app.said))
        assert registry.names(home) == ["lr"]
        made[0.2, 1].update(status="stopped", pid=None)
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("y")
        await until(pilot, lambda: not screen.is_attached)
        assert registry.names(home) == []
        assert not any(folder.path.exists() for folder in made.values())


async def test_a_sweep_over_seeds_alone_has_no_chart(home):
    kept_sweep(home, grid={})
    app = stage(home)
    async with app.run_test(size=(120, 30)) as pilot:
        await ready(pilot, 1)
        assert not app.screen.query_one("#chart").display
        assert "seed 0" in text(app)


async def test_the_cursor_stays_on_its_point_while_others_overtake_it(home):
    sweep = kept_sweep(home, seeds=[0])
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        assert app.screen.query_one(CellGrid).row.name == "lr=0.05"
        make_run(home, sweep, sweep.tasks[2], worst=80)
        await until(pilot, lambda: app.screen.query_one(CellGrid).rows[0].name == "lr=0.2")
        assert app.screen.query_one(CellGrid).row.name == "lr=0.05"


async def test_many_seeds_scroll_with_the_cursor(home):
    kept_sweep(home, seeds=list(range(40)), grid={"prune.lr": [0.1, 0.2]})
    app = stage(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, 2)
        await pilot.press(*["right"] * 50)
        await until(pilot, lambda: "seed 39" in text(app))
        assert app.screen.query_one(CellGrid).current.task.plan.config.seed == 39
        assert max(map(len, text(app).splitlines())) <= 80


def test_a_look_is_the_same_while_nothing_changes_and_reads_each_run_once(home, made, monkeypatch):
    looker, read = Looker(home, "lr"), []
    objective = scores.objective
    monkeypatch.setattr(scores, "objective", lambda folder, rule: read.append(folder.id) or objective(folder, rule))
    first = looker.look()
    assert all(looker.look() is first for _ in range(12))
    assert len(read) == len(set(read)) == 7


@pytest.mark.parametrize(
    ("values", "declared", "expected"),
    [
        ([0.05, 0.1, 0.2], "", True),
        ([1e-4, 1e-3, 1e-2, 1e-1], "", True),
        ([1, 2, 3, 4], "", False),
        ([0, 1, 10], "", False),
        ([0.1, 0.2], "", False),
        ([0.3, 0.31, 0.9], "log:0.1..1", True),
        ([0.001, 0.1, 1], "linear:0..1", False),
    ],
)
def test_values_whose_ratios_are_even_belong_on_a_logarithmic_axis(values, declared, expected):
    assert is_logarithmic(values, declared) is expected


def cell_of(drawn, mark):
    """Line and column of a mark in the drawing."""
    (found,) = [(y, line.index(mark)) for y, line in enumerate(drawn) if mark in line[6:]]
    return found


def test_on_a_logarithmic_axis_equal_ratios_are_equal_distances_and_better_is_higher(home, made):
    state = Looker(home, "lr").look()
    assert parameters(state) == ["prune.lr"]
    drawn = plain(chart(state, "prune.lr", None, 86, 30, SHELL))
    assert len(drawn) == 30
    assert {len(line) for line in drawn} == {86}
    assert "log axis" in drawn[0]
    ticks = [place for place, sign in enumerate(drawn[-3]) if sign == "┴"]
    assert len(ticks) == 4
    apart = [b - a for a, b in pairwise(ticks)]
    assert max(apart) - min(apart) <= 1
    assert drawn[-2].split() == ["0.05", "0.1", "0.2", "0.4"]
    best = cell_of(drawn[1:-3], "◆")
    means = sorted((line.index("●"), y) for y, line in enumerate(drawn[1:-3]) if "●" in line)
    assert best[1] == ticks[1]
    assert [column for column, _ in means] == [ticks[0], ticks[2]]
    assert best[0] < means[1][1] < means[0][1]


def test_names_are_columns_of_their_own(home):
    sweep = kept_sweep(home, grid={"erm.optimizer": ["sgd", "adam"]}, seeds=[0])
    for task, worst in zip(sweep.tasks, (60, 80), strict=True):
        make_run(home, sweep, task, worst=worst)
    drawn = plain(chart(Looker(home, "lr").look(), "erm.optimizer", None, 60, 20, SHELL))
    assert drawn[-2].split() == ["sgd", "adam"]
    assert "log" not in drawn[0]
    assert cell_of(drawn[1:-3], "◆")[1] > cell_of(drawn[1:-3], "●")[1]


@pytest.mark.parametrize("width", [30, 80, 200])
@pytest.mark.parametrize("height", [3, 6, 12, 60])
def test_the_chart_fits_its_room(home, made, width, height):
    drawn = chart(Looker(home, "lr").look(), "prune.lr", None, width, height, SHELL)
    assert len(drawn) == (height if height >= 6 else 0)
    assert {line.cell_len for line in drawn} <= {width}


async def test_the_list_shows_every_sweep_and_one_that_cannot_be_read(home, made):
    (home.root / "sweeps" / "bad.json").write_text("{}")
    app = Stage(lambda: SweepsScreen(home))
    async with app.run_test(size=(250, 24)) as pilot:
        await until(pilot, lambda: "7 of 12, 1 running, 1 failed, 3 missing" in text(app))
        assert any("bad ✗" in line and "is not a sweep" in line for line in lines(app))
        names = [one.name for one in ListLooker(home).look()]
        await pilot.press("home", *["down"] * names.index("bad"), "enter")
        await until(pilot, lambda: any("is not a sweep" in said for said in app.said))
        await pilot.press("home", *["down"] * names.index("lr"), "enter")
        await until(pilot, lambda: app.asked)
        assert app.asked == [("sweep", "lr")]


async def test_without_sweeps_the_list_says_how_to_start_one(home):
    app = Stage(lambda: SweepsScreen(home))
    async with app.run_test(size=(100, 24)) as pilot:
        await until(pilot, lambda: "no sweeps yet; n starts one" in text(app))
        await pilot.press("n")
        await until(pilot, lambda: app.asked == [("new", None)])
