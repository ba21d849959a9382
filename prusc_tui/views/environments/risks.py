"""Risk and penalty of every environment over the steps of a training: two charts over one axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from core.feed.series import Series
from core.feed.snapshot import Snapshot
from core.words import weight
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Settings
from prusc_tui.chart.rows import MARKER, Still
from prusc_tui.palette import Palette
from prusc_tui.report.spark import stage_in_view
from prusc_tui.widgets.bars import fit, heading, ink, safe

RISK, PENALTY = "risk ", "penalty "
WEIGHT = "penalty weight"
LEAST = 7  # lines of the smallest chart
AXIS = 2  # lines of an x axis
BESIDE, GAP = 96, 3  # width from which the charts are side by side, and cells between them


@dataclass(frozen=True, slots=True)
class Course:
    """Risk and penalty of each environment and penalty weight over the steps of a stage; equal while none grew."""

    stage: str
    risks: tuple[tuple[str, Series], ...]
    penalties: tuple[tuple[str, Series], ...]
    weight: Series | None


def course_of(snapshot: Snapshot) -> Course | None:
    """The course of the last stage that reported risks of environments; None if there is none."""
    reported = {owner for (owner, name), series in snapshot.series.items() if name.startswith(RISK) and len(series)}
    stage = stage_in_view(snapshot, reported)
    if stage is None:
        return None
    series = {name: s for (owner, name), s in snapshot.series.items() if owner == stage and len(s)}
    risks = tuple((name.removeprefix(RISK), s) for name, s in series.items() if name.startswith(RISK))
    # An environment may share its name with another series: only those with a risk count.
    names = [name for name, _ in risks]
    penalties = tuple((name, series[PENALTY + name]) for name in names if PENALTY + name in series)
    return Course(stage, risks, penalties, series.get(WEIGHT))


def jump_of(series: Series | None) -> tuple[float, float, float] | None:
    """The last change of the penalty weight: step, old and new weight; None if it never changed."""
    if series is None:
        return None
    values = series.values[:]
    at = next((i for i in range(len(values) - 1, 0, -1) if values[i] != values[i - 1]), 0)
    return (series.steps[at], values[at - 1], values[at]) if at else None


def course(found: Course, names: Sequence[str], width: int, height: int, palette: Palette) -> list[Text]:
    """Draw heading and charts in about `height` lines of `width` cells; more if they would be unreadable.

    The names of all environments determine colours and marks.
    """
    jump = jump_of(found.weight)
    lines = [heading("Risk and penalty", _note(found, jump, width - 18), width, palette)]
    step = jump[0] if jump is not None else None
    charts = [Still("risk", _curves(found.risks, names), Settings(marker=step))]
    if found.penalties:
        charts.append(Still("penalty", _curves(found.penalties, names), Settings(log=True, marker=step)))
    if width >= BESIDE and len(charts) > 1:
        across, down = (width - GAP) // 2, max(LEAST, height - 1)
        left, right = (chart.drawn(across, down, palette) for chart in charts)
        pairs = zip(left, right, strict=True)
        return lines + [fit(one.append(" " * GAP).append_text(other), width) for one, other in pairs]
    # Stacked charts share the axis of the lowest, which the others omit, and start at the same column.
    plots = max(height - 1 + AXIS * (len(charts) - 1), LEAST * len(charts))
    sizes = [plots // len(charts) + (i < plots % len(charts)) for i in range(len(charts))]
    gutters = [chart.gutter(width, size) for chart, size in zip(charts, sizes, strict=True)]
    for chart, size, gutter in zip(charts, sizes, gutters, strict=True):
        aside = max(gutters) - gutter
        body = chart.drawn(width - aside, size, palette)
        body = body if chart is charts[-1] else body[:-AXIS]
        lines += [fit(ink(" " * (aside if row else 0)).append_text(line), width) for row, line in enumerate(body)]
    return lines


def _note(found: Course, jump: tuple[float, float, float] | None, room: int) -> str:
    stage, means = safe(found.stage), ", means over restarts"
    if jump is None:
        return stage + means
    step, before, after = jump
    told = f" · {MARKER} weight {weight(before)} → {weight(after)} at step {step:,.0f}"
    return stage + (means if cell_len(stage + means + told) <= room else "") + told


def _curves(series: Sequence[tuple[str, Series]], names: Sequence[str]) -> tuple[Curve, ...]:
    places = [*names, *(name for name, _ in series if name not in names)]
    return tuple(Curve(name, s.steps, s.values, places.index(name), name) for name, s in series)
