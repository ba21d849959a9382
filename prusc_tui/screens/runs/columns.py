"""The columns of the table of runs: contents, widths, and which of them fit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.cells import cell_len

from core.feed.board import Row
from core.runs.text import safe_text
from core.words import duration, percent, sparsity
from prusc_tui.palette import MARKS, Palette
from prusc_tui.widgets.bars import filled, shorten
from prusc_tui.words import moment, worst_mark

GAP = 2
"""Cells between columns."""
BAR = 6
"""Cells of a progress bar."""
LEAST_OF_PART = 5
"""Cells to which a part of a long name is shortened."""
BARE, WITH_BAR, WITH_STAGE = 10, 20, 30
"""Cells of the status: a word; progress and time left; both with the stage."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    key: str
    title: str
    sort: str
    """Field for `core.runs.query.sort`, in the more useful direction."""
    least: int
    """Minimal width."""
    most: int
    """Maximal width."""
    early: int
    """Priority of omitting it if not all fit; 0 never."""
    right: bool = False
    """Whether it is right-aligned."""


COLUMNS: tuple[Column, ...] = (
    Column("status", "status", "status", BARE, WITH_STAGE, 0),
    Column("name", "name", "name", 16, 44, 0),
    Column("recipe", "recipe", "recipe", 10, 14, 4),
    Column("data", "data", "data", 12, 20, 9),
    Column("seed", "seed", "seed", 5, 8, 3, right=True),
    Column("worst", "worst ", "-wga", 7, 7, 1, right=True),
    Column("average", "average", "-average", 8, 8, 7, right=True),
    Column("sparse", "sparsity", "-sparsity", 8, 8, 8, right=True),
    Column("time", "time", "-seconds", 7, 8, 2, right=True),
    Column("started", "started", "-created", 10, 10, 5, right=True),
    Column("tags", "tags", "tag", 8, 24, 6),
)
BY_KEY = {column.key: column for column in COLUMNS}


class Cell(NamedTuple):
    """Text and style of a part of a row."""

    text: str
    style: str


def lay_out(wanted: Mapping[str, int], width: int) -> tuple[tuple[Column, int], ...]:
    """Choose the columns that fit into `width` cells, and their widths, given what `wanted_widths` returns."""
    least = {column.key: min(column.least, wanted[column.key]) for column in COLUMNS if wanted[column.key]}
    if wanted["status"] > BARE:
        least["status"] = WITH_BAR
    shown = [column for column in COLUMNS if column.key in least]
    while _room(shown, least, width) < 0 and any(column.early for column in shown):
        shown.remove(max(shown, key=lambda column: column.early))
    widths = {column.key: least[column.key] for column in shown}
    for key in ("recipe", "name", "status", "started", "data", "tags", "seed", "time"):
        if key in widths:
            more = wanted[key] - widths[key]
            more = more if key != "status" or more <= _room(shown, widths, width) else 0
            widths[key] += max(0, min(more, _room(shown, widths, width)))
    # In very narrow tables the name shrinks, so that status and name both fit.
    widths["name"] = max(1, widths["name"] + min(0, _room(shown, widths, width)))
    return tuple((column, widths[column.key]) for column in shown)


def _room(shown: Sequence[Column], widths: dict[str, int], width: int) -> int:
    return width - sum(widths[column.key] + GAP for column in shown) + GAP


def wanted_widths(rows: Sequence[Row]) -> dict[str, int]:
    """Full width of each column; 0 for tags if no run has any."""
    wanted = {column.key: column.most for column in COLUMNS}
    summaries = [row.summary for row in rows]
    for key in ("name", "recipe", "data", "seed"):
        wanted[key] = _longest({str(summary[key]) for summary in summaries})
    wanted["tags"] = _longest({" ".join(tags) for summary in summaries if (tags := summary["tags"])})
    wanted["time"] = 8 if any(summary["seconds"] >= 36_000 for summary in summaries) else 7
    if not any(row.progress is not None for row in rows):
        wanted["status"] = BARE
    return {
        column.key: min(column.most, max(wanted[column.key], len(column.title) + 1))
        if wanted[column.key] or column.key != "tags"
        else 0
        for column in COLUMNS
    }


def _longest(texts: Collection[str]) -> int:
    # Measure cells only if a name is not ASCII, which is rare.
    together = "".join(texts)
    if together.isascii() and together.isprintable():
        return max(map(len, texts), default=0)
    return max(cell_len(safe_text(text)) for text in texts)


def cells(row: Row, column: Column, width: int, now: float, palette: Palette) -> list[Cell]:
    """Contents of a column of a row, exactly `width` cells."""
    summary = row.summary
    match column.key:
        case "status":
            return _status(row, width, palette)
        case "name":
            return [Cell(filled(short_name(summary, width), width), palette.text)]
        case "worst":
            text = percent(summary["wga"]) + (worst_mark(summary) or " ")
            style = palette.bad if summary.get("harm") else palette.text
            return [Cell(filled(text, width, right=True), f"bold {style}")]
        case "recipe" | "data":
            text = safe_text(summary[column.key])
        case "seed":
            text = str(summary["seed"])
        case "average":
            text = percent(summary["average"])
        case "sparse":
            text = sparsity(summary["keep_ratio"])
        case "time":
            text = duration(summary["seconds"]) if summary["seconds"] else "–"
        case "started":
            text = moment(summary["started"], now)[:10]
        case _:
            text = safe_text(" ".join(summary["tags"]))
    return [Cell(filled(text, width, column.right), palette.muted)]


def short_name(summary: Mapping[str, Any], width: int) -> str:
    """Name of a run in at most `width` cells.

    A study names its runs STUDY/METHOD/PRESET/seed-N. If that is too long, the study is left out, which is a tag, and
    then its longest parts are shortened, so that something of each remains.
    """
    name = safe_text(summary["name"])
    parts = name.split("/")
    if cell_len(name) <= width or len(parts) == 1:
        return shorten(name, width)
    if parts[0] in summary["tags"]:
        parts[0] = "…"
    sizes = [cell_len(part) for part in parts]
    while sum(sizes) + len(parts) - 1 > width and max(sizes) > LEAST_OF_PART:
        sizes[sizes.index(max(sizes))] -= 1
    return shorten("/".join(shorten(part, size) for part, size in zip(parts, sizes, strict=True)), width)


def _status(row: Row, width: int, palette: Palette) -> list[Cell]:
    status = row.status
    style = palette.of_state(status)
    if row.stopping:
        return [Cell(filled(f"{MARKS[status]} stopping…", width), f"bold {palette.warn}")]
    word = safe_text(row.stage) if status == "running" and row.stage else status
    if row.progress is None or width < WITH_BAR:
        return [Cell(filled(f"{MARKS[status]} {word}", width), style)]
    stage = filled(f"{word} ", width - WITH_BAR) if width > WITH_BAR else ""
    halves = round(2 * BAR * row.progress)
    bar = "━" * (halves // 2) + "╸" * (halves % 2)
    rest = f" {100 * row.progress:3.0f}%{filled(time_left(row.left), 7, right=True)}"
    return [
        Cell(f"{MARKS[status]} {stage}{bar}", style),
        Cell("─" * (BAR - len(bar)), palette.track),
        Cell(rest, palette.text),
    ]


def time_left(seconds: float | None) -> str:
    """Time left in the largest unit, so that it rarely changes: `43 s`, `12 min`, `2.1 h`, `3.4 d`."""
    if seconds is None:
        return ""
    for length, unit in ((86_400, "d"), (3_600, "h")):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
