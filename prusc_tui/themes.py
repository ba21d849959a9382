"""Themes of the screen, ours and Textual's, and the palette of each."""

from math import log

from textual.color import Color as Shade
from textual.theme import BUILTIN_THEMES, Theme

from prusc_tui.palette import SHELL, Palette

DEFAULT = "ink"

# Okabe and Ito, “Color Universal Design” (2008): eight colours that every kind of colour vision can tell apart.
_OKABE_ITO = ("#56b4e9", "#e69f00", "#cc79a7", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#bbbbbb")
_DARK_SERIES = ("#5cc8e8", "#f2b134", "#c594f0", "#7fce7a", "#f07f93", "#7fa5ff", "#e8946a", "#b9c4cc")
_LIGHT_SERIES = ("#00708f", "#9a6200", "#7a3fa8", "#2c7a2c", "#b3234a", "#2b50c0", "#a3491b", "#55606a")

OWN: tuple[Theme, ...] = (
    Theme(
        name="ink",
        primary="#5cc8e8",
        secondary="#8fb8c9",
        accent="#5cc8e8",
        success="#7fce7a",
        warning="#f2b134",
        error="#f2708a",
        foreground="#d8dee4",
        background="#12161a",
        surface="#171c21",
        panel="#1f262d",
        variables={"series": " ".join(_DARK_SERIES), "footer-key-foreground": "#5cc8e8"},
    ),
    Theme(
        name="paper",
        primary="#00708f",
        secondary="#4a6a78",
        accent="#00708f",
        success="#2c7a2c",
        warning="#8f5a00",
        error="#b3234a",
        foreground="#23292e",
        background="#faf8f3",
        surface="#f3f0e8",
        panel="#e8e4d9",
        dark=False,
        variables={"series": " ".join(_LIGHT_SERIES)},
    ),
    Theme(
        name="colour-blind",
        primary="#56b4e9",
        secondary="#9fb7c6",
        accent="#56b4e9",
        success="#56b4e9",
        warning="#f0e442",
        error="#e69f00",
        foreground="#e2e6ea",
        background="#10141a",
        surface="#161b22",
        panel="#1f2630",
        variables={"series": " ".join(_OKABE_ITO)},
    ),
    Theme(
        name="contrast",
        primary="#ffffff",
        secondary="#d0d0d0",
        accent="#ffff00",
        success="#00ff87",
        warning="#ffd700",
        error="#ff5f5f",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        variables={"series": "#00d7ff #ffd700 #ff87ff #00ff87 #ffffff #87afff #ff875f #d0d0d0"},
    ),
)
"""Dark, light, one for every kind of colour vision, and one with high contrast."""

NAMES: tuple[str, ...] = (*(theme.name for theme in OWN), *BUILTIN_THEMES)
"""Every theme by name, ours first."""

TERMINAL = ("ansi-dark", "ansi-light")
"""Themes that leave all colours to the terminal."""


def palette_of(theme: Theme) -> Palette:
    """The palette of a theme; the shell's if the theme leaves colours to the terminal."""
    if theme.name in TERMINAL:
        return SHELL
    text = Shade.parse(theme.foreground or ("#e0e0e0" if theme.dark else "#202020"))
    ground = Shade.parse(theme.background or ("#121212" if theme.dark else "#efefef"))
    series = tuple(theme.variables.get("series", "").split()) or (_DARK_SERIES if theme.dark else _LIGHT_SERIES)
    return Palette(
        text=text.hex6,
        muted=ground.blend(text, 0.62).hex6,
        track=ground.blend(text, 0.28).hex6,
        accent=Shade.parse(theme.accent or theme.primary).hex6,
        good=Shade.parse(theme.success or "#4ebf71").hex6,
        warn=Shade.parse(theme.warning or "#ffa62b").hex6,
        bad=Shade.parse(theme.error or "#ba3c5b").hex6,
        series=series,
        heat=tuple(_cell(ground.blend(Shade.parse(theme.primary), i / 9), text, ground) for i in range(8)),
        background=ground.hex6,
    )


def _cell(colour: Shade, text: Shade, ground: Shade) -> str:
    """Style of a heat table cell, with the text colour of higher contrast."""
    # The logarithm of WCAG's contrast ratio, whichever colour is lighter.
    best = max((text, ground), key=lambda ink: abs(log((_luminance(ink) + 0.05) / (_luminance(colour) + 0.05))))
    return f"{best.hex6} on {colour.hex6}"


def _luminance(colour: Shade) -> float:
    """Relative luminance of sRGB (WCAG 2)."""
    channels = [c / 255 for c in colour.rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
