"""Results of all restarts of a training: mean and spread, and a tick per restart on the axis from 0 to 100 %."""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from core.events import Members, Restarts
from core.feed.snapshot import Snapshot
from core.words import span, spread, weight
from prusc_tui.palette import Palette
from prusc_tui.report.spark import spark, stage_in_view
from prusc_tui.widgets.bars import axis, fit, heading, ink, interval_bar, safe, shorten

SPLITS = ("train", "validation", "test")
TICK, CHOSEN = "│", "●"
MEASURE, MEAN, SPAN = 11, 12, 11
"""Cells of `worst group` or `worst class`, of a mean with its deviation, and of a range."""
LEAST_STRIP, MOST_STRIP = 12, 80
COURSE, ROOMY = 16, 100  # cells of the course over evaluations, and minimum width of a line to show it


def restarts_of(snapshot: Snapshot, stage: str | None = None) -> tuple[tuple[Restarts, ...], ...]:
    """The evaluations of the restarts of a stage (the one in view), for each split in order, the final one last.

    Splits are train, validation and test, in this order. If the stream has none, the record's final ones are used.
    """
    recorded = [record for record in snapshot.record.stages if record.restarts]
    stage = stage or stage_in_view(snapshot, {*(s for s, _ in snapshot.restarts), *(r.name for r in recorded)})
    found = {split: looks for (owner, split), looks in snapshot.restarts.items() if owner == stage and looks}
    for record in recorded:
        if record.name == stage:
            for split, value in record.restarts.items():
                found.setdefault(split, (Restarts(stage, 0, split, **value, final=True),))
    order = [*(split for split in SPLITS if split in found), *(split for split in found if split not in SPLITS)]
    return tuple(found[split] for split in order)


def members(found: Sequence[Sequence[Restarts]]) -> int:
    """Number of restarts that a stage trained side by side, not counting penalty weights."""
    return max((len(set(looks[-1].restarts)) for looks in found), default=0)


def restarts(found: Sequence[Sequence[Restarts]], width: int, palette: Palette, unit: str = "group") -> list[Text]:
    """Two lines for each split and penalty weight, worst group and average, under a heading and an axis."""
    if not found:
        return []
    last = [looks[-1] for looks in found]
    several = len(set(last[-1].weights)) > 1
    course = width >= ROOMY and any(len(looks) > 2 for looks in found)
    label = min(max(cell_len(text) for one in last for text in (_size(one), _place(one))) + 1, width // 3)
    beside = max(cell_len(weight(w)) for w in last[-1].weights) + 2 if several else 0
    layout = _layout(width - label - beside - (COURSE + 2 if course else 0))
    head = ink(" " * label).append_text(fit("weight" if several else "", beside, palette.muted))
    head.append_text(_head(layout, palette)).append("  course" if course else "", palette.muted)
    lines = [heading("Restarts", _note(last[-1]), width, palette), fit(head, width)]
    for looks in found:
        now = looks[-1]
        for number, members in enumerate(now.by_weight()):
            for measure in ("worst", "average"):
                text = "" if number else _place(now) if measure == "worst" else _size(now)
                style = palette.text if measure == "worst" else palette.muted
                line = fit(shorten(text, label - 1), label, style)
                line.append_text(fit(weight(members.weight) if measure == "worst" and several else "", beside, style))
                line.append_text(_row(members, measure, unit, layout, palette))
                if course:
                    drawn = _course(looks, members.weight, measure)
                    line.append("  ").append(drawn, palette.accent if measure == "worst" else palette.muted)
                lines.append(fit(line, width))
    return lines


def in_brief(found: Sequence[Sequence[Restarts]], width: int, palette: Palette, unit: str = "group") -> list[Text]:
    """Worst group and average on test, or on validation before the end; for an overview."""
    if not found:
        return []
    now = next((looks[-1] for looks in reversed(found) if looks[-1].split != "train"), found[-1][-1])
    lines = [heading("Restarts", f"{_count(now)}, {_place(now)}, {_size(now)}", width, palette)]
    groups = now.by_weight()
    if len(groups) > 1:
        label = max(cell_len(weight(members.weight)) for members in groups) + 9
        lines.append(fit(ink(" " * label + f"{f'worst {unit}':<{MEAN + 1}}average", palette.muted), width))
        for members in groups:
            line = fit(f"weight {weight(members.weight)}", label, palette.text)
            line.append_text(fit(spread(members.worst), MEAN + 1, f"bold {palette.text}"))
            lines.append(fit(line.append(spread(members.average), palette.text), width))
        return lines
    layout = _layout(width)
    return lines + [fit(_row(groups[0], measure, unit, layout, palette), width) for measure in ("worst", "average")]


def strip(values: Sequence[float], chosen: int | None, width: int, style: str, palette: Palette) -> Text:
    """Shares as ticks on the axis from 0 to 1, joined from the least to the greatest; `chosen` is highlighted."""
    cells = list(interval_bar(float("nan"), (0.0, 0.0), width, "", palette).plain)
    at = {i: min(width - 1, max(0, int(value * width))) for i, value in enumerate(values) if not isnan(value)}
    if not at or not cells:
        return ink("".join(cells), palette.track)
    low, high = min(at.values()), max(at.values())
    cells[low : high + 1] = "─" * (high - low + 1)
    for cell in at.values():
        cells[cell] = TICK if low == high else "├" if cell == low else "┤" if cell == high else "┼"
    if chosen in at:
        cells[at[chosen]] = CHOSEN
    text = ink("".join(cells[:low]), palette.track).append("".join(cells[low : high + 1]), style)
    return text.append("".join(cells[high + 1 :]), palette.track)


class _Layout(NamedTuple):
    """Cells of the range and of the strip, each with the gap before it; 0 if left out."""

    span: int
    strip: int


def _layout(room: int) -> _Layout:
    rest = room - MEASURE - 1 - MEAN
    span_cells = SPAN + 2 if rest >= SPAN + 2 else 0
    rest -= span_cells
    return _Layout(span_cells, min(MOST_STRIP, rest) if rest >= LEAST_STRIP + 2 else 0)


def _head(layout: _Layout, palette: Palette) -> Text:
    line = ink(" " * (MEASURE + 1)).append_text(fit("mean ± sd", MEAN, palette.muted, right=True))
    if layout.span:
        line.append_text(fit("range", layout.span, palette.muted, right=True))
    if layout.strip:
        line.append("  ").append_text(axis(layout.strip - 2, palette))
    return line


def _row(members: Members, measure: str, unit: str, layout: _Layout, palette: Palette) -> Text:
    loud = measure == "worst"
    values = members.worst if loud else members.average
    style = palette.text if loud else palette.muted
    line = fit(f"worst {unit}" if loud else "average", MEASURE + 1, style)
    line.append_text(fit(spread(values), MEAN, f"bold {palette.text}" if loud else palette.text, right=True))
    if layout.span:
        line.append_text(fit(span(values), layout.span, palette.muted, right=True))
    if layout.strip:
        tint = palette.accent if loud else palette.text
        line.append("  ").append_text(strip(values, members.chosen, layout.strip - 2, tint, palette))
    return line


def _course(looks: Sequence[Restarts], value: float, measure: str) -> str:
    """Means over the evaluations, without the final one, which may be of an earlier step."""
    means = []
    for look in looks:
        columns = look.worst if measure == "worst" else look.average
        mine = [share for share, other in zip(columns, look.weights, strict=True) if other == value]
        if mine and not look.final:
            means.append(sum(mine) / len(mine))
    return spark(means, COURSE)[0] if len(means) > 1 else " " * COURSE


def _note(now: Restarts) -> str:
    marks = f"{TICK} a restart" + (f", {CHOSEN} the chosen one" if now.chosen is not None else "")
    return f"{safe(now.stage)}: {_count(now)}; accuracy in %, {marks}"


def _count(now: Restarts) -> str:
    count, weights = len(set(now.restarts)), len(set(now.weights))
    text = "one restart" if count == 1 else f"{count} restarts"
    return f"{text} × {weights} penalty weights" if weights > 1 else text


def _place(now: Restarts) -> str:
    return safe(now.split) + ("" if now.final else f" at step {now.step:,}")


def _size(now: Restarts) -> str:
    return f"n {now.n:,}"
