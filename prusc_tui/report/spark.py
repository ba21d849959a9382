"""Losses as small curves with their last value."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite, log10, nan

from rich.text import Text

from core.feed.series import Series
from core.feed.snapshot import Snapshot
from prusc_tui.palette import Palette
from prusc_tui.widgets.bars import fit, heading, safe, shorten

SPARKS = " ▁▂▃▄▅▆▇█"
LABEL = 16  # maximum cells of a label
VALUE = 9  # cells of a last value
RISKS = 3  # maximum number of environment risks among the losses; the environments view shows all


def spark(values: Sequence[float], width: int, rows: int = 1) -> list[str]:
    """Draw numbers as blocks, the mean of each column scaled between the least (still visible) and the greatest mean.

    NaN and infinities are left out. Returns `rows` strings of exactly `width` characters, the top first.
    """
    means = column_means(values, width)
    low, high = min(means, default=0.0), max(means, default=0.0)
    steps = 8 * rows - 1
    levels = [1 + round((mean - low) / (high - low) * steps) if high > low else (steps + 1) // 2 for mean in means]
    return [
        "".join(SPARKS[min(8, max(0, level - 8 * row))] for level in levels).ljust(width)
        for row in range(rows - 1, -1, -1)
    ]


def column_means(values: Sequence[float], width: int) -> list[float]:
    """Mean of each of `width` equal stretches of the finite numbers; the numbers themselves if there are no more."""
    whole = values[:]
    means = _means(whole, width)
    # A mean is finite only if all of its numbers are, so the common case needs no loop over numbers.
    return means if all(map(isfinite, means)) else _means([value for value in whole if isfinite(value)], width)


def _means(values: Sequence[float], width: int) -> list[float]:
    columns = min(width, len(values))
    edges = [round(i * len(values) / columns) for i in range(columns + 1)] if columns > 0 else []
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def stage_in_view(snapshot: Snapshot, among: Iterable[str]) -> str | None:
    """The last stage of the recipe that is among the given ones: the current or latest one."""
    named = set(among)
    return next((stage.name for stage in reversed(snapshot.stages) if stage.name in named), None)


def current_series(snapshot: Snapshot) -> tuple[str, dict[str, Series]]:
    """The current stage and its curves by name; both empty before the first number."""
    stage = stage_in_view(snapshot, (owner for (owner, _), series in snapshot.series.items() if len(series)))
    curves = {name: s for (owner, name), s in snapshot.series.items() if owner == stage and len(s)}
    if risks := [name for name in curves if name.startswith("risk ")][:RISKS]:
        curves = {name: s for name, s in curves.items() if name in ("loss", *risks, "penalty worst")}
    return stage or "", curves


def _drawn(name: str, series: Series) -> Sequence[float]:
    """Values to draw: the logarithm of a penalty, which spans many powers of ten."""
    if not name.startswith("penalty "):
        return series.values
    return [log10(value) if value > 0 else nan for value in series.values]


def losses(stage: str, curves: dict[str, Series], width: int, palette: Palette, rows: int = 1) -> list[Text]:
    """Every curve of a stage, none of them empty: label, drawing in `rows` lines, last value."""
    if not curves:
        return []
    last = max(series.steps[-1] for series in curves.values())
    log = ", penalty log" if any(name.startswith("penalty ") for name in curves) else ""
    lines = [heading("Losses", f"{safe(stage)}, to step {last:,.0f}{log}", width, palette)]
    label = min(LABEL, max(len(name) for name in curves), width // 3)
    room = max(4, width - label - VALUE - 2)
    for index, (name, series) in enumerate(curves.items()):
        drawn = spark(_drawn(name, series), room, rows)
        for row, blocks in enumerate(drawn):
            bottom = row == rows - 1
            line = fit(shorten(safe(name), label) if bottom else "", label, palette.text)
            line.append(" ").append(blocks, palette.of_series(index))
            value = f"{series.values[-1]:.4g}" if bottom else ""
            line.append_text(fit(value, VALUE + 1, f"bold {palette.text}", right=True))
            lines.append(fit(line, width))
    return lines
