"""A map as rows of text: where points lie, which category a cell shows, and the legend."""

from itertools import pairwise

from rich.console import Console

from prusc_tui.palette import SHELL
from prusc_tui.views.groups.scatter import MARKS, Category, categories, legend, scatter
from tests.tui.lab import plain

TWO = [Category("a", "●", "cyan"), Category("b", "■", "yellow")]


def styles(line):
    """(text, style) of the pieces of a line, blanks left out."""
    return [(s.text, str(s.style)) for s in line.render(Console()) if s.text.strip()]


def test_corners_are_corners_and_up_is_up():
    lines = scatter([0, 1, 0, 1], [0, 0, 1, 1], [0] * 4, TWO, 4, 2)
    assert plain(lines) == ["⠁  ⠈", "⡀  ⢀"]


def test_every_point_is_a_dot_of_its_place():
    width, height = 5, 3
    points = [(c, r) for c in range(2 * width) for r in range(4 * height) if (3 * c + 5 * r) % 7 == 0]
    points += [(0, 0), (2 * width - 1, 4 * height - 1)]
    lines = plain(scatter([c for c, _ in points], [r for _, r in points], [0] * len(points), TWO, width, height))
    order = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]  # (row, column) by bit
    found = set()
    for y, line in enumerate(lines):
        for x, character in enumerate(line):
            bits = ord(character) - 0x2800 if character != " " else 0
            found |= {(2 * x + c, 4 * height - 1 - 4 * y - r) for bit, (r, c) in enumerate(order) if bits >> bit & 1}
    assert found == set(points)


def test_a_cell_shows_the_rarest_of_its_categories():
    kinds = [0] * 30 + [1]
    (line,) = scatter([0.0] * 31 + [9.0], [0.0] * 32, [*kinds, 0], TWO, 3, 1)
    assert styles(line)[0][1] == "yellow"
    assert styles(line)[1][1] == "cyan"


def test_chosen_points_come_first_and_the_others_step_back():
    chosen = [True] * 30 + [False, True]
    (line,) = scatter([0.0] * 31 + [9.0], [0.0] * 32, [0] * 30 + [1, 1], TWO, 3, 1, chosen=chosen)
    assert [style for _, style in styles(line)] == ["bold cyan", "bold yellow"]
    (line,) = scatter([0.0, 9.0], [0.0, 0.0], [0, 1], TWO, 3, 1, chosen=[False, True])
    assert [style for _, style in styles(line)] == ["dim cyan", "bold yellow"]


def test_marks_tell_categories_apart_without_colour():
    assert plain(scatter([0, 1], [0, 0], [0, 1], TWO, 3, 1, marks=True)) == ["● ■"]
    assert plain(scatter([0, 1], [0, 0], [0, 1], TWO, 3, 1, marks=True, chosen=[False, True])) == ["· ■"]


def test_points_in_one_place_none_at_all_and_no_room():
    assert plain(scatter([2.0] * 3, [5.0] * 3, [0] * 3, TWO, 3, 1)) == [" ⠄ "]
    assert plain(scatter([], [], [], TWO, 3, 2)) == ["   ", "   "]
    assert scatter([1.0], [1.0], [0], TWO, 0, 4) == []


def test_neighbours_in_the_round_of_colours_have_marks_of_their_own():
    made = categories([str(i) for i in range(20)], SHELL)
    assert len({(c.mark, c.style) for c in made}) == 20
    assert all(a.style != b.style and a.mark != b.mark for a, b in pairwise(made[: len(MARKS)]))


def test_a_legend_counts_and_says_how_much_it_leaves_out():
    kinds = [0] * 1200 + [1] * 5
    assert plain(legend(kinds, TWO, 40, SHELL)) == ["● a 1,200  ■ b 5".ljust(40)]
    assert plain(legend([1], TWO, 40, SHELL)) == ["■ b 1".ljust(40)]  # what is not on the map has no entry
    many = categories([f"label {i}" for i in range(12)], SHELL)
    lines = plain(legend(list(range(12)), many, 40, SHELL))
    assert len(lines) == 2
    assert all(len(line) == 40 for line in lines)
    named = sum(line.count("label") for line in lines)
    assert f"… {12 - named} more" in lines[1]


def test_a_long_name_does_not_push_its_number_out():
    (line,) = plain(
        legend([0], [Category("a very long name of a group · and of an attribute", "●", "cyan")], 24, SHELL)
    )
    assert len(line) == 24
    assert line.rstrip().endswith(" 1")
