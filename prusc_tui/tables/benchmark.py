"""Benchmarks as grids: methods × data sets, finders × data sets, and the tidy rows of a CSV file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from core.results.ranking import DEFAULT
from core.spread import spread
from core.words import duration, mean_sd, percent
from experiments.tables.benchmark import best, verdicts_of
from prusc_tui.tables.answers import (
    UNSUPERVISED,
    Difference,
    best_sentence,
    differences_about,
    grid_of_differences,
    notes_on_tests,
)
from prusc_tui.tables.grid import HELD, Cell, Grid, Line
from prusc_tui.words import supervision

if TYPE_CHECKING:
    from experiments.tables.benchmark import Benchmark, Member, Row

NONE = Cell("–")


def accuracies(found: "Benchmark", rule: str = DEFAULT) -> Grid:
    """Worst-group accuracy of every method on every data set; the best by a rule on validation stands out."""
    samples = sorted({member.n for row in found.rows for members in row.cells.values() for member in members})
    of = f"n = {' or '.join(f'{n:,}' for n in samples)}"
    return _grid(
        found,
        lambda member: member.worst,
        f"Worst-group accuracy in % on {found.split} ({of}): mean ± sample standard deviation over seeds.",
        rule,
    )


def errors(found: "Benchmark") -> Grid:
    """Standard error of the worst-group accuracy of every method on every data set."""
    lines = []
    for row in found.rows:
        values = (spread([m.worst for m in members]) if (members := row.cells.get(p)) else None for p in found.presets)
        cells = (Cell(percent(v.se), f"({v.n})", is_number=True) if v else NONE for v in values)
        lines.append(Line(title(row, found), tuple(cells)))
    about = (
        f"Standard error of the worst-group accuracy on {found.split}, in points (number of seeds): "
        "the sample standard deviation over √seeds."
    )
    return Grid("method", _heads(found), (tuple(lines),), about)


def pairs(found: "Benchmark", test: str = "t") -> Grid | None:
    """The method that the study is about minus every other one, seed by seed, with a test for each data set."""
    judged = verdicts_of(found, test)
    if not judged:
        return None
    blocks: dict[str, list[Difference]] = {}
    for one in judged:
        row = Difference(f"− {title(one.other, found)}", one.pair.seeds, one.verdict, one.pair.average)
        blocks.setdefault(_short(one.preset), []).append(row)
    name = title(judged[0].one, found)
    sentence = (
        f"Worst group of {name} minus that of each other method, in points on {found.split}; {differences_about(test)}."
    )
    notes = notes_on_tests([one.verdict for one in judged], test)
    return grid_of_differences(name, blocks, sentence, notes)


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


def _grid(found: "Benchmark", value: "Callable[[Member], float]", about: str, rule: str = "") -> Grid:
    tops = {preset: best(found, preset, rule) for preset in found.presets} if rule else {}
    lines = []
    for row in found.rows:
        cells = [Cell(supervision(row.supervision))]
        for preset in found.presets:
            values = [value(member) for member in row.cells.get(preset, ()) if not isnan(value(member))]
            cells.append(Cell(*mean_sd(spread(values)), True, tops.get(preset) is row) if values else NONE)
        lines.append(Line(title(row, found), tuple(cells)))
    counts = sorted({len(members) for row in found.rows for members in row.cells.values()})
    several = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else ""
    notes = [f"{several} seed{'s' * (several != '1')} per entry."] if counts else []
    if rule:
        notes.append(_best_note(found, rule, tops))
    return Grid("method", ("supervision", *_heads(found)), (tuple(lines),), about, tuple(notes), words=1)


def _best_note(found: "Benchmark", rule: str, tops: "Mapping[str, Row | None]") -> str:
    named = [f"{title(row, found)} ({_short(preset)})" for preset, row in tops.items() if row is not None]
    return f"{best_sentence(rule, ', '.join(named), UNSUPERVISED)}."


def _heads(found: "Benchmark") -> tuple[str, ...]:
    return tuple(_short(preset).replace("-", HELD) for preset in found.presets)


def _short(preset: str) -> str:
    return preset.replace("-mnist", "")


def _number(values: Sequence[float], form: str) -> str:
    known = [value for value in values if not isnan(value)]
    return form.format(sum(known) / len(known)) if known else "–"
