"""Risk and penalty of every environment over the steps of a training: two charts over one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from core.runs.series import Series
from core.runs.snapshot import Snapshot
from prusc_tui.draw.bars import fit, heading, ink, safe
from prusc_tui.draw.braille import runs
from prusc_tui.draw.curves import Curve
from prusc_tui.draw.frame import COLOURS, FIRST_COLOUR, Settings, full
from prusc_tui.draw.picture import ACCENT, MUTED, TITLE, TRACK, VALUE, Row, frame_of, picture, plan
from prusc_tui.draw.smooth import SmoothCache
from prusc_tui.draw.spark import stage_in_view
from prusc_tui.palette import Palette
from prusc_tui.words import weight

RISK, PENALTY = "risk ", "penalty "
WORST, WEIGHT = "penalty worst", "penalty weight"
JUMP = "┊"
LEAST = 7
"""Lines of the lowest chart."""
BESIDE, GAP = 96, 3
"""Cells from which the charts stand side by side, and cells between them."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is drawn; equal only while no series grew.

    Attributes:
        stage: whose series these are.
        risks: environment → risk over steps.
        penalties: environment → penalty over steps.
        worst: largest penalty of a restart; None where nobody said.
        weight: penalty weight over steps; None where the objective has none.
    """

    stage: str
    risks: tuple[tuple[str, Series], ...]
    penalties: tuple[tuple[str, Series], ...]
    worst: Series | None
    weight: Series | None


def course_of(snapshot: Snapshot) -> Course | None:
    """The course of the last stage that told the risk of environments; None where none has."""
    said = {owner for (owner, name), series in snapshot.series.items() if name.startswith(RISK) and len(series)}
    stage = stage_in_view(snapshot, said)
    if stage is None:
        return None
    series: Mapping[str, Series] = {
        name: s for (owner, name), s in snapshot.series.items() if owner == stage and len(s)
    }
    risks = tuple((name.removeprefix(RISK), s) for name, s in series.items() if name.startswith(RISK))
    # An environment may be called as a series of its own is: it goes by those that have a risk.
    names = [name for name, _ in risks]
    penalties = tuple((name, series[PENALTY + name]) for name in names if PENALTY + name in series)
    return Course(stage, risks, penalties, series.get(WORST), series.get(WEIGHT))


def jump_of(series: Series | None) -> tuple[float, float, float] | None:
    """Where the penalty weight last changed: the step, the weight before and from there on; None where it never did."""
    if series is None:
        return None
    values = series.values[:]
    at = next((i for i in range(len(values) - 1, 0, -1) if values[i] != values[i - 1]), 0)
    return (series.steps[at], values[at - 1], values[at]) if at else None


def course(found: Course, names: Sequence[str], width: int, height: int, palette: Palette) -> list[Text]:
    """Draw heading and charts in lines of `width` cells, about `height` of them, the lowest that can be read at least.

    Args:
        found: what `course_of` returns.
        names: of the environments: each keeps the colour and mark of its place among them.
        width: cells of every line.
        height: lines that are there.
        palette: colours.
    """
    jump = jump_of(found.weight)
    lines = [heading("Risk and penalty", _note(found, jump), width, palette)]
    charts = [("risk", _curves(found.risks, names), Settings())]
    if found.penalties:
        curves = _curves(found.penalties, names)
        if found.worst is not None and len(found.worst):
            worst = found.worst
            curves = (Curve("worst restart", worst.steps, worst.values, len(names), WORST), *curves)
        charts.append(("penalty", curves, Settings(log=True)))
    beside = width >= BESIDE and len(charts) > 1
    across = (width - GAP) // 2 if beside else width
    down = max(LEAST, (height - 1) // (1 if beside else len(charts)))
    step = jump[0] if jump is not None else None
    drawn = [_chart(title, curves, settings, across, down, step, palette) for title, curves, settings in charts]
    if beside:
        left, right = drawn
        return lines + [
            fit(one.append(" " * GAP).append_text(other), width) for one, other in zip(left, right, strict=True)
        ]
    return lines + [line for chart in drawn for line in chart]


def _note(found: Course, jump: tuple[float, float, float] | None) -> str:
    note = f"{safe(found.stage)}, means over restarts"
    if jump is not None:
        step, before, after = jump
        note += f" · {JUMP} weight {weight(before)} → {weight(after)} at step {step:,.0f}"
    return note


def _curves(series: Sequence[tuple[str, Series]], names: Sequence[str]) -> tuple[Curve, ...]:
    places = [*names, *(name for name, _ in series if name not in names)]
    return tuple(Curve(name, s.steps, s.values, places.index(name), name) for name, s in series)


def _chart(
    title: str,
    curves: Sequence[Curve],
    settings: Settings,
    width: int,
    height: int,
    jump: float | None,
    palette: Palette,
) -> list[Text]:
    cache = SmoothCache()
    layout = plan(curves, settings, title, width, height)
    frame = frame_of(curves, settings, layout, cache)
    drawn = picture(frame, layout, curves, settings, title=title, cache=cache)
    if jump is not None and frame.bounds is not None and full(curves, "step") is not None:
        at = frame.column(jump)
        if 0 <= at < frame.across:
            place = frame.label_width + 1 + at
            plot = range(layout.top, layout.top + frame.down)
            drawn = [_marked(row, place) if y in plot else row for y, row in enumerate(drawn)]
    styles = _styles(palette)
    lines = []
    for row in drawn:
        line = ink("")
        for text, colour in runs(*row):
            line.append(text, styles[colour])
        lines.append(fit(line, width))
    return lines


def _marked(row: Row, place: int) -> Row:
    """The row with the line of the jump where there is no curve."""
    text, inks = row
    if place >= len(text) or text[place] not in " ┈":
        return row
    return text[:place] + JUMP + text[place + 1 :], inks[:place] + MUTED + inks[place + 1 :]


def _styles(palette: Palette) -> dict[str, str]:
    roles = {"0": palette.track, "1": palette.track, TITLE: f"bold {palette.text}", MUTED: palette.muted}
    roles |= {TRACK: palette.track, ACCENT: f"bold {palette.accent}", VALUE: palette.text}
    return roles | {f"{FIRST_COLOUR + i:x}": palette.of_series(i) for i in range(COLOURS)}
