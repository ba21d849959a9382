import math
import random

import pytest

from core.runs.series import SeriesBuffer, StepRate, decimate


def filled(*steps: int) -> SeriesBuffer:
    buffer = SeriesBuffer()
    for step in steps:
        buffer.append(step, step / 10, float(step), step * 2.0)
    return buffer


def plain_decimate(steps: list[int], values: list[float], columns: int) -> list[tuple[int, float]]:
    """Slow and plain: least and greatest of each column, by looking at every point."""
    width = (steps[-1] - steps[0]) / columns
    kept: list[tuple[int, float]] = []
    for column in range(columns):
        inside = [
            (s, v)
            for s, v in zip(steps, values, strict=True)
            if not math.isnan(v) and min(int((s - steps[0]) / width), columns - 1) == column
        ]
        if inside:
            kept += sorted({min(inside, key=lambda p: p[1]), max(inside, key=lambda p: p[1])})
    return kept


def test_a_view_never_changes_while_the_series_grows_or_is_cut():
    buffer = filled(1, 2, 3)
    view = buffer.view()
    buffer.append(4, 0.4, 4.0, 8.0)
    assert len(buffer.view()) == 4
    buffer.cut(2)
    buffer.append(2, 0.2, 9.0, -1.0)
    assert list(view.values) == [2.0, 4.0, 6.0]
    assert list(view.steps) == [1, 2, 3]
    assert list(buffer.view().values) == [2.0, -1.0]


def test_a_view_is_the_same_object_until_a_value_is_added():
    buffer = filled(1, 2)
    view = buffer.view()
    buffer.cut(3)
    assert buffer.view() is view
    buffer.append(3, 0.3, 3.0, 6.0)
    assert buffer.view() is not view


def test_a_column_is_a_sequence_of_its_length():
    buffer = filled(1, 2, 3)
    column = buffer.view().steps
    buffer.append(4, 0.4, 4.0, 8.0)
    assert (column[0], column[-1], len(column)) == (1, 3, 3)
    assert list(column[1:]) == list(column[-2:99]) == [2, 3]
    for index in (3, -4):
        with pytest.raises(IndexError):
            column[index]


def test_a_step_that_was_there_replaces_it_and_what_is_behind():
    buffer = filled(1, 2, 3, 4)
    buffer.append(3, 0.3, 9.0, -1.0)
    assert list(buffer.view().steps) == [1, 2, 3]
    assert list(buffer.view().values) == [2.0, 4.0, -1.0]


def test_a_number_that_json_could_not_hold_is_nan():
    buffer = SeriesBuffer()
    buffer.append(1, 0.1, 1.0, None)
    assert math.isnan(buffer.view().values[0])


@pytest.mark.parametrize("columns", [1, 2, 7, 40])
def test_decimation_equals_a_slow_plain_version(columns):
    rng = random.Random(columns)
    steps = sorted(rng.sample(range(5000), 400))
    values = [rng.gauss(0, 1) if rng.random() > 0.1 else math.nan for _ in steps]
    thin = decimate(steps, values, columns)
    assert list(zip(*thin, strict=True)) == plain_decimate(steps, values, columns)


def test_decimation_keeps_a_single_spike_and_the_range():
    steps = list(range(10_000))
    values = [math.sin(step / 500) for step in steps]
    values[4321] = 99.0
    thin_steps, thin_values = decimate(steps, values, 50)
    assert len(thin_steps) <= 100
    assert thin_steps == sorted(thin_steps)
    assert thin_values[thin_steps.index(4321)] == 99.0
    assert min(thin_values) == min(values)


def test_decimation_of_a_few_points_keeps_them_all_but_nan():
    assert decimate([1, 2, 3], [1.0, math.nan, 3.0], 2) == ([1, 3], [1.0, 3.0])
    assert decimate([], [], 10) == ([], [])


def test_decimation_of_infinities_nan_alone_and_one_step():
    steps = list(range(10))
    infinities = [0.0, math.inf, -math.inf, 1.0, math.nan, 2.0, 0.0, 0.0, 0.0, 0.0]
    assert decimate(steps, infinities, 1) == ([1, 2], [math.inf, -math.inf])
    assert decimate(steps, [math.nan] * 10, 2) == ([], [])
    assert decimate([5] * 10, [float(n) for n in range(10)], 2) == ([5, 5], [0.0, 9.0])


def test_decimation_reads_columns_of_a_series_as_it_reads_lists():
    buffer = filled(*range(1000))
    view = buffer.view()
    assert decimate(view.steps, view.values, 10) == decimate(list(view.steps), list(view.values), 10)


@pytest.mark.parametrize(("steps", "values", "columns"), [([1], [1.0], 0), ([1, 2], [1.0], 5)])
def test_decimation_refuses_what_makes_no_sense(steps, values, columns):
    with pytest.raises(ValueError, match="columns"):
        decimate(steps, values, columns)


def test_a_steady_rate_tells_the_time_left_exactly():
    rate = StepRate()
    assert rate.left(100) is None
    for step in range(0, 60, 10):
        rate.add(step, 1000.0 + step / 4)
    assert rate.left(100) == pytest.approx(50 / 4)
    assert rate.left(50) == 0.0
    assert rate.left(40) == 0.0


def test_a_rate_follows_a_change_of_speed_and_forgets_the_old_one():
    rate = StepRate(window=10.0)
    for step in range(101):
        rate.add(step, float(step))  # 1 step a second
    for step in range(1, 1001):
        rate.add(100 + step, 100.0 + step / 10)  # 10 steps a second for ten windows
    assert rate.left(2100) == pytest.approx(100, rel=1e-3)


def test_a_step_that_goes_back_or_repeats_says_nothing():
    rate = StepRate()
    for step, t in ((0, 0.0), (10, 1.0), (10, 2.0), (5, 3.0), (20, 2.0)):
        rate.add(step, t)
    assert rate.left(30) == pytest.approx(1.0)
