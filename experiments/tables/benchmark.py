"""Benchmarks: the finished runs of a study, as methods × data sets over seeds (no torch)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import nan
from typing import NamedTuple

import orjson

from core.config import Config, Section
from core.config.renamed import BEFORE
from core.engine.artifacts import read_seal
from core.errors import InputError, nearest
from core.events import PseudoGroupsFound
from core.groups import Evaluation
from core.results.ranking import RANKING, ranked
from core.results.significance import Verdict, verdicts
from core.rules import RULES
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord
from core.spread import Spread, spread
from experiments.catalog import get_study, study_names
from experiments.plan import config_of
from experiments.recipes import get_recipe
from experiments.space import label
from experiments.study import Study
from experiments.sweeps import registry
from experiments.tasks import Task, plan_study


@dataclass(frozen=True)
class Found:
    """How well the pseudo-groups of a run are known, from its attributes; for information only."""

    precision: float
    recall: float


@dataclass(frozen=True)
class Member:
    """The result of one finished run on a split; accuracies in [0, 1].

    `rules` has the values on validation of the rules that rank methods, if known; `seconds` is the work of all stages,
    reused ones included.
    """

    seed: int
    n: int
    worst: float
    average: float
    rules: Mapping[str, float]
    seconds: float
    keep_ratio: float | None
    found: Found | None
    run: str

    @property
    def worst_cell(self) -> float:
        """Accuracy of the worst cell on validation; NaN if unknown."""
        return self.rules.get("worst-cell", nan)


@dataclass(frozen=True)
class Row:
    """One method.

    Attributes:
        entry: as in the study, `RECIPE` or `RECIPE@FINDER`; with what varies in a sweep, or that alone.
        title: name of the method.
        finder: name of its finder; empty if it has none.
        supervision: `attributes_used` of its runs.
        cells: preset → its finished runs, by seed.
    """

    entry: str
    title: str
    finder: str
    supervision: str
    cells: Mapping[str, tuple[Member, ...]]


@dataclass(frozen=True)
class Benchmark:
    """The finished runs of a study.

    Attributes:
        study: the study.
        split: of the accuracies.
        rows: in the order of the study, without methods that have no finished run.
        presets: columns, without those that have no finished run.
        planned: number of runs of the study.
        finished: number of those that are finished.
    """

    study: Study
    split: str
    rows: tuple[Row, ...]
    presets: tuple[str, ...]
    planned: int
    finished: int


class Paired(NamedTuple):
    """Differences of one method minus another on the same seeds: each of the worst group, and the average's spread."""

    seeds: tuple[int, ...]
    worst: tuple[float, ...]
    average: Spread


def benchmarks() -> dict[str, Study]:
    """Name of the table → study whose runs it shows, for studies of several seeds."""
    studies = (get_study(name) for name in study_names())
    return {study.table: study for study in studies if study.table and len(study.seeds) > 1}


def get_benchmark(home: Home, name: str) -> Study:
    """The study behind the table called `name`, which may be the name of a sweep in the home.

    Raises:
        InputError: there is none.
    """
    known, own = benchmarks(), registry.names(home)
    if name in known:
        return known[name]
    if name not in own:
        raise InputError(f"unknown table '{name}'{nearest(name, [*known, *own])} (see: prusc table)")
    return registry.get(home, name).study


def benchmark(home: Home, study: Study, split: str = "test") -> Benchmark:
    """Collect the finished runs of a study: those with its settings, whoever made them and wherever their files were.

    Args:
        home: of the runs.
        study: the study.
        split: of the accuracies.
    """
    tasks = plan_study(study)
    runs = _finished(home, {task.plan.recipe.name for task in tasks})
    rows: dict[str, dict[str, list[Member]]] = {}
    heads: dict[str, Task] = {}
    done = 0
    for task in tasks:
        row = _name(study, task)
        heads.setdefault(row, task)
        record = runs.get(_identity(task.plan.config))
        member = record and _member(home, record, split)
        if member:
            done += 1
            rows.setdefault(row, {}).setdefault(task.preset, []).append(member)
    return Benchmark(
        study,
        split,
        tuple(_row(study, name, head, rows[name]) for name, head in heads.items() if name in rows),
        tuple(preset for preset in study.presets if any(preset in cells for cells in rows.values())),
        len(tasks),
        done,
    )


def missing(found: Benchmark) -> dict[str, list[int]]:
    """Entry of the study, with the data set if there are several → seeds without a finished run."""
    there = {(r.entry, preset, m.seed) for r in found.rows for preset, members in r.cells.items() for m in members}
    absent: dict[str, list[int]] = {}
    for task in plan_study(found.study):
        name, seed = _name(found.study, task), task.plan.config.seed
        if (name, task.preset, seed) not in there:
            on = f" on {task.preset}" if len(found.study.presets) > 1 else ""
            absent.setdefault(f"{name}{on}", []).append(seed)
    return absent


def differences(one: Row, other: Row, preset: str) -> Paired | None:
    """Differences between two methods on the same seeds, `one` − `other`; None without a pair."""
    theirs = {member.seed: member for member in other.cells.get(preset, ())}
    pairs = [(mine, theirs[mine.seed]) for mine in one.cells.get(preset, ()) if mine.seed in theirs]
    if not pairs:
        return None
    return Paired(
        tuple(mine.seed for mine, _ in pairs),
        tuple(mine.worst - its.worst for mine, its in pairs),
        spread([mine.average - its.average for mine, its in pairs]),
    )


class Judged(NamedTuple):
    """One method minus another on a data set, and what follows from it."""

    preset: str
    one: Row
    other: Row
    pair: Paired
    verdict: Verdict


def verdicts_of(found: Benchmark, test: str = "t") -> list[Judged]:
    """The method that the study is about against every other one, tested together on each data set.

    Args:
        found: the finished runs.
        test: `t` or `wilcoxon`.

    Returns:
        An entry for each data set and method that share seeds; none if the study is about no method.
    """
    about = next((row for row in found.rows if row.entry == found.study.against), None)
    if about is None:
        return []
    judged: list[Judged] = []
    for preset in found.presets:
        others = [(row, differences(about, row, preset)) for row in found.rows if row is not about]
        known = [(row, pair) for row, pair in others if pair is not None]
        said = verdicts([pair.worst for _, pair in known], test)
        judged += [Judged(preset, about, row, pair, one) for (row, pair), one in zip(known, said, strict=True)]
    return judged


def best(found: Benchmark, preset: str, rule: str) -> Row | None:
    """The best method without supervision on a data set, by a rule on validation; None unless two can be ranked."""
    able = [row for row in found.rows if row.supervision == "none" and row.cells.get(preset)]
    place = ranked([[member.rules.get(rule) for member in row.cells[preset]] for row in able], rule).best
    return None if place is None else able[place]


def _name(study: Study, task: Task) -> str:
    """Name of the row of a task: its entry, and what varies in a sweep."""
    point = label(task.point)
    return task.recipe if not point else point if len(study.recipes) == 1 else f"{task.recipe} {point}"


def _row(study: Study, name: str, head: Task, cells: Mapping[str, Iterable[Member]]) -> Row:
    recipe, config = head.plan.recipe, head.plan.config
    finder = config.find.by if "find" in recipe.stage_names(config) else ""
    return Row(
        name,
        name if name != recipe.name and (head.point or name in study.of) else recipe.title or recipe.name,
        finder,
        recipe.attributes_used(config),
        {preset: tuple(members) for preset, members in cells.items()},
    )


def _finished(home: Home, recipes: Iterable[str]) -> dict[bytes, RunRecord]:
    """Settings → newest finished run with them, of some recipes."""
    found: dict[bytes, RunRecord] = {}
    for run in reversed(RunLog(home).all()):  # oldest first
        if run["recipe"] in recipes and run["status"] == "finished":
            try:
                record = RunFolder.open(home, run["id"]).record()
                found[_identity(config_of(record))] = record
            except InputError:  # deleted meanwhile, or with settings unknown to this version
                continue
    return found


def _member(home: Home, record: RunRecord, split: str) -> Member | None:
    value, held_out = record.final_evaluation(split), record.final_evaluation("validation")
    if value is None:
        return None
    evaluation = Evaluation.from_json(split, value)
    look = Evaluation.from_json("validation", held_out) if held_out else None
    values = {name: RULES[name].value(look) for name in RANKING} if look else {}
    return Member(
        record.seed,
        evaluation.n,
        evaluation.worst_group.accuracy,
        evaluation.average,
        {name: number for name, number in values.items() if number is not None},
        sum(stage.seconds for stage in record.stages),
        record.stages[-1].keep_ratio,
        _found(RunFolder.open(home, record.id)),
        record.id,
    )


def _found(folder: RunFolder) -> Found | None:
    sealed = read_seal(folder.artifacts("find"))
    event = next((e for e in sealed.events if isinstance(e, PseudoGroupsFound)), None) if sealed else None
    if event is None or "true" not in event.conflicts:
        return None
    counts = event.conflicts
    return Found(
        counts["hits"] / counts["found"] if counts["found"] else nan,
        counts["hits"] / counts["true"] if counts["true"] else nan,
    )


def _identity(config: Config) -> bytes:
    """Settings that decide the result: all but locations of files and those of speed alone."""
    sections = {name: value for name, value in config if isinstance(value, Section)}
    settings = {name: value.deciding() for name, value in sections.items()}
    recipe = get_recipe(config.recipe)
    # A run of an earlier version has another value than today's default, even where nothing reads it.
    for key in BEFORE:
        section, _, name = key.partition(".")
        if not recipe.reads(config, key):
            settings[section].pop(name)
    rest = config.model_dump(mode="json", exclude=set(sections))
    start = {"pretrained": config.model.weights != "none", "given": bool(config.model.checkpoint)}
    return orjson.dumps({**rest, **settings, **start}, option=orjson.OPT_SORT_KEYS)
