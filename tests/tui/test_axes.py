import random
from itertools import pairwise
from math import inf

import pytest

from prusc_tui.chart.axes import (
    GAP,
    calm_bounds,
    calm_log_bounds,
    calm_reach,
    clock_label,
    label_start,
    number_labels,
    panned,
    within,
    x_ticks,
    y_ticks,
    zoomed,
)
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.smooth import Smoothed


def ranges(seeds):
    for seed in range(seeds):
        draws = random.Random(seed)
        low = draws.choice([0.0, 1.0, -1.0]) * 10 ** draws.uniform(-8, 8)
        yield draws, low, low + max(abs(low) * 1e-3, 10 ** draws.uniform(-8, 8))


@pytest.mark.parametrize("mode", ["step", "epoch", "time"])
def test_labels_of_the_x_axis_never_touch_and_stand_under_their_ticks(mode):
    for draws, low, high in ranges(300):
        if mode != "epoch":
            low, high = abs(low), abs(low) + max(1.0, high - low)
        width = draws.randint(1, 200)
        ticks = x_ticks(low, high, width, mode)
        ends = [(label_start(tick, width), label_start(tick, width) + len(tick.label)) for tick in ticks]
        assert all(end + GAP <= start for (_, end), (start, _) in pairwise(ends))
        assert all(start >= 0 and end <= width for start, end in ends)
        for tick in ticks:
            assert tick.at == int((tick.value - low) / (high - low) * (2 * width - 1) + 0.5) // 2
            assert 0 <= tick.at < width
        assert len({tick.label for tick in ticks}) == len(ticks)


def test_ticks_are_1_2_or_5_apart():
    for draws, low, high in ranges(300):
        ticks = y_ticks(low, high, draws.randint(3, 60))
        steps = [b.value - a.value for a, b in pairwise(ticks)]
        if not steps:
            continue
        step = steps[0]
        mantissa = step / 10 ** int(f"{step:e}".split("e")[1])
        assert min(abs(mantissa - nice) for nice in (1, 2, 5, 10)) < 1e-4
        assert steps == pytest.approx([step] * len(steps), rel=1e-4)


@pytest.mark.parametrize("log", [False, True])
def test_y_ticks_have_rows_of_their_own_and_different_labels(log):
    for draws, low, high in ranges(300):
        if log:
            low = 10 ** draws.uniform(-12, 4)
            high = low * 10 ** draws.uniform(0.1, 14)
        height = draws.randint(2, 60)
        ticks = y_ticks(low, high, height, log=log)
        assert all(a.at - b.at >= 2 for a, b in pairwise(ticks))
        assert all(0 <= tick.at < height for tick in ticks)
        assert all(low * (1 - 1e-6) - 1e-12 <= tick.value <= high * (1 + 1e-6) + 1e-12 for tick in ticks if log)
        assert len({tick.label for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "height", "labels"),
    [
        (0.001, 10, 10, ["0.001", "0.01", "0.1", "1", "10"]),
        (0.02, 5, 12, ["0.03", "0.1", "0.3", "1", "3"]),
        (0.2, 0.5, 12, ["0.2", "0.3", "0.4", "0.5"]),
        (1e-12, 1e9, 10, ["1e−10", "1e−5", "1", "1e5"]),
        (3.1, 3.4, 10, ["3.1", "3.2", "3.3", "3.4"]),
    ],
)
def test_logarithmic_ticks(low, high, height, labels):
    assert [tick.label for tick in y_ticks(low, high, height, log=True)] == labels


@pytest.mark.parametrize(
    ("low", "high", "width", "mode", "labels"),
    [
        (0, 950, 40, "step", ["0", "200", "400", "600", "800"]),
        (0, 120_000, 30, "step", ["0", "50k", "100k"]),
        (3, 4, 60, "step", ["3", "4"]),
        (0, 2, 30, "epoch", ["0.0", "0.5", "1.0", "1.5", "2.0"]),
        (0, 75, 30, "time", ["0:00", "0:30", "1:00"]),
        (0, 1500, 30, "time", ["0:00", "10:00", "20:00"]),
        (0, 9000, 40, "time", ["0:00", "1:00:00", "2:00:00"]),
        (0, 1.7, 60, "kept", ["100 %", "50 %", "20 %", "10 %", "5 %", "2 %"]),
        (0, 3, 30, "kept", ["100 %", "10 %", "1 %", "0.1 %"]),
        (0, 3, 8, "kept", ["100 %"]),
        (0, 0.8, 60, "time", ["0:00.0", "0:00.2", "0:00.4", "0:00.6", "0:00.8"]),
    ],
)
def test_labels_of_the_x_axis(low, high, width, mode, labels):
    assert [tick.label for tick in x_ticks(low, high, width, mode)] == labels


def test_numbers_have_the_same_decimals_and_a_true_minus():
    assert number_labels([-0.5, 0.0, 0.5], 0.5) == ["−0.5", "0.0", "0.5"]
    assert number_labels([0, 2e6, 1.2e7], 1e6) == ["0", "2M", "12M"]
    assert number_labels([0, 2e-6, 4e-6], 2e-6) == ["0", "2e−6", "4e−6"]
    assert number_labels([1000, 1500], 500) == ["1,000", "1,500"]


def test_elapsed_time():
    assert [clock_label(s, 1) for s in (0, 30, 300, 3600, 93784)] == ["0:00", "0:30", "5:00", "1:00:00", "26:03:04"]


def test_bounds_hold_the_data_and_stay_within_what_is_possible():
    for _, low, high in ranges(300):
        below, above = calm_bounds(low, high)
        # Rounding may cost a billionth of the range: far less than a dot.
        assert below <= low + 1e-8 * (high - low)
        assert above >= high - 1e-8 * (high - low)
        assert above - below <= 1.5 * (high - low) + 1e-9
    assert calm_bounds(33.1, 99.0, 0.0, 100.0) == (30, 100)
    assert calm_bounds(0.06, 2.43, 0.0)[0] == 0


@pytest.mark.parametrize(
    ("value", "floor", "ceiling"), [(0.5, 0, inf), (0.0, 0, inf), (100.0, 0, 100), (-3.0, -inf, 100)]
)
def test_a_constant_is_inside_its_bounds(value, floor, ceiling):
    low, high = calm_bounds(value, value, floor, ceiling)
    assert low <= value <= high
    assert low < high
    assert low >= floor
    assert high <= ceiling


def test_logarithmic_bounds_hold_the_data():
    for seed in range(200):
        draws = random.Random(seed)
        low = 10 ** draws.uniform(-12, 12)
        high = low * 10 ** draws.uniform(0, 6)
        below, above = calm_log_bounds(low, high)
        assert 0 < below <= low * (1 + 1e-6)
        assert above >= high * (1 - 1e-6)
    assert calm_log_bounds(0.1, 0.1) == (0.05, 0.2)


def test_the_moving_average_is_the_plain_debiased_recursion():
    draws = random.Random(0)
    values = [draws.gauss(3, 1) for _ in range(200)]
    smoothed = Smoothed(0.9)
    smoothed.extend(values)

    for t in (1, 2, 7, 200):
        weights = [0.1 * 0.9 ** (t - 1 - i) for i in range(t)]
        plain = sum(w * v for w, v in zip(weights, values[:t], strict=True)) / sum(weights)
        assert smoothed.values[t - 1] == pytest.approx(plain)


def test_the_average_of_a_constant_is_the_constant_and_gaps_stay_gaps():
    smoothed = Smoothed(0.99)
    smoothed.extend([2.0, float("nan"), 2.0])
    assert smoothed.values[0] == pytest.approx(2.0)
    assert smoothed.values[1] != smoothed.values[1]
    assert smoothed.values[2] == pytest.approx(2.0)


def test_no_smoothing_leaves_values_alone_and_a_weight_of_one_is_refused():
    smoothed = Smoothed(0.0)
    smoothed.extend([1.0, 5.0])
    assert list(smoothed.values) == [1.0, 5.0]
    with pytest.raises(ValueError, match="weight"):
        Smoothed(1.0)


class Counted(list):
    """A list that counts how many of its values were read by slices."""

    read = 0

    def __getitem__(self, index):
        got = super().__getitem__(index)
        if isinstance(index, slice):
            Counted.read += len(got)
        return got


def test_a_curve_that_grew_costs_what_is_new():
    cache, x, y = CurveCache(), list(range(1000)), Counted(float(i % 7) for i in range(1000))
    cache.smoothed("a", x, y, 0.9)
    Counted.read = 0
    y.append(3.0)
    x.append(1000)

    grown = list(cache.smoothed("a", x, y, 0.9))

    assert Counted.read == 1
    fresh = Smoothed(0.9)
    fresh.extend(list(y))
    assert grown == list(fresh.values)


def test_a_curve_that_took_another_course_is_smoothed_anew():
    cache, x = CurveCache(), [1, 2, 3, 4]
    cache.smoothed("a", x[:3], [1.0, 1.0, 1.0], 0.5)
    again = list(cache.smoothed("a", x, [5.0, 5.0, 5.0, 5.0], 0.5))
    assert again == pytest.approx([5.0] * 4)
    assert list(cache.smoothed("a", x[:1], [7.0], 0.5)) == pytest.approx([7.0])


def test_zooming_keeps_the_place_under_the_pointer():
    view = zoomed((0.0, 100.0), (0.0, 100.0), 2, 30.0, "epoch")
    assert view is not None
    assert (30.0 - view[0]) / (view[1] - view[0]) == pytest.approx(0.3)
    assert view[1] - view[0] == pytest.approx(100 / 1.25**2)


def test_zooming_out_far_enough_follows_the_newest_again():
    assert zoomed((10.0, 90.0), (0.0, 100.0), -3, 50.0, "step") is None


def test_steps_are_not_zoomed_beyond_single_ones():
    view = (0.0, 100.0)
    for _ in range(60):
        view = zoomed(view, (0.0, 100.0), 1, 50.0, "step")
    assert view[1] - view[0] == pytest.approx(4.0)


def test_panning_ends_where_the_data_do():
    assert panned((10.0, 20.0), (0.0, 100.0), -15.0) == (0.0, 10.0)
    assert panned((10.0, 20.0), (0.0, 100.0), 500.0) == (90.0, 100.0)
    assert within((-5.0, 205.0), (0.0, 100.0)) == (0.0, 100.0)


def test_the_reach_is_round_begins_at_zero_and_holds_the_data():
    assert calm_reach(4.0, 938.0, "step") == (0.0, 950.0)
    assert calm_reach(117.0, 117.0, "step") == (116.5, 117.5)
    assert calm_reach(0.2, 75.0, "time") == (0.0, 75.0)
    for seed in range(100):
        draws = random.Random(seed)
        low = draws.uniform(0, 50)
        high = low + draws.uniform(1, 1e6)
        left, right = calm_reach(low, high, draws.choice(["step", "epoch", "time"]))
        assert left <= low + 1e-6
        assert high - 1e-6 <= right <= high + 0.2 * (high - low) + 1
