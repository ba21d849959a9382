"""Benchmarks as grids: methods × data sets, finders × data sets, and the tidy rows of a CSV file."""

from collections.abc import Callable, Iterator, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from core.spread import spread
from core.words import duration, mean_sd
from experiments.benchmark import differences
from prusc_tui.tables.grid import HELD, Cell, Grid, Line
from prusc_tui.words import supervision

if TYPE_CHECKING:
    from experiments.benchmark import Benchmark, Member, Row

NONE = Cell("–")


def accuracies(found: "Benchmark") -> Grid:
    """Worst-group accuracy of every method on every data set."""
    samples = sorted({member.n for row in found.rows for members in row.cells.values() for member in members})
    of = f"n = {' or '.join(f'{n:,}' for n in samples)}"
    return _grid(
        found,
        lambda member: member.worst,
        f"Worst-group accuracy in % on {found.split} ({of}): mean ± sample standard deviation over seeds.",
        marked=True,
    )


def pairs(found: "Benchmark") -> Grid | None:
    """Worst group of the method that the study is about minus that of every other one, seed by seed."""
    about = next((row for row in found.rows if row.entry == found.study.against), None)
    if about is None:
        return None
    lines = []
    for row in found.rows:
        if row is not about:
            values = [differences(about, row, preset) for preset in found.presets]
            cells = (Cell(*mean_sd(value, signed=True), True) if value else NONE for value in values)
            lines.append(Line(f"− {title(row, found)}", tuple(cells)))
    sentence = (
        f"Worst group of {title(about, found)} minus that of each other method, in points on {found.split}: mean ± "
        "sample standard deviation of the differences of the same seed."
    )
    return Grid(title(about, found), _heads(found), (tuple(lines),), sentence)


def averages(found: "Benchmark") -> Grid:
    """Average accuracy of every method on every data set."""
    return _grid(found, lambda member: member.average, f"Average accuracy in % on {found.split}, as above.")


def proxies(found: "Benchmark") -> Grid:
    """Worst cell on validation minus worst group: how far the label-free number is from the true one."""
    about = (
        f"Worst cell on validation (no group labels used) minus worst group on {found.split}, in points: how far "
        "selection without attributes is from the truth."
    )
    return _grid(found, lambda member: member.worst_cell - member.worst, about)


def finders(found: "Benchmark") -> Grid:
    """Precision and recall of the conflict samples of every finder on every data set."""
    lines = []
    rows = {row.finder: row for row in reversed(found.rows) if row.finder}
    for finder, row in sorted(rows.items()):
        cells = []
        for preset in found.presets:
            pairs = [m.found for m in row.cells.get(preset, ()) if m.found]
            precision, recall = ([getattr(pair, name) for pair in pairs] for name in ("precision", "recall"))
            words = " / ".join(_number(values, "{:.2f}") for values in (precision, recall))
            cells.append(Cell(words) if pairs else NONE)
        lines.append(Line(finder, tuple(cells)))
    about = (
        "Precision / recall of the conflict samples on train, from the attributes, for information: means over seeds."
    )
    return Grid("finder", _heads(found), (tuple(lines),), about)


def seconds(found: "Benchmark") -> Grid:
    """Work of all stages of every method, reused ones included."""
    lines = tuple(
        Line(
            title(row, found),
            tuple(
                Cell(duration(sum(m.seconds for m in members) / len(members)))
                if (members := row.cells.get(preset, ()))
                else NONE
                for preset in found.presets
            ),
        )
        for row in found.rows
    )
    return Grid("method", _heads(found), (lines,), "Work of all stages, reused ones included: mean over seeds.")


def title(row: "Row", found: "Benchmark") -> str:
    """Name of the method, with its finder if the study has it with several."""
    several = len({other.finder for other in found.rows if other.title == row.title}) > 1
    return f"{row.title}, {row.finder}" if several and row.finder else row.title


def tidy(found: "Benchmark") -> Iterator[dict[str, Any]]:
    """One row for each run."""
    for row in found.rows:
        for preset, members in row.cells.items():
            for member in members:
                pair = member.found
                yield {
                    "method": row.title,
                    "recipe": row.entry,
                    "finder": row.finder,
                    "supervision": row.supervision,
                    "data": preset,
                    "seed": member.seed,
                    "split": found.split,
                    "n": member.n,
                    "worst_group": member.worst,
                    "average": member.average,
                    "worst_cell_validation": None if isnan(member.worst_cell) else member.worst_cell,
                    "precision": pair and pair.precision,
                    "recall": pair and pair.recall,
                    "keep_ratio": member.keep_ratio,
                    "seconds": round(member.seconds, 1),
                    "run": member.run,
                }


def _grid(found: "Benchmark", value: "Callable[[Member], float]", about: str, *, marked: bool = False) -> Grid:
    best = {preset: _best(found, preset, value) for preset in found.presets} if marked else {}
    lines = []
    for row in found.rows:
        cells = [Cell(supervision(row.supervision))]
        for preset in found.presets:
            values = [value(member) for member in row.cells.get(preset, ()) if not isnan(value(member))]
            cells.append(Cell(*mean_sd(spread(values)), True, best.get(preset) is row) if values else NONE)
        lines.append(Line(title(row, found), tuple(cells)))
    counts = sorted({len(members) for row in found.rows for members in row.cells.values()})
    several = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else ""
    notes = [f"{several} seed{'s' * (several != '1')} a cell."] if counts else []
    return Grid("method", ("supervision", *_heads(found)), (tuple(lines),), about, tuple(notes), words=1)


def _best(found: "Benchmark", preset: str, value: "Callable[[Member], float]") -> "Row | None":
    """The best method without supervision."""
    able = [row for row in found.rows if row.supervision == "none" and row.cells.get(preset)]
    return max(able, key=lambda row: spread([value(m) for m in row.cells[preset]]).mean, default=None)


def _heads(found: "Benchmark") -> tuple[str, ...]:
    return tuple(preset.replace("-mnist", "").replace("-", HELD) for preset in found.presets)


def _number(values: Sequence[float], form: str) -> str:
    known = [value for value in values if not isnan(value)]
    return form.format(sum(known) / len(known)) if known else "–"
