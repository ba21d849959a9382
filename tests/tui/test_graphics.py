"""Pictures for terminals: what a terminal would make of the characters is the picture."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from prusc_tui.graphics import CHUNK, kitty, protocol, sixel


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
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", kitty(image, 40))
    assert len(parts) > 1
    assert max(len(data) for _, data in parts) <= CHUNK
    assert "c=40" in parts[0][0]
    assert [head[-3:] for head, _ in parts] == ["m=1"] * (len(parts) - 1) + ["m=0"]
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts)))) as shown:
        assert np.array_equal(np.asarray(shown), np.asarray(image))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "kitty"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-kitty", "TMUX": "x"}, "blocks"),
        ({}, "blocks"),
    ],
)
def test_a_terminal_is_known_by_what_it_says_of_itself(environment, expected):
    assert protocol(environment) == expected
