"""The view of all numbers of a run: what it shows, every key, one cursor over charts that share an axis."""

from dataclasses import replace

import pytest
from textual.events import MouseScrollUp
from textual.widgets import Static

from core.events import Sparsity
from core.feed.snapshot import Look
from core.groups import Group
from prusc_tui.chart.lines import Lines, by_quantity
from prusc_tui.chart.widget import Chart
from tests.tui.charts_lab import START, Opened, Run, evaluation, several, usual
from tests.tui.stage import Alone

# What is shown


async def test_losses_and_accuracies_of_the_current_stage_are_shown_until_one_chooses():
    run = usual()
    async with Opened(run) as hand:
        assert hand.titles == ["erm: loss", "erm: validation accuracy %"]
        assert [c.name for c in hand.charts[0].curves] == ["loss", "validation loss"]
        assert [c.name for c in hand.charts[1].curves] == ["worst group", "average"]
        run.say("prune", "cross-entropy", [0.5, 0.4])
        await hand.show(run)
        assert hand.titles == ["prune: cross-entropy"]


async def test_evaluations_become_curves_in_per_cent():
    async with Opened(usual()) as hand:
        worst, average = hand.charts[1].curves
    assert list(worst.x) == [200, 500, 1000]
    assert list(worst.y) == [10, 40, 60]
    assert list(average.y) == pytest.approx([68.75, 76.25, 81.25])
    assert not worst.smooth


def test_a_final_look_fills_in_only_where_no_other_is():
    run = usual().look("erm", "validation", 500, 1, 1, 1, 1, final=True)
    lines = Lines().update(run.snapshot())
    assert list(lines["erm", "validation worst group"].values) == [10, 40, 60]
    assert list(lines["erm", "test worst group"].values) == pytest.approx([55])
    assert list(lines["erm", "test 5–9 · red"].values) == [66]


def test_looks_take_epoch_and_time_from_the_series_of_their_stage():
    line = Lines().update(usual().snapshot())["erm", "validation average"]
    assert list(line.epochs) == pytest.approx([2.0, 5.0, 10.0])
    assert list(line.times) == pytest.approx([START + 20, START + 50, START + 100])


def test_a_group_without_samples_leaves_gaps():
    run = usual()
    empty = replace(evaluation("validation", 1, 2, 3, 4), groups=(Group("a", {}, 0, 0), Group("b", {}, 10, 5)))
    run.looks["erm", "validation"] = [Look(10, empty, False)]
    lines = Lines().update(run.snapshot())
    assert list(lines["erm", "validation worst group"].values) == [50]
    assert lines["erm", "validation a"].values[0] != lines["erm", "validation a"].values[0]


def test_the_sparsity_of_a_past_run_is_a_line_too():
    run = usual()
    for step, kept in ((10, 0.9), (20, 0.7), (30, 0.5)):
        run.sparsity.setdefault("prune", []).append(Sparsity("prune", step, kept, {}))
    line = Lines().update(run.snapshot())["prune", "sparsity"]
    assert list(line.steps) == [10, 20, 30]
    assert list(line.values) == pytest.approx([10, 30, 50])


def test_the_same_quantity_of_two_stages_shares_a_chart():
    run = usual().say("finetune", "loss", [0.2, 0.1])
    lines = Lines().update(run.snapshot())
    (plot,) = by_quantity(lines, [("erm", "loss"), ("finetune", "loss")], "step")
    assert plot.title == "loss"
    assert [curve.name for curve in plot.curves] == ["erm", "finetune"]
    assert len({curve.colour for curve in plot.curves}) == 2


async def test_a_snapshot_without_news_draws_nothing_again():
    run = usual()
    async with Opened(run) as hand:
        drawn = []
        for chart in hand.charts:
            chart.refresh = lambda *regions, **kwargs: drawn.append(regions)
        await hand.show(run)
        assert drawn == []
        run.say("erm", "loss", [0.1])
        await hand.show(run)
        assert drawn


async def test_a_run_that_said_nothing_yet():
    async with Opened(Run()) as hand:
        assert any("no values yet" in row for row in hand.charts[0].rows)
        await hand.press("left", "plus", "l", "s", "x", "m", "tab", "g", "0", "shift+left")


# The grid


@pytest.mark.parametrize(
    ("size", "count"), [((80, 20), 2), ((80, 14), 1), ((140, 40), 4), ((200, 60), 4), ((140, 15), 2)]
)
async def test_as_many_charts_as_fit(size, count):
    async with Opened(several(), size) as hand:
        assert len(hand.charts) == count
        assert all(chart.size.width >= 40 and chart.size.height >= 7 for chart in hand.charts)


async def test_tab_goes_through_all_charts_and_turns_the_page():
    async with Opened(several()) as hand:
        seen = []
        for _ in range(7):
            (active,) = [chart for chart in hand.charts if chart.rows[0].startswith("▸")]
            seen.append(active.title)
            await hand.press("tab")
        titles = [plot.title for plot in hand.panel.plots]
        assert len(titles) == 6
        assert seen == [*titles, titles[0]]
        assert "chart 1–4 of 6" in str(hand.panel.query_one("#pages", Static).content)
        await hand.pilot.click("#pages")
        assert hand.titles == titles[4:]


async def test_m_shows_one_chart_alone_and_all_again():
    async with Opened(several()) as hand:
        await hand.press("tab", "m")
        alone = hand.titles
        assert alone == ["erm: lr"]
        await hand.press("tab")
        assert len(hand.titles) == 1
        assert hand.titles != alone
        await hand.press("m")
        assert len(hand.titles) == 4


async def test_g_shows_one_two_four_or_what_fits():
    async with Opened(several()) as hand:
        counts = []
        for _ in range(4):
            await hand.press("g")
            counts.append(len(hand.charts))
    assert counts == [1, 2, 4, 4]


# Keys of the charts


async def test_s_and_a_smooth_more_and_less():
    async with Opened(usual()) as hand:
        await hand.press("s", "s")
        assert [chart.settings.smoothing for chart in hand.charts] == [0.8, 0.8]
        await hand.press("a", "a", "a")
        assert [chart.settings.smoothing for chart in hand.charts] == [0.0, 0.0]
        for _ in range(9):
            hand.panel.action_smooth(1)
        assert hand.charts[0].settings.smoothing == 0.99


async def test_l_makes_the_active_chart_logarithmic():
    async with Opened(usual()) as hand:
        await hand.press("l")
        assert [chart.settings.log for chart in hand.charts] == [True, False]
        await hand.press("l")
        assert [chart.settings.log for chart in hand.charts] == [False, False]


async def test_x_goes_from_steps_to_epochs_to_time():
    async with Opened(usual()) as hand:
        ends = []
        for _ in range(3):
            ends.append((hand.charts[0].settings.mode, hand.charts[0].frame.window[1]))
            await hand.press("x")
        assert ends == [("step", 1000), ("epoch", 10), ("time", 100)]
        assert hand.charts[0].settings.mode == "step"
        # A window of steps means nothing over epochs.
        await hand.press("plus", "left", "x")
        assert [chart.settings.view for chart in hand.charts] == [None, None]
        assert hand.charts[0].cursor is None


async def test_zoom_pan_and_reset_move_all_charts_of_the_axis():
    async with Opened(usual()) as hand:
        await hand.press("plus")
        (view,) = {chart.settings.view for chart in hand.charts}
        assert 0 < view[0] < view[1] < 1000
        await hand.press("shift+right")
        moved = hand.charts[1].settings.view
        assert moved[0] > view[0]
        assert moved[1] - moved[0] == pytest.approx(view[1] - view[0])
        await hand.press("shift+left", "equals_sign", "minus")
        assert hand.charts[0].settings.view == pytest.approx(view)
        await hand.press("0")
        assert [chart.settings.view for chart in hand.charts] == [None, None]
        await hand.press("plus", "minus")
        assert hand.charts[0].settings.view is None


async def test_the_wheel_over_one_chart_zooms_the_others_of_its_axis():
    async with Opened(usual()) as hand:
        chart = hand.charts[1]
        chart.post_message(MouseScrollUp(chart, 20, 5, 0, 0, 0, False, False, False))
        await hand.pilot.pause()
        await hand.pilot.pause()
        assert hand.charts[0].settings.view == hand.charts[1].settings.view
        assert hand.charts[0].settings.view is not None


async def test_the_cursor_goes_from_point_to_point_in_all_charts_of_the_axis():
    async with Opened(usual()) as hand:
        await hand.press("left")
        assert [chart.cursor for chart in hand.charts] == [1000, 1000]
        await hand.press("left", "left")
        first = hand.charts[0].cursor
        assert first in range(10, 1000, 10)
        assert f"{1 / (1 + (first / 10 - 1) / 20):.5g}" in hand.charts[0].rows[0]
        await hand.press("right")
        assert first < hand.charts[1].cursor <= 1000
        await hand.press("0")
        assert [chart.cursor for chart in hand.charts] == [None, None]


async def test_a_cursor_at_the_edge_of_a_zoomed_window_takes_the_window_along():
    async with Opened(usual()) as hand:
        await hand.press("plus", "plus", "left")
        for _ in range(60):
            hand.panel.action_cursor(-1)
        left, right = hand.charts[0].settings.view
        assert left <= hand.charts[0].cursor <= right
        assert hand.charts[0].cursor < 300


async def test_hovering_over_one_chart_reads_all_of_its_axis():
    async with Opened(usual()) as hand:
        await hand.pilot.hover(hand.charts[0], offset=(30, 5))
        await hand.pilot.pause()
        at = hand.charts[0].cursor
        assert at is not None
        assert hand.charts[1].cursor == at


async def test_charts_of_another_axis_keep_cursor_and_window():
    run = usual().say("prune", "cross-entropy", [0.5] * 30)
    async with Opened(run) as hand:
        await hand.press("p")
        await hand.choose("loss")
        await hand.press("p", "plus", "left")
        by_title = {chart.title: chart for chart in hand.charts}
        assert by_title["erm: loss"].settings.view is not None
        assert by_title["prune: cross-entropy"].settings.view is None
        assert by_title["prune: cross-entropy"].cursor is None


async def test_a_click_makes_a_chart_the_active_one():
    async with Opened(usual()) as hand:
        await hand.pilot.click(hand.charts[1], offset=(20, 5))
        assert [chart.rows[0][0] for chart in hand.charts] == [" ", "▸"]
        await hand.press("l")
        assert hand.charts[1].settings.log


async def test_a_chart_without_a_grid_zooms_by_itself():
    async with Alone(Chart).run_test() as pilot:
        lines = Lines().update(usual().snapshot())
        chart = pilot.app.query_one(Chart)
        chart.show([lines["erm", "loss"].curve("loss", "step", 0)])
        await pilot.pause()
        chart.post_message(MouseScrollUp(chart, 20, 5, 0, 0, 0, False, False, False))
        await pilot.pause()
        assert chart.settings.view is not None
