"""Worst-group accuracy over sparsity, with the chosen checkpoint."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from rich.text import Text

from core.feed.snapshot import Look, Snapshot
from core.words import percent
from prusc_tui.chart.axes import calm_bounds, label_start, row_of, x_ticks
from prusc_tui.chart.braille import BLANK, Layer, Stroke, compose, rasterise
from prusc_tui.chart.marks import MARGIN, framed
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, ink, safe, wrap
from prusc_tui.words import unit_of

POINT, CHOSEN, LATER, BEFORE = "●", "◆", "▲", "┄"
LEAST = 6  # height below which the chart is omitted


class Point(NamedTuple):
    """One state of the masks: its step, the share of weights pruned and the worst-group accuracy, both in [0, 1]."""

    step: int
    sparsity: float
    worst: float


@dataclass(frozen=True, slots=True)
class TradeOff:
    """The course of a pruning stage on the validation split.

    Attributes:
        points: states of the masks by step.
        chosen: the final checkpoint; None if there is none yet.
        before: stage before pruning and its worst-group accuracy; None if not evaluated.
        after: a later stage with the same masks and its worst-group accuracy; None if there is none.
        unit: word for a group, from `words.unit_of`.
    """

    points: tuple[Point, ...] = ()
    chosen: Point | None = None
    before: tuple[str, float] | None = None
    after: tuple[str, float] | None = None
    unit: str = "group"


def trade_off_of(snapshot: Snapshot, stage: str) -> TradeOff:
    """Pair every state of the masks with the worst-group accuracy at its step, or the nearest earlier one."""
    sparsity = {state.step: 1 - state.keep_ratio for state in snapshot.mask_states.get(stage, ())}
    accuracy: dict[int, float] = {}
    final: int | None = None
    for look in snapshot.evaluations.get((stage, "validation"), ()):
        if (worst := _worst(look)) is not None:
            accuracy[look.step] = worst
            final = look.step if look.final else final
    looks = sorted(accuracy)
    points: dict[int, Point] = {}
    for step in sorted(sparsity):
        if earlier := bisect_right(looks, step):
            points[step] = Point(step, sparsity[step], accuracy[looks[earlier - 1]])
    selected = snapshot.selected.get(stage)
    handed_on = final if final is not None or selected is None else selected.step
    chosen = points.get(handed_on) if handed_on is not None else None
    names = [view.name for view in snapshot.stages]
    place = names.index(stage) if stage in names else len(names)
    before = _final(snapshot.evaluations, names[:place][::-1])
    # Accuracy on training samples is not informative.
    tuned: object = snapshot.record.config.get("finetune", {})
    trained_on = tuned.get("data") == "validation" if isinstance(tuned, Mapping) else False
    after = None if trained_on or chosen is None else _final(snapshot.evaluations, names[place + 1 :][::-1])
    return TradeOff(tuple(points.values()), chosen, before, after, unit_of(snapshot))


def trade_off(found: TradeOff, width: int, height: int, palette: Palette) -> list[Text]:
    """Draw heading, chart and legend in `height` lines of `width` cells; nothing if they do not fit."""
    if height < LEAST or width < 24:
        return []
    title = heading(f"Worst {found.unit} ↑  sparsity →", "validation, %", width, palette)
    if not found.points:
        text = ink("The curve appears after the first evaluation on validation.", palette.muted)
        return [title, *wrap(text, width)][:height]
    legend = _legend(found, width, palette)
    if height - 3 - len(legend) < 3:
        legend = []
    return [title, *_chart(found, width, height - 3 - len(legend), palette), *legend]


def _chart(found: TradeOff, width: int, height: int, palette: Palette) -> list[Text]:
    across = width - MARGIN - 1
    xs = [100 * point.sparsity for point in found.points]
    levels = [100 * point.worst for point in found.points]
    levels += [100 * pair[1] for pair in (found.before, found.after) if pair is not None]
    left, right = calm_bounds(min(xs), max(xs), 0, 100)
    low, high = calm_bounds(min(levels), max(levels), 0, 100)
    column, row = row_of(left, right, 2 * across), row_of(low, high, 4 * height)
    cells = _lines([(column(100 * p.sparsity), 100 * p.worst) for p in found.points], row, across, height)
    grid = [
        [(char, palette.of_series(0) if dot != BLANK else "") for char, dot in zip(*line, strict=True)]
        for line in cells
    ]

    def line_of(y: float) -> int:
        return height - 1 - row(100 * y) // 4

    def put(x: float, at: int, mark: str, style: str) -> None:
        grid[at][column(100 * x) // 2] = mark, style

    if found.before is not None:
        line = grid[line_of(found.before[1])]
        line[:] = [(BEFORE, palette.muted) if char == " " else (char, style) for char, style in line]
    for point in found.points:
        put(point.sparsity, line_of(point.worst), POINT, palette.of_series(0))
    if found.chosen is not None:
        at = line_of(found.chosen.worst)
        put(found.chosen.sparsity, at, CHOSEN, f"bold {palette.accent}")
        if found.after is not None:
            # In the same cell one would hide the other; the legend has the numbers.
            later = line_of(found.after[1])
            later = later if later != at else at - 1 if at > 0 else at + 1
            put(found.chosen.sparsity, later, LATER, f"bold {palette.good}")
    ticks = x_ticks(left, right, across, "epoch")
    places = [(min(across - 1, max(0, tick.at)), label_start(tick, across), tick.label) for tick in ticks]
    return framed(grid, low, high, places, palette)


def _lines(
    points: Sequence[tuple[int, float]], row: Callable[[float], int], across: int, height: int
) -> list[tuple[str, str]]:
    """The path from point to point; it may turn back, as pruned weights can return."""
    dots = [0] * (2 * across)
    for a, b in pairwise(points):
        (x0, y0), (x1, y1) = sorted((a, b))
        strokes = [Stroke(x0, y0, y0, y0, y0, False), Stroke(x1, y1, y1, y1, y1, True)]
        dots = [old | new for old, new in zip(dots, rasterise(strokes, row, 2 * across, 4 * height), strict=True)]
    return compose([Layer(dots, 1)], across, height)


def _legend(found: TradeOff, width: int, palette: Palette) -> list[Text]:
    parts: list[tuple[str, str, str]] = []
    if found.chosen is not None:
        at = f"{percent(found.chosen.worst)} at {percent(found.chosen.sparsity)}"
        parts.append((CHOSEN, f"bold {palette.accent}", f"chosen, step {found.chosen.step:,}: {at}"))
    if found.after is not None:
        parts.append((LATER, f"bold {palette.good}", f"{safe(found.after[0])} {percent(found.after[1])}"))
    if found.before is not None:
        parts.append((BEFORE, palette.muted, f"{safe(found.before[0])} {percent(found.before[1])}"))
    lines, line = [], ink("")
    for mark, style, text in parts:
        if line.cell_len and line.cell_len + len(text) + 4 > width:
            lines.append(fit(line, width))
            line = ink("")
        line.append("  " if line.cell_len else "").append(f"{mark} ", style).append(text, palette.text)
    return [*lines, fit(line, width)] if line.cell_len else lines


def _worst(look: Look) -> float | None:
    return look.evaluation.worst_group.accuracy if look.evaluation.n else None


def _final(evaluations: Mapping[tuple[str, str], tuple[Look, ...]], stages: Sequence[str]) -> tuple[str, float] | None:
    """The first of the stages whose checkpoint was evaluated on validation."""
    for stage in stages:
        for look in evaluations.get((stage, "validation"), ()):
            if look.final and (worst := _worst(look)) is not None:
                return stage, worst
    return None
