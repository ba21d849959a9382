"""A chart as it is on the screen: rows of text, what is sent again, and the mouse."""

import math
import random
from dataclasses import replace
from math import inf, nan

import pytest
from rich.style import Style
from textual.app import App
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.theme import Theme

from core.feed.series import SeriesBuffer
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Settings, build
from prusc_tui.chart.rows import picture, plan
from prusc_tui.chart.widget import Chart
from prusc_tui.palette import SHELL


class Screen(App):
    palette = SHELL

    def compose(self):
        yield Chart()


def curve(y, name="loss", colour=0, x=None, **more):
    return Curve(name, list(range(len(y))) if x is None else x, [float(v) for v in y], colour, name, **more)


def drawn(chart):
    return [row.rstrip() for row in chart.rows]


async def shown(pilot, curves, **settings):
    chart = pilot.app.query_one(Chart)
    chart.show(curves, title="loss", settings=Settings(**settings))
    await pilot.pause()
    return chart


def app():
    return Screen().run_test(size=(40, 9))


async def test_a_line_with_its_axes():
    async with app() as pilot:
        chart = await shown(pilot, [curve(range(101))])
    assert drawn(chart) == [
        "  loss   ● loss 100",
        "  100┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⢀⣀⡤⠔⠒●",
        "     │                       ⣀⡤⠤⠒⠋⠁",
        "   50┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⡠⠤⠒⠊⠉┈┈┈┈┈┈┈┈┈┈┈",
        "     │           ⣀⡠⠤⠒⠊⠉",
        "     │     ⢀⣠⠤⠒⠚⠉",
        "    0┤⣀⠤⠔⠚⠉⠁┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈",
        "     └┬─────┬──────┬──────┬──────┬─────┬",
        " step 0    20     40     60     80   100",
    ]


@pytest.mark.parametrize(
    ("y", "rows"),
    [([0.5] * 50, (3, 4)), ([0.0] * 50, (6,)), ([100.0] * 50, (1,))],
)
async def test_a_constant_is_one_level_line(y, rows):
    async with app() as pilot:
        chart = await shown(pilot, [curve(y)], unit="%")
    lines = [number for number, text in enumerate(chart.rows) if any(0x2800 < ord(c) < 0x2900 for c in text)]
    assert len(lines) == 1
    assert lines[0] in rows


async def test_a_single_point_is_a_mark_in_the_middle():
    async with app() as pilot:
        chart = await shown(pilot, [curve([0.5], x=[7])])
    (row,) = [text for text in chart.rows[1:] if "●" in text]
    assert row.startswith(" 0.50┤")
    assert abs(row.index("●") - 23) <= 1
    assert chart.rows[-1].split() == ["step", "7"]


async def test_nothing_to_show_is_said():
    async with app() as pilot:
        chart = await shown(pilot, [])
        assert any("no values yet" in row for row in chart.rows)
        await shown(pilot, [curve([-1, -2])], log=True)
        assert any("no value above 0" in row for row in chart.rows)


async def test_values_that_a_logarithmic_axis_leaves_out_are_counted():
    async with Screen().run_test(size=(70, 12)) as pilot:
        chart = await shown(pilot, [curve([1, 0, 10, -1, 100])], log=True)
        labels = [row[:5].strip() for row in chart.rows]
    assert "2 ≤ 0 left out" in chart.rows[0]
    assert [label for label in labels if label and label[0] == "1"] == ["100", "10", "1"]


async def test_the_raw_curve_stays_faint_behind_the_smoothed_one():
    y = [float(i % 2) for i in range(400)]
    async with Screen().run_test(size=(60, 14)) as pilot:
        chart = await shown(pilot, [curve(y)], smoothing=0.99)
        styles = [
            {Style.parse(str(segment.style)).color.name for segment in chart.render_line(line) if "⣿" in segment.text}
            for line in range(2, 10)
        ]
    assert "smooth 0.99" in chart.rows[0]
    assert any(SHELL.track in names for names in styles)
    level = [row for row in chart.rows[1:] if "●" in row]
    assert len(level) == 1, "the smoothed curve ends in the middle"


async def test_marks_tell_curves_apart_without_colour():
    async with Screen().run_test(size=(70, 12)) as pilot:
        chart = await shown(pilot, [curve([1, 2, 3], "a"), curve([3, 2.5, 2], "b", 1)])
    assert "● a" in chart.rows[0]
    assert "■ b" in chart.rows[0]
    plot = "".join(chart.rows[1:])
    assert plot.count("●") == 3
    assert plot.count("■") == 3


async def test_names_are_shown_as_text_whatever_they_hold():
    async with app() as pilot:
        chart = await shown(pilot, [curve([1, 2], "[red]\x1b[2J界")])
        assert "[red]\\x1b[2J界" in "".join(chart.rows)
        assert all(chart.render_line(y).cell_length == 40 for y in range(9))


@pytest.mark.parametrize("size", [(40, 9), (80, 24), (120, 40), (200, 60), (12, 4), (3, 2), (1, 1)])
async def test_every_row_fills_the_width_at_every_size(size):
    curves = [curve([math.sin(i / 9) * 10**k for i in range(300)], f"curve {k}", k) for k in range(6)]
    async with Screen().run_test(size=size) as pilot:
        chart = await shown(pilot, curves, smoothing=0.5)
        chart.point(100.0)
        assert len(chart.rows) == size[1]
        assert {chart.render_line(y).cell_length for y in range(size[1])} == {size[0]}


async def test_the_cursor_reads_exact_values_of_the_nearest_step():
    n = 10_000
    y = [1.0] * n
    y[5_003] = 0.123456
    async with Screen().run_test(size=(80, 12)) as pilot:
        chart = await shown(pilot, [curve(y)])
        assert "● loss 1 " in chart.rows[0]
        chart.point(5_003.2)
        assert "● loss 0.12346" in chart.rows[0]
        chart.point(5_003.8)
        assert "● loss 1 " in chart.rows[0]
        assert "5,004" in chart.rows[-1]


async def test_a_curve_that_ended_before_the_cursor_is_not_read():
    async with Screen().run_test(size=(80, 12)) as pilot:
        chart = await shown(pilot, [curve(range(100), "long"), curve(range(50), "short", 1)])
        chart.point(80.0)
    assert "● long 80" in chart.rows[0]
    assert "■ short –" in chart.rows[0]


async def test_the_same_data_again_send_nothing_and_new_data_only_what_changed():
    buffer = SeriesBuffer()
    for step in range(1, 200):
        buffer.append(step, step / 10, float(step), math.sin(step / 20))

    def curves():
        series = buffer.view()
        return [Curve("loss", series.steps, series.values, 0, "loss")]

    async with Screen().run_test(size=(80, 20)) as pilot:
        chart = await shown(pilot, curves())
        sent = []
        refresh = chart.refresh
        chart.refresh = lambda *regions, **kwargs: sent.append(regions) or refresh(*regions, **kwargs)
        chart.show(curves())
        chart.point(None)
        chart.change(log=False)
        assert sent == []
        before = list(chart.rows)
        buffer.append(200, 20, 200.0, math.sin(10))
        chart.show(curves())
        ((*regions,),) = sent
        differ = {y for y, (a, b) in enumerate(zip(before, chart.rows, strict=True)) if a != b}
        assert {region.y for region in regions} == differ
        assert 0 < len(differ) < 6
        for region in regions:
            old, new = before[region.y], chart.rows[region.y]
            assert old[: region.x] == new[: region.x]
            assert old[region.right :] == new[region.right :]
        await pilot.pause()
        assert "".join(s.text for s in chart.render_line(0)) == chart.rows[0]


async def test_a_chart_that_is_not_zoomed_follows_and_a_zoomed_one_stays():
    async with Screen().run_test(size=(80, 12)) as pilot:
        chart = await shown(pilot, [curve(range(100))])
        chart.show([curve(range(500))])
        assert chart.frame.window[1] >= 499
        chart.change(view=(10.0, 60.0))
        chart.show([curve(range(1000))])
        assert chart.frame.window == (10.0, 60.0)
        assert "zoomed" in chart.rows[0]


async def test_other_colours_come_with_another_theme():
    async with Screen().run_test(size=(40, 9)) as pilot:
        chart = await shown(pilot, [curve(range(50))])
        before = [chart.render_line(y) for y in range(9)]
        pilot.app.palette = replace(SHELL, series=("red",))
        pilot.app.register_theme(Theme("other", primary="#ff0000"))
        pilot.app.theme = "other"
        await pilot.pause()
        after = [chart.render_line(y) for y in range(9)]
    assert before != after
    assert [strip.text for strip in before] == [strip.text for strip in after]


# The mouse. The plot begins behind five cells of labels and the axis.


async def mouse(pilot, kind, x, y=4, button=0):
    chart = pilot.app.query_one(Chart)
    event = kind(chart, x, y, 0, 0, button, False, False, False, screen_x=x, screen_y=y)
    chart.post_message(event)
    await pilot.pause()


async def test_the_wheel_zooms_at_the_pointer():
    async with app() as pilot:
        chart = await shown(pilot, [curve(range(1001))])
        place = chart.frame.x_at(10)
        await mouse(pilot, MouseScrollUp, 16)
        left, right = chart.settings.view
        assert right - left == pytest.approx(1000 / 1.25)
        assert chart.frame.x_at(10) == pytest.approx(place)
        await mouse(pilot, MouseScrollDown, 30)
        assert chart.settings.view is None


async def test_dragging_pans_and_stops_at_the_ends():
    async with app() as pilot:
        chart = await shown(pilot, [curve(range(1001))], view=(200.0, 400.0))
        cell = chart.frame.cell
        await mouse(pilot, MouseDown, 30, button=1)
        await mouse(pilot, MouseMove, 25, button=1)
        assert chart.settings.view == pytest.approx((200 + 5 * cell, 400 + 5 * cell))
        await mouse(pilot, MouseMove, 400, button=1)
        assert chart.settings.view == (0.0, 200.0)
        await mouse(pilot, MouseUp, 30, button=1)
        view = chart.settings.view
        await mouse(pilot, MouseMove, 20)
        assert chart.settings.view == view


async def test_two_clicks_show_all_again():
    async with app() as pilot:
        chart = await shown(pilot, [curve(range(1001))], view=(200.0, 400.0))
        await pilot.click(Chart, offset=(20, 4))
        assert chart.settings.view == (200.0, 400.0)
        await pilot.double_click(Chart, offset=(20, 4))
        assert chart.settings.view is None


async def test_hovering_reads_the_nearest_point_and_leaving_stops_it():
    async with app() as pilot:
        chart = await shown(pilot, [curve([5, 6, 7], x=[0, 500, 1000])])
        await pilot.hover(Chart, offset=(24, 4))
        assert chart.cursor == 500
        assert "● loss 6" in chart.rows[0]
        assert "500" in chart.rows[-1]
        await pilot.hover(Chart, offset=(2, 4))
        assert chart.cursor is None


NASTY = [0.0, -0.0, 1.0, -1.0, 1e-320, 1e-300, 1e300, -1e300, 1.7e308, 5e-324, 1e9 + 1e-6, 1e9, nan, inf, -inf, 0.1]


@pytest.mark.parametrize("seed", range(80))
def test_whatever_the_numbers_are_a_chart_has_its_rows(seed):
    draws = random.Random(seed)
    n = draws.choice([0, 1, 2, 5, 300])
    x = sorted(draws.choice([draws.uniform(0, 10), draws.choice([0.0, 3.0, 1e9, 1e-9])]) for _ in range(n))
    some = draws.sample(NASTY, draws.randint(1, 6))
    shown = [curve([draws.choice(some) for _ in range(n)], str(k), k, x) for k in range(2)]
    width, height = draws.randint(1, 90), draws.randint(1, 30)
    view = draws.choice([None, (2.0, 4.0), (2.0, 2.0 + 1e-6)])
    for log in (False, True):
        settings = Settings(draws.choice(["step", "epoch", "time"]), log, draws.choice([0.0, 0.9]), view, None, "")
        where, cache = plan(shown, settings, "t", width, height), CurveCache()
        frame = build(shown, settings, where.width, where.plot, cache)
        rows = picture(frame, where, shown, settings, title="t", cache=cache, cursor=draws.choice([None, 3.0]))
        assert [len(text) for text, _ in rows] == [width] * height
        assert [len(inks) for _, inks in rows] == [width] * height
