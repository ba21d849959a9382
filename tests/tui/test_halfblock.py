"""Pictures as cells: exact pixels, areas, and dots where there is no colour."""

import io

import numpy as np
import pytest
from PIL import Image
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

from prusc_tui.widgets.halfblock import HALF, dots, fitted, half_blocks

RED, GREEN, BLUE, BLACK, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255)


def image(*rows):
    return Image.fromarray(np.array(rows, dtype=np.uint8))


def cells(lines):
    """(character, colour in front, colour behind) of every cell, by row."""
    console = Console()
    out = []
    for line in lines:
        row = []
        for segment in line.render(console):
            style = segment.style or Style.null()
            front, behind = (tuple(c.triplet) if c else None for c in (style.color, style.bgcolor))
            row += [(character, front, behind) for character in segment.text]
        out.append(row)
    return out


def colours(line):
    """Styles of a line that give it colours."""
    return [span.style for span in line.spans if isinstance(span.style, Style)]


def test_a_cell_is_two_pixels_and_one_colour_needs_no_glyph():
    picture = image([RED, BLUE, GREEN], [GREEN, BLUE, RED], [WHITE, BLACK, BLACK], [WHITE, BLACK, RED])
    assert cells(half_blocks(picture, 3, 2)) == [
        [(HALF, RED, GREEN), (" ", None, BLUE), (HALF, GREEN, RED)],
        [(" ", None, WHITE), (" ", None, BLACK), (HALF, BLACK, RED)],
    ]


def test_equal_neighbours_are_one_piece():
    (line,) = half_blocks(image([RED] * 6, [GREEN] * 6), 6, 1)
    assert line.plain == HALF * 6
    assert len(colours(line)) == 1


def test_smaller_is_the_mean_of_an_area_and_larger_repeats_pixels():
    board = image(*([BLACK, (200, 100, 40)] if y % 2 else [(200, 100, 40), BLACK] for y in range(4)))
    assert cells(half_blocks(board, 1, 1)) == [[(" ", None, (100, 50, 20))]]
    assert cells(half_blocks(image([RED, BLUE]), 4, 1)) == [
        [(" ", None, RED), (" ", None, RED), (" ", None, BLUE), (" ", None, BLUE)]
    ]


@pytest.mark.parametrize("mode", ["L", "RGBA", "1", "P"])
def test_any_kind_of_picture_is_drawn(mode):
    lines = half_blocks(Image.new("RGB", (8, 8), WHITE).convert(mode), 4, 2)
    assert cells(lines) == [[(" ", None, WHITE)] * 4] * 2


@pytest.mark.parametrize(
    ("size", "room", "expected"),
    [
        ((28, 28), (80, 14), (28, 14)),
        ((28, 28), (10, 14), (10, 5)),
        ((32, 16), (80, 8), (32, 8)),
        ((16, 32), (80, 8), (8, 8)),
        ((1000, 1), (20, 5), (20, 1)),
        ((1, 1000), (20, 5), (1, 5)),
    ],
)
def test_the_largest_picture_of_the_same_shape(size, room, expected):
    assert fitted(size, *room) == expected


def test_sixteen_colours_still_show_dark_and_light():
    gradient = image(*([(v, v, v) for v in range(0, 256, 16)] for _ in range(2)))
    out = io.StringIO()
    console = Console(file=out, color_system="standard", force_terminal=True, width=40)
    for line in half_blocks(gradient, 16, 1):
        console.print(line)
    shades = {
        style.bgcolor.downgrade(ColorSystem.STANDARD).number for style in colours(half_blocks(gradient, 16, 1)[0])
    }
    assert "\x1b[38;2;" not in out.getvalue()
    assert len(shades) >= 3


# Without colour


def test_dots_show_what_is_light():
    half = image(*([WHITE] * 2 + [BLACK] * 2 for _ in range(4)))
    assert [line.plain for line in dots(half, 2, 1)] == ["⣿ "]
    assert [line.plain for line in dots(half, 2, 1, invert=True)] == [" ⣿"]
    assert all(not line.spans for line in dots(half, 2, 1))


def test_every_dot_is_where_its_pixel_is():
    rng = np.random.default_rng(0)
    pixels = rng.integers(2, size=(8, 6), dtype=np.uint8) * 255
    pixels[0, :2] = 0, 255  # both are there, so that the contrast stays as it is
    lines = [line.plain for line in dots(Image.fromarray(pixels), 3, 2)]
    order = [
        (0, 0),
        (1, 0),
        (2, 0),
        (0, 1),
        (1, 1),
        (2, 1),
        (3, 0),
        (3, 1),
    ]  # bits of Unicode's braille, from the lowest
    for y in range(2):
        for x in range(3):
            code = ord(lines[y][x]) - 0x2800 if lines[y][x] != " " else 0
            assert [code >> bit & 1 for bit in range(8)] == [int(pixels[4 * y + r, 2 * x + c] > 0) for r, c in order]


def test_grey_is_a_share_of_the_dots():
    grey = np.full((80, 40), 128, dtype=np.uint8)
    grey[0, 0], grey[0, 1] = 0, 255
    text = "".join(line.plain for line in dots(Image.fromarray(grey), 20, 20))
    lit = sum((ord(c) - 0x2800).bit_count() for c in text if c != " ")
    assert lit / 3200 == pytest.approx(0.5, abs=0.05)
