import math

import pytest

from core.feed.series import SeriesBuffer


def filled(*steps: int) -> SeriesBuffer:
    buffer = SeriesBuffer()
    for step in steps:
        buffer.append(step, step / 10, float(step), step * 2.0)
    return buffer


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
