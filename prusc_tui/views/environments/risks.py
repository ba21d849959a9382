"""Risk and penalty of every environment over the steps of a training: two charts over one axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from core.feed.series import Series
from core.feed.snapshot import Snapshot
from prusc_tui.chart.braille import runs
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import COLOURS, FIRST_COLOUR, Settings
from prusc_tui.chart.rows import ACCENT, MUTED, TITLE, TRACK, VALUE, Row, frame_of, picture, plan
from prusc_tui.chart.smooth import SmoothCache
from prusc_tui.palette import Palette
from prusc_tui.report.spark import stage_in_view
from prusc_tui.widgets.bars import fit, heading, ink, safe
from prusc_tui.words import weight

RISK, PENALTY = "risk ", "penalty "
WEIGHT = "penalty weight"
JUMP = "┊"
LEAST = 7
"""Lines of the lowest chart."""
AXIS = 2
"""Lines of an x axis."""
BESIDE, GAP = 96, 3
"""Cells from which the charts stand side by side, and cells between them."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is drawn; equal only while no series grew.

    Attributes:
        stage: whose series these are.
        risks: environment → risk over steps.
        penalties: environment → penalty over steps.
        weight: penalty weight over steps; None where the objective has none.
    """

    stage: str
    risks: tuple[tuple[str, Series], ...]
    penalties: tuple[tuple[str, Series], ...]
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
    return Course(stage, risks, penalties, series.get(WEIGHT))


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
    lines = [heading("Risk and penalty", _note(found, jump, width - 18), width, palette)]
    charts = [_Chart("risk", _curves(found.risks, names), Settings())]
    if found.penalties:
        charts.append(_Chart("penalty", _curves(found.penalties, names), Settings(log=True)))
    step = jump[0] if jump is not None else None
    if width >= BESIDE and len(charts) > 1:
        across, down = (width - GAP) // 2, max(LEAST, height - 1)
        left, right = (chart.drawn(across, down, step, palette) for chart in charts)
        pairs = zip(left, right, strict=True)
        return lines + [fit(one.append(" " * GAP).append_text(other), width) for one, other in pairs]
    # One above the other they share the axis of the lowest, and begin at the same column.
    sizes = _share_out(height - 1, len(charts))
    gutters = [chart.gutter(width, size) for chart, size in zip(charts, sizes, strict=True)]
    for chart, size, gutter in zip(charts, sizes, gutters, strict=True):
        aside = max(gutters) - gutter
        body = chart.drawn(width - aside, size, step, palette)
        body = body if chart is charts[-1] else body[:-AXIS]
        lines += [fit(ink(" " * (aside if row else 0)).append_text(line), width) for row, line in enumerate(body)]
    return lines


def _share_out(height: int, count: int) -> list[int]:
    """Lines of every chart, those of its axis included, which all but the last leave out."""
    plots = max(height + AXIS * (count - 1), LEAST * count)
    return [plots // count + (i < plots % count) for i in range(count)]


def _note(found: Course, jump: tuple[float, float, float] | None, room: int) -> str:
    stage, means = safe(found.stage), ", means over restarts"
    if jump is None:
        return stage + means
    step, before, after = jump
    told = f" · {JUMP} weight {weight(before)} → {weight(after)} at step {step:,.0f}"
    return stage + (means if cell_len(stage + means + told) <= room else "") + told


def _curves(series: Sequence[tuple[str, Series]], names: Sequence[str]) -> tuple[Curve, ...]:
    places = [*names, *(name for name, _ in series if name not in names)]
    return tuple(Curve(name, s.steps, s.values, places.index(name), name) for name, s in series)


class _Chart:
    """One of the charts."""

    def __init__(self, title: str, curves: Sequence[Curve], settings: Settings) -> None:
        self._title = title
        self._curves = curves
        self._settings = settings
        self._cache = SmoothCache()

    def gutter(self, width: int, height: int) -> int:
        """Cells of the labels of its y axis."""
        layout = plan(self._curves, self._settings, self._title, width, height)
        return frame_of(self._curves, self._settings, layout, self._cache).label_width

    def drawn(self, width: int, height: int, jump: float | None, palette: Palette) -> list[Text]:
        """Title, legend, plot and axis, with a line where the weight jumps."""
        layout = plan(self._curves, self._settings, self._title, width, height)
        frame = frame_of(self._curves, self._settings, layout, self._cache)
        rows = picture(frame, layout, self._curves, self._settings, title=self._title, cache=self._cache)
        at = frame.column(jump) if jump is not None and frame.bounds is not None else -1
        if 0 <= at < frame.across:
            place, plot = frame.label_width + 1 + at, range(layout.top, layout.top + frame.down)
            rows = [_marked(row, place) if y in plot else row for y, row in enumerate(rows)]
        styles, lines = _styles(palette), []
        for row in rows:
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
