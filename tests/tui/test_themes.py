"""Colours as maths: readable on their ground, and told apart by every kind of colour vision."""

from itertools import combinations

import pytest
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from prusc_tui.palette import MARKS, SHELL
from prusc_tui.themes import OWN, TERMINAL, palette_of

THEMES = [*OWN, *(theme for name, theme in BUILTIN_THEMES.items() if name not in TERMINAL)]

# Viénot, Brettel and Mollon (1999): linear RGB as seen without L cones and without M cones.
PROTAN = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
DEUTAN = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))


def linear(colour):
    return [((c / 255 + 0.055) / 1.055) ** 2.4 if c / 255 > 0.04045 else c / 255 / 12.92 for c in colour.rgb]


def contrast(one, other):
    """Contrast ratio of WCAG 2, from 1 to 21."""
    lights = sorted(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(x), strict=True)) for x in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_text_and_states_are_readable_on_the_ground(theme):
    palette = palette_of(theme)
    ground = Color.parse(palette.background)
    assert contrast(Color.parse(palette.text), ground) >= 7
    for role in ("muted", "accent", "good", "warn", "bad"):
        assert contrast(Color.parse(getattr(palette, role)), ground) >= 3.0, role
    for style in palette.series:
        assert contrast(Color.parse(style), ground) >= 3.0, style


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_heat_grows_from_the_ground_and_its_numbers_stay_readable(theme):
    palette = palette_of(theme)
    styles = [Style.parse(style) for style in palette.heat]
    grounds = [Color.from_rich_color(style.bgcolor) for style in styles]
    far = [contrast(ground, Color.parse(palette.background)) for ground in grounds]
    assert far == sorted(far)
    if theme in OWN:
        for style, ground in zip(styles, grounds, strict=True):
            assert contrast(Color.from_rich_color(style.color), ground) >= 3.0


@pytest.mark.parametrize("matrix", [PROTAN, DEUTAN], ids=["protan", "deutan"])
def test_the_colour_blind_theme_keeps_its_first_curves_and_states_apart(matrix):
    palette = palette_of(next(theme for theme in OWN if theme.name == "colour-blind"))

    def seen(style):
        light = linear(Color.parse(style))
        return [sum(w * c for w, c in zip(row, light, strict=True)) for row in matrix]

    def apart(one, other):
        return sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5

    for one, other in combinations([palette.good, palette.warn, palette.bad], 2):
        assert apart(one, other) > 0.2
    for one, other in combinations(palette.series[:4], 2):
        assert apart(one, other) > 0.08


def test_a_theme_of_the_terminal_draws_with_the_terminals_colours():
    assert palette_of(BUILTIN_THEMES[TERMINAL[0]]) is SHELL


def test_every_state_has_a_mark_and_a_style():
    assert len(MARKS) == 9
    assert all(SHELL.of_state(state) for state in MARKS)
