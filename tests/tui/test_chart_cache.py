"""A curve that grows is drawn as if it had always been there, and only its new points are looked at."""

import random
from array import array
from math import nan

import pytest

from core.feed.series import SeriesBuffer
from prusc_tui.chart import cache as room
from prusc_tui.chart.braille import strokes
from prusc_tui.chart.cache import MOST_KINDS, CurveCache

COLUMNS = 24
NO_FLOOR = -1e290


def drawn(cache, series, window, kind="raw", columns=COLUMNS):
    where = kind, series.steps, series.values, (0, len(series)), window, columns, NO_FLOOR
    return cache.strokes("key", *where)


def plain(series, window, columns=COLUMNS):
    return strokes(series.steps[:], series.values[:], window, columns, NO_FLOOR)


@pytest.mark.parametrize("seed", range(5))
def test_a_growing_curve_is_drawn_as_a_whole_one(seed):
    draws, cache, buffer, step = random.Random(seed), CurveCache(), SeriesBuffer(), 0
    for _ in range(40):
        for _ in range(draws.randrange(9)):
            step += draws.randrange(1, 4)
            buffer.append(step, 0.0, 0.0, None if draws.random() < 0.1 else draws.gauss(0, 1))
        if draws.random() < 0.1:  # a resume goes back, and on another course
            step = step // 2
            buffer.cut(step)
        window = draws.choice([(0.0, 400.0), (0.0, 800.0)])
        assert drawn(cache, buffer.view(), window) == plain(buffer.view(), window)


def test_only_the_points_since_the_last_column_are_looked_at(monkeypatch):
    seen, cache, buffer = [], CurveCache(), SeriesBuffer()
    monkeypatch.setattr(room, "strokes", lambda x, *rest: seen.append(len(x)) or strokes(x, *rest))
    for step in range(1, 10_001):
        buffer.append(step, 0.0, 0.0, 1.0)
    drawn(cache, buffer.view(), (0.0, 20_000.0))
    for step in range(10_001, 10_011):
        buffer.append(step, 0.0, 0.0, 1.0)
    drawn(cache, buffer.view(), (0.0, 20_000.0))
    drawn(cache, buffer.view(), (0.0, 20_000.0))  # nothing is new
    assert seen[0] == 10_000
    assert len(seen) == 2
    assert seen[1] < 1_000


def test_values_of_other_objects_are_drawn_anew_even_if_they_end_alike():
    cache, x = CurveCache(), array("d", range(10))
    for values in ([1.0] * 10, [2.0] * 9 + [1.0], [nan] * 9 + [1.0]):
        y = array("d", values)
        found = cache.strokes("key", "raw", x, y, (0, 10), (0.0, 9.0), COLUMNS, NO_FLOOR)
        assert found == strokes(x, y, (0.0, 9.0), COLUMNS, NO_FLOOR)


def test_a_terminal_that_changes_its_size_for_a_week_fills_no_memory():
    cache, buffer = CurveCache(), SeriesBuffer()
    buffer.append(1, 0.0, 0.0, 1.0)
    for columns in range(10, 400):
        assert drawn(cache, buffer.view(), (0.0, 9.0), columns=columns) == plain(buffer.view(), (0.0, 9.0), columns)
    assert sum(map(len, cache._drawn.values())) <= MOST_KINDS
    cache.keep(())
    assert not cache._drawn
