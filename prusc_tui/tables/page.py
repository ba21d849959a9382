"""What a page of results says besides a benchmark: every run, its stages and settings, and what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.config import Section
from core.engine.artifacts import read_seal
from core.events import NetworkKept
from core.groups import Evaluation, wilson_interval
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord
from core.words import duration, percent
from experiments.plan import config_of
from experiments.tables.benchmark import missing
from prusc_tui.tables.benchmark import title
from prusc_tui.tables.grid import Cell, Grid, Line
from prusc_tui.words import HARM_NOTE, attributes_sentence, supervision

if TYPE_CHECKING:
    from experiments.tables.benchmark import Benchmark

NONE = Cell("–")
SPLITS = ("train", "validation", "test")
FILES = ("model.weights", "model.checkpoint")
"""Settings that name a file, of which a page says the name only."""


@dataclass(frozen=True)
class Finished:
    """A run of a benchmark, and the method that it is of."""

    method: str
    preset: str
    folder: RunFolder
    record: RunRecord

    @property
    def title(self) -> str:
        """Method, data set and seed."""
        return f"{self.method}, seed {self.record.seed}"

    def evaluation(self, split: str) -> Evaluation | None:
        """Of the final network on a split."""
        value = self.record.final_evaluation(split)
        return Evaluation.from_json(split, value) if value is not None else None

    @property
    def kept(self) -> str:
        """The stage whose network a later one kept; empty if none chose."""
        last = self.record.stages[-1].name
        sealed = read_seal(self.folder.artifacts(last))
        events = sealed.events if sealed else ()
        return next((event.source for event in events if isinstance(event, NetworkKept)), "")


def page(home: Home, found: "Benchmark") -> list[Grid]:
    """The tables, for each data set."""
    grids: list[Grid] = []
    for preset in found.presets:
        runs = [
            Finished(title(row, found), preset, folder, folder.record())
            for row in found.rows
            for member in row.cells.get(preset, ())
            for folder in [RunFolder.open(home, member.run)]
        ]
        grids += [every_run(found, runs), stages(runs), sizes(runs), settings(runs)]
    return grids


def missing_sentence(found: "Benchmark") -> str:
    """The runs of the study that are not finished; empty if all are."""
    absent = missing(found)
    if not absent:
        return ""
    parts = (f"{entry} (seed {', '.join(map(str, seeds))})" for entry, seeds in absent.items())
    return f"{found.finished} of {found.planned} runs are finished. Missing: {'; '.join(parts)}."


def every_run(found: "Benchmark", runs: Sequence[Finished]) -> Grid:
    """The numbers of each run, with intervals, and what was known and chosen."""
    lines, seen = [], [(run, run.evaluation(found.split)) for run in runs]
    for run, evaluation in seen:
        assert evaluation is not None  # it would be no run of the benchmark
        worst = evaluation.worst_group
        low, high = wilson_interval(worst.correct, worst.n)
        right = sum(group.correct for group in evaluation.groups)
        each = wilson_interval(right, evaluation.n)
        ratio = next((s.keep_ratio for s in reversed(run.record.stages) if s.keep_ratio is not None), None)
        lines.append(
            Line(
                run.title,
                (
                    Cell(supervision(run.record.attributes_used)),
                    Cell(worst.title),
                    Cell(percent(worst.accuracy), f"({percent(low)}–{percent(high)})", is_number=True),
                    Cell(f"{worst.n:,}"),
                    Cell(percent(evaluation.average), f"({percent(each[0])}–{percent(each[1])})", is_number=True),
                    NONE if ratio is None else Cell(percent(ratio)),
                    Cell(run.kept) if run.kept else NONE,
                    Cell("keep ERM") if run.record.harm else NONE,
                ),
            )
        )
    heads = ("supervision", "worst group", "its accuracy", "its n", "average", "weights kept", "network", "warning")
    n = " or ".join(f"{size:,}" for size in sorted({evaluation.n for _, evaluation in seen if evaluation}))
    about = (
        f"Every run on {found.split} (n = {n}): accuracies in %, in brackets 95 % intervals (Wilson); network: the "
        "stage whose network the run kept, by the worst cell on validation."
    )
    rules = {attributes_sentence(run.record.attributes_used, run.record.selection) for run in runs}
    notes = [f"{rule[:1].upper()}{rule[1:]}." for rule in sorted(rules)]
    if any(run.record.harm for run in runs):
        notes.append(f"Keep ERM: {HARM_NOTE}.")
    return Grid("run", heads, (tuple(lines),), about, tuple(notes), words=1)


def stages(runs: Sequence[Finished]) -> Grid:
    """The time of every stage of every run."""
    names = list(dict.fromkeys(stage.name for run in runs for stage in run.record.stages))
    lines = []
    for run in runs:
        taken = {stage.name: stage for stage in run.record.stages}
        cells = (
            Cell(duration(taken[name].seconds), "↺" if taken[name].reused else "") if name in taken else NONE
            for name in names
        )
        devices = f"{run.record.device} {run.record.precision}".strip()
        lines.append(Line(run.title, (*cells, Cell(devices))))
    about = "Time of every stage; ↺: reused from another run, with its original time."
    return Grid("run", (*names, "device"), (tuple(lines),), about)


def sizes(runs: Sequence[Finished]) -> Grid:
    """Images of every group of every split that was evaluated."""
    found: dict[str, Evaluation] = {}
    for run in runs:
        found |= {split: e for split in SPLITS if split not in found and (e := run.evaluation(split))}
    groups = next(iter(found.values())).groups
    lines = [
        Line(split, (*(Cell(f"{group.n:,}") for group in found[split].groups), Cell(f"{found[split].n:,}")))
        for split in SPLITS
        if split in found
    ]
    shares = next(iter(found.values())).training_shares
    about = "Images of every group in the splits that were evaluated, and the share of the group in the training split."
    if shares:
        lines.append(Line("share of train", (*(Cell(f"{percent(share)} %") for share in shares), Cell("100 %"))))
    return Grid("split", (*(group.title for group in groups), "all"), (tuple(lines),), about)


def settings(runs: Sequence[Finished]) -> Grid:
    """Settings that differ from the defaults and decide results, with the methods that have each value."""
    values: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        for key, value in _differing(run.record):
            values.setdefault(key, {}).setdefault(value, []).append(run.method)
    methods = list(dict.fromkeys(run.method for run in runs))
    lines = [
        Line(key, (Cell(value), Cell(_named(named, methods))))
        for key, found in values.items()
        for value, named in found.items()
    ]
    about = (
        "Settings that differ from the defaults; those for file locations and speed are left out. Every run has its "
        "command line in 'prusc report'."
    )
    return Grid("setting", ("value", "methods"), (tuple(lines),), about, words=2)


def _named(named: Sequence[str], methods: Sequence[str]) -> str:
    some = list(dict.fromkeys(named))
    return "all" if len(some) == len(methods) else ", ".join(some)


def _differing(record: RunRecord) -> Iterator[tuple[str, str]]:
    from prusc_tui.resolved import resolve

    left_out = set(_incidental(record)) - set(FILES)
    for one in resolve(record):
        if one.differs and one.key not in left_out and one.key not in ("recipe", "seed"):
            yield one.key, Path(one.value).name if one.key in FILES else one.value


def _incidental(record: RunRecord) -> Iterator[str]:
    sections: Mapping[str, object] = dict(config_of(record))
    for name, section in sections.items():
        if isinstance(section, Section):
            yield from (f"{name}.{field}" for field in section.incidental)
