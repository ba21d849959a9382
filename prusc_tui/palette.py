"""Colours by meaning, so that one drawing serves the shell's 16 colours and every theme of the screen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """One Rich style string per role.

    Attributes:
        text: ordinary text.
        muted: secondary text: units, captions, sizes.
        track: the empty part of a bar, grid lines, rules.
        accent: cursor, chosen item, brand.
        good: done, improved.
        warn: stopped, warnings.
        bad: worst group, failed.
        series: colours of curves and categories.
        heat: background colours from low to high, with a readable text colour, as `black on #rrggbb`.
        background: for blending.
    """

    text: str
    muted: str
    track: str
    accent: str
    good: str
    warn: str
    bad: str
    series: tuple[str, ...]
    heat: tuple[str, ...]
    background: str = "default"

    def of_state(self, state: str) -> str:
        """Style of the state of a run or a stage."""
        return str(getattr(self, _STATES[state][1]))

    def of_series(self, index: int) -> str:
        """Style of the `index`-th curve; colours repeat."""
        return self.series[index % len(self.series)]


_STATES = {
    "waiting": ("·", "muted"),
    "queued": ("◦", "muted"),
    "running": ("▸", "accent"),
    "done": ("✓", "good"),
    "finished": ("✓", "good"),
    "reused": ("↺", "good"),
    "stopped": ("■", "warn"),
    "failed": ("✗", "bad"),
    "lost": ("?", "bad"),
}
MARKS = {state: mark for state, (mark, _) in _STATES.items()}
"""State of a run or a stage → its mark, for displays without colour."""

SHELL = Palette(
    text="default",
    muted="dim",
    track="bright_black",
    accent="cyan",
    good="green",
    warn="yellow",
    bad="red",
    series=("cyan", "yellow", "magenta", "green", "blue", "red", "bright_cyan", "bright_yellow"),
    heat=(
        "default",
        "white on grey19",
        "white on grey27",
        "white on grey35",
        "black on grey50",
        "black on grey66",
        "black on grey82",
        "black on grey93",
    ),
)
"""The terminal's own colours: what `prusc watch` draws with."""


def palette_in(app: object) -> Palette:
    """The palette of an app; the terminal's own if it has none."""
    palette = getattr(app, "palette", SHELL)
    return palette if isinstance(palette, Palette) else SHELL
