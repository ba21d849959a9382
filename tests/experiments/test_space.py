import math

import pytest

from core.errors import InputError
from experiments.space import Choice, Range, drawn_points, grid_points, label, read_axis, read_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.05,0.1", (0.05, 0.1)),
        ("1, 2,3", (1, 2, 3)),
        ("true,false", (True, False)),
        ("adam,sgd", ("adam", "sgd")),
        ("[1,2],[3]", ([1, 2], [3])),
        ("1e-3", (0.001,)),
        ("auto,3", ("auto", 3)),
    ],
)
def test_values_of_a_grid_are_read_as_settings_are(text, values):
    assert read_values("a.b", text) == values


@pytest.mark.parametrize(("text", "message"), [("", "expected values"), (" , ", "expected values"), ("1,2,1", "twice")])
def test_a_grid_without_values_or_with_one_twice_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        read_values("a.b", text)


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("0..1", Range(0, 1, "int")),
        ("0.0..1", Range(0, 1, "linear")),
        ("uniform:0..1", Range(0, 1, "linear")),
        ("log:1e-4..1e-1", Range(1e-4, 1e-1, "log")),
        ("int:1..10", Range(1, 10, "int")),
        ("-2..-1", Range(-2, -1, "int")),
        ("choice:a,b", Choice(("a", "b"))),
    ],
)
def test_a_range_is_read_and_written_back(text, axis):
    assert read_axis("a.b", text) == axis
    again = read_axis("a.b", str(axis))
    assert again.at(0.3) == axis.at(0.3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1", "expected a range"),
        ("low..high", "expected a range"),
        ("cubic:1..2", "expected a range"),
        ("2..1", "empty"),
        ("1..1", "empty"),
        ("0..inf", "empty"),
        ("log:0..1", "above 0"),
    ],
)
def test_a_range_that_is_empty_or_something_else_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        read_axis("a.b", text)


def test_a_logarithmic_range_is_halved_at_its_geometric_mean():
    assert read_axis("a", "log:1e-4..1e-2").at(0.5) == pytest.approx(1e-3)


def test_a_range_of_whole_numbers_has_both_ends_with_the_same_share():
    axis = read_axis("a", "int:1..4")
    assert [axis.at((i + 0.5) / 8) for i in range(8)] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert axis.at(1.0) == 4


def test_a_grid_has_every_combination_and_no_key_gives_one_point():
    assert list(grid_points({})) == [{}]
    assert list(grid_points({"a": (1, 2), "b": ("x",)})) == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_drawn_points_are_within_their_ranges_and_the_same_again(method):
    axes = {"a": read_axis("a", "log:1e-4..1e-1"), "b": read_axis("b", "1..5")}
    points = drawn_points(axes, 13, method, seed=3)
    assert points == drawn_points(axes, 13, method, seed=3)
    assert points != drawn_points(axes, 13, method, seed=4)
    assert len(points) == 13
    assert all(1e-4 <= point["a"] <= 1e-1 and point["b"] in range(1, 6) for point in points)
    assert all(point["a"] == float(f"{point['a']:.3g}") for point in points)


def test_sobol_points_leave_no_eighth_of_a_range_out_as_random_ones_do():
    axes = {"a": read_axis("a", "0.0..1.0"), "b": read_axis("b", "0.0..1.0")}

    def filled(method):
        points = drawn_points(axes, 8, method, seed=0)
        return min(len({math.floor(8 * point[key]) for point in points}) for key in axes)

    assert filled("sobol") == 8
    assert filled("random") < 8


def test_equal_points_are_kept_once():
    assert len(drawn_points({"a": Choice((1, 2))}, 20, "random", seed=0)) == 2


def test_a_label_has_the_whole_key_only_where_its_last_word_comes_twice():
    assert label({"prune.lr": 0.05, "finetune.steps": 3}) == "lr=0.05 steps=3"
    assert label({"prune.lr": 0.05, "erm.lr": 0.1}) == "prune.lr=0.05 erm.lr=0.1"
    assert label({}) == ""
