"""The drawing of curves, against a plain rasteriser that sets one dot after the other."""

import random
from array import array
from itertools import pairwise
from math import floor, isfinite, nan

import pytest

from prusc_tui.chart.axes import row_of
from prusc_tui.chart.braille import Layer, compose, rasterise, runs, strokes

DOTS = {(0, 3): 1, (0, 2): 2, (0, 1): 4, (0, 0): 64, (1, 3): 8, (1, 2): 16, (1, 1): 32, (1, 0): 128}


def plain_line(a, b):
    """Bresenham's line, one dot for each step along the longer side."""
    (x0, y0), (x1, y1) = a, b
    dx, dy = x1 - x0, y1 - y0
    n = max(abs(dx), abs(dy))

    def towards(start, d, k):
        return start + (1 if d >= 0 else -1) * ((2 * k * abs(d) + n) // (2 * n)) if n else start

    return {(towards(x0, dx, k), towards(y0, dy, k)) for k in range(n + 1)}


def plain_dots(x, y, window, columns, row, rows):
    """Every dot of a curve that is drawn point by point."""
    scale = (columns - 1) / (window[1] - window[0])
    points = [
        (floor((a - window[0]) * scale + 0.5), row(b)) if isfinite(b) else None for a, b in zip(x, y, strict=True)
    ]
    dots = {point for point in points if point is not None}
    for a, b in pairwise(points):
        if a is not None and b is not None:
            dots |= plain_line(a, b)
    return {(a, b) for a, b in dots if 0 <= a < columns and 0 <= b < rows}


def own_dots(x, y, window, columns, row, rows):
    drawn = rasterise(strokes(array("d", x), array("d", y), window, columns).strokes, row, columns, rows)
    return {(a, b) for a, bits in enumerate(drawn) for b in range(rows) if bits >> b & 1}


def draw(y, width, height, x=None, bounds=None, window=None):
    """One curve as rows of text."""
    x = list(range(len(y))) if x is None else x
    known = [v for v in y if isfinite(v)]
    low, high = bounds or (min(known), max(known))
    window = window or (x[0], x[-1])
    row = row_of(low, high, 4 * height)
    dots = rasterise(strokes(array("d", x), array("d", y), window, 2 * width).strokes, row, 2 * width, 4 * height)
    return [text for text, _ in compose([Layer(dots, 2)], width, height)]


@pytest.mark.parametrize("seed", range(60))
def test_a_curve_has_the_very_dots_that_drawing_every_point_gives(seed):
    draws = random.Random(seed)
    n = draws.choice([1, 2, 3, 10, 60, 700])
    x = sorted(draws.sample(range(1000), n))
    level, y = 0.0, []
    for _ in range(n):
        level += draws.gauss(0, 1)
        y.append(nan if draws.random() < draws.choice([0, 0.2]) else level + draws.gauss(0, draws.choice([0.1, 5])))
    columns, rows = 2 * draws.randint(1, 40), 4 * draws.randint(1, 12)
    low = min((v for v in y if isfinite(v)), default=0.0)
    # Sometimes the window cuts the curve on all sides.
    window = draws.choice([(0.0, 1000.0), (300.0, 420.0)])
    row = row_of(low, low + draws.choice([3.0, 30.0]), rows)

    assert own_dots(x, y, window, columns, row, rows) == plain_dots(x, y, window, columns, row, rows)


def test_rows_of_text_are_the_dots():
    draws = random.Random(0)
    columns = [draws.getrandbits(12) for _ in range(10)]

    rows = [text for text, _ in compose([Layer(columns, 2)], 5, 3)]

    for cell in range(5):
        for y in range(3):
            expected = sum(bit for (dx, dy), bit in DOTS.items() if columns[2 * cell + dx] >> (4 * (2 - y) + dy) & 1)
            assert rows[y][cell] == (chr(0x2800 + expected) if expected else " ")


def test_a_rising_line():
    assert draw([0, 1], 4, 2) == ["  ⡠⠊", "⡠⠊  "]


def test_a_spike_among_ten_thousand_points_is_kept():
    y = [0.0] * 10_000
    y[5_100] = 1.0
    assert draw(y, 9, 2) == ["    ⢸    ", "⣀⣀⣀⣀⣸⣀⣀⣀⣀"]


def test_a_gap_where_there_is_no_number():
    assert draw([0, 0, nan, 0, 0], 5, 1, bounds=(0, 1)) == ["⣀⡀ ⢀⣀"]


def test_a_point_between_two_gaps_is_a_dot():
    assert draw([nan, 0, nan, 1, nan], 3, 1, bounds=(0, 1), window=(0, 5)) == ["⢀⠈ "]


def test_a_line_comes_in_from_outside_the_window():
    whole = draw([0, 15], 8, 4, x=[0, 15])
    right = draw([0, 15], 4, 4, x=[0, 15], window=(8, 15), bounds=(0, 15))
    assert right == [row[4:] for row in whole]
    assert any(row.strip() for row in right)


def test_values_that_a_logarithmic_axis_cannot_show_are_counted_and_break_the_line():
    x = array("d", range(6))
    found = strokes(x, array("d", [1, 2, 0, -3, 4, nan]), (0.0, 5.0), 12, above=0.0)

    assert found.left_out == 2
    assert found.points == 3
    assert [stroke.joined for stroke in found.strokes] == [False, True, False]


def test_infinities_break_the_line_like_no_number():
    x = array("d", range(5))
    with_infinity = strokes(x, array("d", [1, 2, float("inf"), 2, 1]), (0.0, 4.0), 10).strokes
    with_nan = strokes(x, array("d", [1, 2, nan, 2, 1]), (0.0, 4.0), 10).strokes
    assert with_infinity == with_nan


def test_the_later_curve_has_the_colour_of_a_cell_and_dots_of_both_stay():
    low, high = [1, 1, 0, 0], [8, 8, 8, 8]
    assert compose([Layer(low, 2), Layer(high, 3)], 2, 1) == [("⣉⠉", "33")]
    assert compose([Layer(high, 3), Layer(low, 2)], 2, 1) == [("⣉⠉", "23")]


def test_a_faint_curve_is_seen_only_where_no_other_is():
    faint, smooth = Layer([15, 15, 15, 15], 1, faint=True), Layer([1, 1, 0, 0], 2)
    assert compose([smooth, faint], 2, 1) == [("⣀⣿", "21")]


def test_runs_join_cells_of_one_ink_and_take_spaces_along():
    assert runs("ab  cd e", "22003030") == [("ab  ", "2"), ("c", "3"), ("d e", "0")]
    assert runs("", "") == []
