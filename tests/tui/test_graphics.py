"""Pictures for terminals: what a terminal would make of the characters is the picture."""

import base64
import io
import re

import numpy as np
from PIL import Image
from rich.cells import cell_len

from prusc_tui.graphics import CHUNK, MARKS, PLACEHOLDER, kitty, placeholders, scaled, sixel


def picture(width=50, height=32):
    values = np.zeros((height, width, 3), np.uint8)
    values[5:20, 10:40] = (255, 0, 0)
    values[20:, :25] = (0, 51, 255)
    return Image.fromarray(values)


def noise(side=120):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


def unsixel(text):
    """A slow terminal."""
    width, height, body = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.S).groups()
    out = np.full((int(height) + 6, int(width), 3), -1)
    colours, colour, x, top = {}, 0, 0, 0
    for token in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+.|[$-]|[?-~]", body):
        if token.startswith("#"):
            number, *rest = map(int, token[1:].split(";"))
            if rest:
                colours[number] = [round(v * 2.55) for v in rest[1:]]
            colour = number
        elif token == "$":
            x = 0
        elif token == "-":
            x, top = 0, top + 6
        else:
            count, sign = (int(token[1:-1]), token[-1]) if token.startswith("!") else (1, token)
            for bit in range(6):
                if (ord(sign) - 63) >> bit & 1:
                    out[top + bit, x : x + count] = colours[colour]
            x += count
    return out[: int(height)]


def test_sixel_draws_every_pixel_once_in_its_colour():
    drawn = unsixel(sixel(picture()))
    assert np.abs(drawn - np.asarray(picture()).astype(int)).max() <= 3  # colours are in per cent


def test_kitty_sends_the_png_in_parts():
    image = noise()
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(image, 40, 20))
    assert len(parts) > 1
    assert max(len(data) for _, data in parts) <= CHUNK
    assert "c=40,r=20" in parts[0][0]
    assert [head[-3:] for head, _ in parts] == ["m=1"] * (len(parts) - 1) + ["m=0"]
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts)))) as shown:
        assert np.array_equal(np.asarray(shown), np.asarray(image))


def test_few_colours_are_mixed():
    ramp = Image.fromarray(np.tile(np.arange(96, dtype=np.uint8)[:, None, None], (1, 96, 3)))
    drawn = unsixel(sixel(ramp, 4))
    assert len(np.unique(drawn)) <= 4
    blocks = [one.reshape(8, 12, 8, 12, 3).mean((1, 3)) for one in (drawn, np.asarray(ramp))]
    assert np.abs(blocks[0] - blocks[1]).max() < 8  # an area has the mean colour of the picture


def test_the_pixels_of_a_small_picture_stay_squares_and_a_photograph_is_smooth():
    small = Image.fromarray(np.array([[0, 255]], np.uint8)).resize((4, 4), Image.Resampling.NEAREST)
    assert set(np.unique(scaled(small, 40, 40))) == {0, 255}
    large = small.resize((128, 128), Image.Resampling.NEAREST)
    assert len(np.unique(scaled(large, 400, 400))) > 2


def test_every_cell_of_a_stored_picture_says_which_part_it_shows():
    cells = placeholders(30, 4)
    assert cell_len(cells) == 30
    assert len(set(re.findall(f"{PLACEHOLDER}{MARKS[4]}(.)", cells))) == 30
    assert len(set(MARKS)) == len(MARKS)
