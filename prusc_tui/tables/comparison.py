"""A comparison of runs as tables and sentences, for the shell, the screen and the clipboard."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

from core.results.compare import Family, GroupSpread, Paired, Result, comparable, measure
from core.results.contrast import contrasts
from core.results.overlap import Overlap
from core.results.settings import Setting, long_values, settings, show
from core.results.significance import Verdict
from core.runs.record import RunRecord
from core.spread import Spread
from core.words import mean_sd, spread
from prusc_tui.palette import MARKS
from prusc_tui.tables.answers import verdict_text
from prusc_tui.tables.grid import Cell, Grid, Line
from prusc_tui.words import HARM_NOTE, attributes_sentence, supervision

EMPTY = Cell("")
NOTHING = Cell("–", is_number=True)


class Column(NamedTuple):
    """A column of a group table: a heading, and the result beneath it."""

    title: str
    result: Result


class FamilyGrid(NamedTuple):
    """A group table, and the family of each of its columns; None for the column of samples."""

    grid: Grid
    owners: tuple[Family | None, ...]


def grids_of_families(
    members: Sequence[Family],
    split: str,
    stage: str | None = None,
    unfolded: Iterable[Family] = (),
    *,
    paired: bool = True,
) -> list[FamilyGrid]:
    """Families side by side after a stage (the last evaluated one), one table for each data set.

    The runs of `unfolded` families are beside them. If `paired`, the notes say the differences from the first
    family.
    """
    opened = list(unfolded)
    tables = comparable(members)
    grids = []
    for table in tables:
        columns: list[Column] = []
        owners: list[Family | None] = [None]
        for family in table:
            if (result := family.result(split, stage)) is None:
                continue
            columns.append(Column(family.label, result))
            if family in opened:
                alone = ((run, measure([run], split, stage)) for run in family.runs)
                columns += [Column(f"└ {run_title(run)}", result) for run, result in alone if result is not None]
            owners += [family] * (len(columns) + 1 - len(owners))
        if columns:
            notes = _notes(table, split, stage, paired)
            data = table[0].runs[0].data
            if len(tables) > 1:
                notes.insert(0, f"{data} only: other data has other groups and so a table of its own")
            grids.append(FamilyGrid(grid_of(data, columns, notes), tuple(owners)))
    return grids


def grid_of_stages(family: Family, split: str) -> Grid | None:
    """The evaluated stages of a family side by side; None if none was evaluated on the split."""
    results = [family.result(split, stage) for stage in family.stages]
    columns = [Column(result.stage, result) for result in results if result is not None]
    return grid_of(family.label, columns, _notes([family], split, None, False)) if columns else None


def grid_of(corner: str, columns: Sequence[Column], notes: Sequence[str] = ()) -> Grid:
    """Worst group, averages, groups, sparsity and time of columns with the same groups."""
    results = [column.result for column in columns]
    samples = Cell(_range([result.samples for result in results]), is_number=True)
    top = (
        Line("runs", (EMPTY, *(Cell(_runs(result)) for result in results))),
        Line("after stage", (EMPTY, *(Cell(result.stage) for result in results))),
    )
    overall = (
        Line("worst group", (EMPTY, *(_share(r.worst)._replace(stands_out=True) for r in results))),
        Line("average", (samples, *(_share(r.average) for r in results))),
        Line("adjusted average", (samples, *(_share(r.adjusted) for r in results))),
        Line("gap", (EMPTY, *(_share(r.gap) for r in results))),
    )
    groups = []
    for i, first in enumerate(results[0].groups):
        size = Cell(_range([r.groups[i].samples for r in results]), is_number=True)
        cells = (_group(r.groups[i], r.groups[i] is r.weakest) for r in results)
        groups.append(Line(first.title, (size, *cells)))
    rest = (
        Line("sparsity", (EMPTY, *(_share(r.sparsity) if r.sparsity else NOTHING for r in results))),
        Line("time", (EMPTY, *(_time(r.seconds) for r in results))),
        Line("supervision", (EMPTY, *(Cell(supervision(r.runs[0].attributes_used)) for r in results))),
        Line("selection", (EMPTY, *(Cell(r.runs[0].selection) for r in results))),
    )
    return Grid(
        corner=corner,
        columns=("samples", *(column.title for column in columns)),
        blocks=(top, overall, tuple(groups), rest),
        about=_about(results),
        notes=tuple(notes),
    )


def grid_of_settings(records: Sequence[RunRecord], *, everything: bool = False) -> Grid | None:
    """Settings in which runs differ, or all with those marked, runs across; None if there are none."""
    shown = [one for one in settings(records) if everything or one.differs]
    if not shown:
        return None
    seed = tuple(_setting(one, everything) for one in shown if one.is_seed)
    rest = tuple(_setting(one, everything) for one in shown if not one.is_seed)
    return Grid("setting", tuple(run_title(run) for run in records), tuple(block for block in (seed, rest) if block))


def grid_of_overlaps(records: Sequence[RunRecord], pairs: Mapping[tuple[str, str], Overlap | None]) -> Grid | None:
    """Intersection over union of the kept weights of each pair of runs, with the value by chance in brackets."""
    shown = [run for run in records if any(run.id in pair for pair in pairs)]
    known = {frozenset(pair): found for pair, found in pairs.items()}
    lines = [
        Line(run_title(run), tuple(_overlap(known.get(frozenset((run.id, other.id)))) for other in shown[:number]))
        for number, run in enumerate(shown)
    ]
    if len(shown) < 2:
        return None
    width = len(shown) - 1
    filled = (line._replace(cells=(*line.cells, *[EMPTY] * (width - len(line.cells)))) for line in lines[1:])
    about = "overlap of the masks: kept weights of both over kept weights of either (IoU)"
    about += "; in brackets the value by chance"
    return Grid("IoU", tuple(run_title(run) for run in shown[:-1]), (tuple(filled),), about)


def grid_of_family_settings(members: Sequence[Family]) -> Grid | None:
    """Settings in which families differ, and the seeds of each; None if they do not differ."""
    shown = [one for one in settings([family.runs[0] for family in members]) if one.differs and not one.is_seed]
    if not shown:
        return None
    seeds = (", ".join(str(seed) for seed in sorted({run.seed for run in family.runs})) for family in members)
    lines = (Line(one.key, tuple(Cell(text) for text in one.texts)) for one in shown)
    blocks = ((Line("seed", tuple(map(Cell, seeds))),), tuple(lines))
    notes = dict.fromkeys(line for one in shown for line in long_values(one).values())
    return Grid("setting", tuple(family.label for family in members), blocks, notes=tuple(notes))


def tidy(members: Sequence[Family], split: str, *, stages: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each run in the means, after the last stage or each of its `stages`, with the settings that differ."""
    differing = [one for one in settings([run for family in members for run in family.runs]) if one.differs]
    owners = [run.id for family in members for run in family.runs]
    for family in members:
        for stage in family.stages if stages else (None,):
            if (result := family.result(split, stage)) is None:
                continue
            for run in result.runs:
                if (alone := measure([run], split, result.stage)) is not None:
                    place = owners.index(run.id)
                    yield {**_row(family, run, alone), **{one.key: show(one.values[place]) for one in differing}}


def _row(family: Family, run: RunRecord, alone: Result) -> dict[str, Any]:
    return {
        "family": family.label,
        "run": run.id,
        "name": run.name,
        "supervision": run.attributes_used,
        "selection": run.selection,
        "data": run.data,
        "split": alone.split,
        "stage": alone.stage,
        "n": alone.samples,
        "worst_group": alone.worst.mean,
        "average": alone.average.mean,
        "adjusted_average": alone.adjusted.mean,
        "gap": alone.gap.mean,
        "sparsity": alone.sparsity and alone.sparsity.mean,
        "seconds": alone.seconds.mean,
        "seed": run.seed,
        "recipe": run.recipe,
    }


def run_title(run: RunRecord) -> str:
    """Name of a run, after a mark if it is not finished."""
    name = run.name
    return name if run.status == "finished" else f"{MARKS[run.status]} {name}"


def long_settings(members: Sequence[Family]) -> list[str]:
    """The whole of the settings that labels of these families name in short, a line for each."""
    return list(dict.fromkeys(line for family in members for line in family.long))


def paired_sentence(pair: Paired, verdict: Verdict, test: str) -> str:
    """Return a sentence: the change from one family to the other, paired by seed, and how sure it is."""
    n = len(pair.seeds)
    over = f"{n} seeds" if n > 1 else f"seed {pair.seeds[0]} alone"
    sure = f" ({verdict_text(verdict, test)})" if n > 1 else ""
    return (
        f"{pair.second.label} − {pair.first.label}, paired over {over}: "
        f"worst group {spread(pair.worst, signed=True)}{sure}, average {spread(pair.average, signed=True)}"
    )


def _notes(members: Sequence[Family], split: str, stage: str | None, paired: bool) -> list[str]:
    """Supervision, changes from the first family, and the runs inside and outside the means."""
    remarks: list[str] = []
    names: list[str] = []
    sentences: dict[str, list[str]] = {}
    for family in members:
        result = family.result(split, stage)
        if result is None:
            remarks.append(f"{family.label}: not evaluated on the {split} split" + (f" after {stage}" if stage else ""))
            continue
        sentence = attributes_sentence(result.runs[0].attributes_used, result.runs[0].selection)
        sentences.setdefault(sentence, []).append(family.label)
        if result.unfinished:
            remarks.append(f"{family.label}: no run has finished; the numbers are preliminary")
        of = "mean over " if len(result.runs) > 1 else ""
        names.append(f"{family.label}: {of}" + ", ".join(f"{run.name} {run.id}" for run in result.runs))
        remarks += [f"{family.label}: {run.name}: {HARM_NOTE}" for run in result.runs if run.harm]
        inside = {run.id for run in result.runs}
        for run in family.runs:
            if run.id in inside:
                continue
            if run.status != "finished":
                why = f"({run.status}) is left out of the mean"
            elif run.seed in result.seeds:
                why = f"repeats seed {run.seed}; the newest counts"
            else:
                why = "has other samples and is left out of the mean"
            remarks.append(f"{family.label}: {run.name} {why}")
    facts = [f"{sentence[0].upper()}{sentence[1:]}" for sentence in sentences]
    if len(sentences) > 1:
        facts = [f"{', '.join(labels)}: {sentence}" for sentence, labels in sentences.items()]
    found = contrasts(members, split, stage) if paired else None
    pairs = [paired_sentence(*pair, found.test) for pair in found.pairs] if found else []
    return [*facts, *pairs, *remarks, *names, *long_settings(members)]


def _about(results: Sequence[Result]) -> str:
    parts = [f"{results[0].split} split", "accuracies and sparsity in per cent"]
    if any(len(result.runs) > 1 for result in results):
        parts.append("mean ± sample standard deviation over seeds")
    if any(len(result.runs) == 1 for result in results):
        parts.append("in brackets 95 % intervals (Wilson) of the groups of a single run")
    parts.append("adjusted average: groups weighted by their shares of the training split")
    if any(stage.reused for result in results for run in result.runs for stage in run.stages):
        parts.append("a reused stage counts with its original time")
    return "; ".join(parts)


def _runs(result: Result) -> str:
    seeds = result.seeds
    text = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    return f"{text}, unfinished" if result.unfinished else text


def _share(value: Spread) -> Cell:
    if isnan(value.mean):
        return NOTHING
    return Cell(*mean_sd(value), is_number=True)


def _group(group: GroupSpread, weakest: bool) -> Cell:
    cell = _share(group.accuracy)
    if group.interval is not None:
        low, high = group.interval
        cell = cell._replace(spread=f"({100 * low:.1f}–{100 * high:.1f})")
    return cell._replace(stands_out=weakest)


def _time(value: Spread) -> Cell:
    unit, size = ("s", 1) if value.mean < 100 else ("min", 60) if value.mean < 6000 else ("h", 3600)
    spread = unit if value.sd is None else f"± {value.sd / size:.1f} {unit}"
    return Cell(f"{value.mean / size:.1f}", spread, is_number=True)


def _overlap(found: Overlap | None) -> Cell:
    return NOTHING if found is None else Cell(f"{found.iou:.2f}", f"({found.by_chance:.2f})", is_number=True)


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _setting(setting: Setting, marked: bool = False) -> Line:
    mark = ("≠ " if setting.differs else "  ") if marked else ""
    return Line(mark + setting.key, tuple(Cell(show(value)) for value in setting.values))
