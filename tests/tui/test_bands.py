"""The mean of several curves, and the band around it."""

import random
from array import array

import pytest

from prusc_tui.chart.braille import between, rasterise, strokes
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Settings, build
from prusc_tui.chart.means import mean_curve
from prusc_tui.chart.rows import picture, plan


def curve(y, x=None, **more):
    return Curve("run", list(range(len(y))) if x is None else x, y, 0, "run", **more)


def drawn(curves, width=60, height=12, **settings):
    chosen, cache = Settings(**settings), CurveCache()
    laid = plan(curves, chosen, "loss", width, height)
    frame = build(curves, chosen, width, laid.plot, cache)
    return frame, [text for text, _ in picture(frame, laid, curves, chosen, "loss", cache)]


def test_the_mean_and_the_band_are_those_of_every_step():
    runs = [[1.0, 5.0, 3.0], [3.0, 1.0, 3.0], [2.0, 3.0, 0.0]]
    mean = mean_curve([curve(run) for run in runs], "family", 4, "key")
    assert list(mean.y) == pytest.approx([2.0, 3.0, 2.0])
    assert [list(edge) for edge in mean.band] == [[1.0, 1.0, 0.0], [3.0, 5.0, 3.0]]
    assert (mean.name, mean.colour, mean.key, list(mean.x)) == ("family", 4, "key", [0, 1, 2])


def test_a_mean_reaches_as_far_as_all_of_its_curves_and_other_steps_are_interpolated():
    dense, sparse = curve([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), curve([10.0, 14.0], x=[1, 5 - 1])
    mean = mean_curve([sparse, dense], "family", 0, "key")
    assert list(mean.x) == [1, 2, 3, 4]
    assert list(mean.y) == pytest.approx(
        [(a + b) / 2 for a, b in zip((1, 2, 3, 4), (10, 34 / 3, 38 / 3, 14), strict=True)]
    )


def test_times_count_from_the_start_of_each_run():
    runs = [curve([1.0, 2.0], x=[100.0, 110.0], origin=100.0), curve([3.0, 4.0], x=[500.0, 510.0], origin=500.0)]
    mean = mean_curve(runs, "family", 0, "key")
    assert (list(mean.x), list(mean.y), mean.origin) == ([0.0, 10.0], [2.0, 3.0], 0.0)


def test_without_a_common_x_there_is_nothing_to_draw():
    for runs in ([curve([]), curve([1.0])], [curve([1.0, 2.0]), curve([1.0, 2.0], x=[7, 8])]):
        assert len(mean_curve(runs, "family", 0, "key").x) == 0


@pytest.mark.parametrize("seed", range(10))
def test_the_area_between_two_curves_lies_between_them(seed):
    draws = random.Random(seed)
    columns, rows = 40, 32
    low = [draws.uniform(0, 15) for _ in range(20)]
    high = [value + draws.uniform(2, 15) for value in low]

    def dots(values):
        course = strokes(array("d", range(20)), array("d", values), (0, 19), columns)
        return rasterise(course.strokes, lambda value: int(value), columns, rows)

    below, above = dots(low), dots(high)
    area = between(below, above, rows)
    assert any(area)
    for column, bits in enumerate(area):
        if bits:
            lowest = (below[column] & -below[column]).bit_length() - 1
            assert bits.bit_length() <= above[column].bit_length()
            assert bits & ((1 << lowest) - 1) == 0
            # Thin enough to be told from a line: at most every other dot of every other column.
            assert column % 2 == 0
            assert bits & (bits << 1) == 0


def test_where_the_lower_edge_is_not_on_the_axis_the_area_reaches_down():
    assert between([0, 0], [1 << 6, 0], 8) == [0b1010101, 0]
    assert between([1 << 2, 0], [0, 0], 8) == [0, 0]


def test_a_band_is_drawn_and_stays_on_the_axis():
    runs = [curve([10.0 + shift + n for n in range(100)]) for shift in (-8, 0, 8)]
    mean = mean_curve(runs, "family", 0, "key")
    frame, _ = drawn([mean])
    alone, _ = drawn([Curve("family", mean.x, mean.y, 0, "key")])
    assert frame.bounds[0] <= 2.0
    assert frame.bounds[1] >= 117.0
    assert sum(len(text.replace(" ", "")) for text, _ in frame.rows) > sum(
        len(t.replace(" ", "")) for t, _ in alone.rows
    )
    inks = {ink for _, row in frame.rows for ink in row}
    assert inks == {"0", "2"}  # the colour of the curve


def test_a_band_below_a_logarithmic_axis_is_cut_not_lost():
    runs = [curve([value] * 50) for value in (-1.0, 10.0, 100.0)]
    frame, rows = drawn([mean_curve(runs, "family", 0, "key")], log=True)
    assert frame.bounds is not None
    assert "no value" not in "".join(rows)


def test_the_legend_has_the_mean_and_both_ends():
    runs = [curve([value] * 5) for value in (0.5, 1.0, 3.0)]
    _, rows = drawn([mean_curve(runs, "family (3 seeds)", 0, "key")])
    assert "family (3 seeds) 1.5     (0.5–3)" in "".join(rows)


def test_a_smoothed_band_goes_with_its_smoothed_mean():
    draws = random.Random(3)
    runs = [curve([draws.gauss(0, 1) for _ in range(200)]) for _ in range(3)]
    mean, cache = mean_curve(runs, "family", 0, "key"), CurveCache()
    build([mean], Settings(smoothing=0.9), 60, 12, cache)
    low, high = (cache.smoothed((mean.key, n), mean.x, edge, 0.9) for n, edge in enumerate(mean.band))
    middle = cache.smoothed(mean.key, mean.x, mean.y, 0.9)
    assert all(a <= b <= c for a, b, c in zip(low, middle, high, strict=True))
