"""Accuracy of every group, stages side by side: the main picture of a run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import nan
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from core.groups import Evaluation, Group, wilson_interval
from core.words import percent, span, sparsity
from prusc_tui.palette import Palette
from prusc_tui.report.results import Result
from prusc_tui.widgets.bars import axis, fit, heading, ink, interval_bar, safe, shorten, wrap

FEW = 8  # maximum number of groups with a bar per stage on one common axis, if the height allows
NUMBER, CHANGE, MARK = 6, 8, 3  # cells of an accuracy, of a change and of the mark of the worst group
WORST = "◂"
LEAST_BAR = 5  # width in cells below which a column shows only numbers
INTERVAL, MOST_COLUMN = 10, 26  # cells of an interval in figures, and maximum for a stage in a table of figures


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the picture for each stage: a group, the worst one, or the average."""

    title: str
    note: str
    values: tuple[float, ...]
    intervals: tuple[tuple[float, float], ...]
    changes: tuple[float | None, ...] = ()
    worst: tuple[bool, ...] = ()

    @property
    def summary(self) -> bool:
        """Whether it summarises groups."""
        return not self.worst


def groups(
    results: Sequence[Result], width: int, palette: Palette, height: int | None = None, crop: bool = False
) -> list[Text]:
    """Accuracies of a few groups with a bar for each stage on one common axis, if `height` allows.

    More groups get a line each, with the stages side by side; `crop` keeps these to the height: the worst groups stay,
    the others are counted.
    """
    if not results:
        return []
    summary, rows = _rows(results)
    if len(rows) <= FEW and width >= 56:
        stacked = _stacked(results, summary, rows, width, palette)
        if height is None or len(stacked) <= height:
            return stacked
    layout = _layout(results, width, rows)
    head = _head_of_columns(results, layout, width, palette)
    room = None if height is None or not crop else max(2, height - len(head) - len(summary))
    left_out: list[Row] = []
    if room is not None and len(rows) > room:
        rows.sort(key=lambda row: row.values[-1] if row.values[-1] == row.values[-1] else 2)
        rows, left_out = rows[: room - 1], rows[room - 1 :]
    lines = head + _columns(results, [*summary, *rows], layout, width, palette)
    if left_out:
        values = [row.values[-1] for row in left_out if row.values[-1] == row.values[-1]]
        between = f", {percent(min(values))} to {percent(max(values))} %" if values else ""
        lines.append(fit(f"… {len(left_out):,} more {_units(results)}{between}", width, palette.muted))
    return lines


def table(results: Sequence[Result], width: int, palette: Palette) -> list[Text]:
    """The same in figures, with adjusted average, every interval and sparsity; columns that do not fit go below."""
    if not results:
        return []
    summary, rows = _rows(results)
    summary.append(_summary(results, "adjusted average", "", lambda e: e.adjusted_average, [(nan, nan)] * len(results)))
    label = min(max(cell_len(row.title) for row in (*summary, *rows)), width // 2)
    size = max(cell_len(row.note) - 2 for row in rows)
    room = width - label - size - 1
    most = max(1, room // (NUMBER + MARK + INTERVAL))
    lines = [heading(_title(results), "per cent, with 95 % intervals (Wilson)", width, palette)]
    lines += _sources(results, width, palette)
    for begin in range(0, len(results), most):
        shown = range(begin, min(begin + most, len(results)))
        layout = _Layout(label, size, dict.fromkeys(shown, min(MOST_COLUMN, room // min(most, len(results)))))
        lines.append(_stages(results, layout, width, palette))
        lines += _columns(results, [*summary, *rows], layout, width, palette, figures=True)
        kept = {i: ratio for i in shown if (ratio := results[i].keep_ratio) is not None}
        if kept:
            line = fit("sparsity", label + 1 + size, f"bold {palette.text}")
            for i in shown:
                line.append_text(fit(sparsity(kept.get(i)).rjust(NUMBER), layout.columns[i], palette.text))
            lines.append(fit(line, width))
    note = f"adjusted: {_units(results)} weighted by their shares of the training split"
    return [*lines, *wrap(ink(note, palette.muted), width)]


def _rows(results: Sequence[Result]) -> tuple[list[Row], list[Row]]:
    evaluations = [result.evaluation for result in results]
    worst = [e.worst_group for e in evaluations]
    names = list(dict.fromkeys(safe(group.title) for group in worst))
    worst_intervals = [group.interval for group in worst]
    intervals = [wilson_interval(sum(g.correct for g in e.groups), e.n) for e in evaluations]
    title, sizes = f"worst {evaluations[0].unit}", _sizes(e.n for e in evaluations)
    summary = [
        _summary(results, title, ", ".join(names), lambda e: e.worst_group.accuracy, worst_intervals),
        _summary(results, "average", sizes, lambda e: e.average, intervals),
    ]
    rows = []
    for i, first in enumerate(evaluations[0].groups):
        same = [_group(e, i) for e in evaluations]
        row = _summary(
            results, safe(first.title), _sizes(g.n for g in same), partial(_accuracy, i), [g.interval for g in same]
        )
        rows.append(replace(row, worst=tuple(g is w for g, w in zip(same, worst, strict=True))))
    return summary, rows


def _summary(
    results: Sequence[Result],
    title: str,
    note: str,
    measure: Callable[[Evaluation], float],
    intervals: Sequence[tuple[float, float]],
) -> Row:
    values, changes = (measure(r.evaluation) for r in results), (r.change(measure) for r in results)
    return Row(title, note, tuple(values), tuple(intervals), tuple(changes))


def _group(evaluation: Evaluation, index: int) -> Group:
    return evaluation.groups[index] if index < len(evaluation.groups) else Group("", {}, 0, 0)


def _accuracy(index: int, evaluation: Evaluation) -> float:
    return _group(evaluation, index).accuracy


def _sizes(numbers: Iterable[int]) -> str:
    return "n " + " / ".join(dict.fromkeys(f"{n:,}" for n in numbers))


def _change(share: float | None, palette: Palette, quiet: bool = False) -> Text:
    """Difference in percentage points, with a mark for its direction."""
    if share is None or share != share:
        return ink("")
    points = round(100 * share, 1)
    if not points:
        return ink("= 0.0", palette.muted)
    style = palette.muted if quiet and points > 0 else palette.good if points > 0 else palette.bad
    return ink(f"{'▲' if points > 0 else '▼'} {abs(points):.1f}", style)


def _units(results: Sequence[Result]) -> str:
    return "classes" if results[0].evaluation.unit == "class" else "groups"


def _title(results: Sequence[Result]) -> str:
    return f"Accuracy by {results[0].evaluation.unit}"


def _stacked(
    results: Sequence[Result], summary: list[Row], rows: list[Row], width: int, palette: Palette
) -> list[Text]:
    """A block for each row, a bar for each stage, one axis for all."""
    stage = min(12, max(cell_len(safe(r.stage)) for r in results))
    label = min(max(cell_len(t) for row in (*summary, *rows) for t in (row.title, row.note)), max(12, width // 4))
    changes = CHANGE if len(results) > 1 else 0
    bar = width - label - stage - NUMBER - MARK - changes - 4
    lines = [heading(_title(results), "per cent, with 95 % intervals", width, palette)]
    lines += _sources(results, width, palette)
    lines.append(fit(ink(" " * (label + stage + 4)).append_text(axis(bar, palette)), width))
    for row in (*summary, *rows):
        for i, result in enumerate(results):
            latest = i == len(results) - 1
            is_worst = not row.summary and row.worst[i]
            style = palette.bad if is_worst else palette.accent if latest else palette.muted
            text = row.title if i == 0 else row.note if i == 1 or len(results) == 1 else ""
            loud = i == 0 and (row.summary or row.worst[-1])
            tint = f"bold {palette.text}" if loud else palette.text if i == 0 else palette.muted
            name = fit(shorten(safe(result.stage), stage), stage, palette.text if latest else palette.muted)
            line = fit(shorten(text, label), label, tint).append("  ").append_text(name).append("  ")
            line.append_text(interval_bar(row.values[i], row.intervals[i], bar, style, palette))
            line.append_text(_number(row, i, latest, palette))
            line.append_text(fit(_change(row.changes[i], palette, quiet=not row.summary), changes, right=True))
            lines.append(fit(line, width))
        if len(results) == 1 and row.note:
            lines.append(fit(ink(shorten(row.note, label), palette.muted), width))
        lines.append(fit("", width))
    return lines[:-1]


def _number(row: Row, i: int, latest: bool, palette: Palette) -> Text:
    worst = not row.summary and row.worst[i]
    style = palette.bad if worst else palette.text if latest else palette.muted
    number = fit(percent(row.values[i]), NUMBER, f"bold {style}" if latest or worst else style, right=True)
    return number.append(f" {WORST} " if worst else "   ", palette.bad)


def _sources(results: Sequence[Result], width: int, palette: Palette) -> list[Text]:
    """What each stage was evaluated on; stages with the same evaluation are named together."""
    by_source: dict[str, list[str]] = {}
    for result in results:
        by_source.setdefault(result.source, []).append(safe(result.stage))
    text = "; ".join(f"{', '.join(stages)}: {source}" for source, stages in by_source.items())
    if len(by_source) == 1:
        text = next(iter(by_source))
    legend = [f"{WORST} worst {results[0].evaluation.unit}"]
    if any(result.before is not None for result in results):
        legend.append(f"▲▼ points since {safe(results[0].stage)}")
    return wrap(ink(" · ".join([text, *legend]), palette.muted), width)


class _Layout(NamedTuple):
    """Cells of label and size, and of the column of each stage that fits, by its index."""

    label: int
    size: int
    columns: Mapping[int, int]


def _layout(results: Sequence[Result], width: int, rows: Sequence[Row]) -> _Layout:
    """If not all stages fit, keep the first one, the basis of comparison, and the last ones.

    Columns are equal if they have room for changes and bars; otherwise only the last one has.
    """
    longest = max((cell_len(row.title) for row in rows), default=0)
    size = max((cell_len(row.note) - 2 for row in rows), default=0)
    label = min(max(12, longest), max(12, width * 3 // 10))
    size = size if label + 1 + size <= width * 2 // 5 else 0
    room = width - label - (size + 1 if size else 0)
    count = max(1, min(len(results), room // (NUMBER + MARK + 1)))
    everything = range(len(results))
    shown = everything[-1:] if count == 1 else [0, *everything[len(results) - count + 1 :]]
    full = NUMBER + MARK + LEAST_BAR + 1
    if count == 1 or room // count >= full:
        return _Layout(label, size, dict.fromkeys(shown, room // count))
    narrow = max(NUMBER + MARK + 1, (room - full) // (count - 1))
    return _Layout(label, size, {**dict.fromkeys(shown[:-1], narrow), shown[-1]: room - narrow * (count - 1)})


def _stages(results: Sequence[Result], layout: _Layout, width: int, palette: Palette) -> Text:
    """Names of the stages above their columns."""
    line = ink(" " * (layout.label + (layout.size + 1 if layout.size else 0)))
    for i, column in layout.columns.items():
        tint = f"bold {palette.text}" if i == len(results) - 1 else palette.text
        name = shorten(safe(results[i].stage), column - 2)
        line.append("  ").append_text(fit(name, column - 2, tint))
    return fit(line, width)


def _head_of_columns(results: Sequence[Result], layout: _Layout, width: int, palette: Palette) -> list[Text]:
    """Title, names of the stages, and below each its evaluation, on two lines if one is too short."""
    shown = [(results[i], column - 2) for i, column in layout.columns.items()]
    split = any(cell_len(result.source) > room for result, room in shown)
    lines = [ink(" " * (layout.label + (layout.size + 1 if layout.size else 0))) for _ in range(2 if split else 1)]
    for result, room in shown:
        place, _, number = result.source.rpartition(", ")
        for line, text in zip(lines, [place, number] if split else [result.source], strict=True):
            line.append("  ").append_text(fit(text, room, palette.muted))
    legend = f"per cent, {WORST} worst" + (f", ▲▼ points since {safe(results[0].stage)}" if len(results) > 1 else "")
    head = [heading(_title(results), legend, width, palette), _stages(results, layout, width, palette)]
    return [*head, *(fit(line, width) for line in lines)]


def _columns(
    results: Sequence[Result], rows: Sequence[Row], layout: _Layout, width: int, palette: Palette, figures: bool = False
) -> list[Text]:
    """A line for each row, stages side by side, with bars on equal axes or intervals in figures."""
    lines = []
    for row in rows:
        loud = row.summary or row.worst[-1]
        line = fit(shorten(row.title, layout.label), layout.label, f"bold {palette.text}" if loud else palette.text)
        if layout.size:
            size = "" if row.summary else row.note[2:]
            line.append(" ").append_text(fit(size, layout.size, palette.muted, right=True))
        for i, column in layout.columns.items():
            latest, rest = i == len(results) - 1, column - NUMBER - MARK
            line.append_text(_number(row, i, latest, palette))
            worst = not row.summary and row.worst[i]
            if row.summary:
                cell = _change(row.changes[i], palette) if rest > LEAST_BAR else ink("")
            elif figures:
                cell = ink("" if row.values[i] != row.values[i] else span(row.intervals[i]), palette.muted)
            elif rest > LEAST_BAR:
                style = palette.bad if worst else palette.accent if latest else palette.muted
                cell = interval_bar(row.values[i], row.intervals[i], rest - 1, style, palette)
            else:
                cell = ink("")
            line.append_text(fit(cell, rest))
        lines.append(fit(line, width))
    return lines
