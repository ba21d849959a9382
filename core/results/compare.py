"""Comparison of runs: families of runs that differ only by seed, their results, and paired differences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

from core.groups import Evaluation, Group
from core.results.settings import DRAW, draw, identity, labels
from core.runs.record import RunRecord
from core.spread import Spread, spread

SPLITS = ("test", "validation")
"""Splits for results; the first evaluated one is the default."""


class GroupSpread(NamedTuple):
    """Accuracy of one group: samples per run, spread, and the 95 % Wilson interval if there is only one run."""

    title: str
    samples: int
    accuracy: Spread
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Result:
    """Results of runs on one split after one stage; shares in [0, 1], times in seconds.

    Attributes:
        runs: runs in the means, one per seed.
        unfinished: whether a run has not finished, so the numbers may still change.
        worst: mean of the runs' worst-group accuracies (not the worst of the mean accuracies).
        adjusted: group accuracies weighted by their shares of the training split.
        gap: average − worst.
        groups: in the order of the data set.
        sparsity: share of weights pruned; None without masks.
        seconds: work in all stages so far; a reused stage counts with its original time.
    """

    split: str
    stage: str
    runs: tuple[RunRecord, ...]
    unfinished: bool
    samples: int
    worst: Spread
    average: Spread
    adjusted: Spread
    gap: Spread
    groups: tuple[GroupSpread, ...]
    sparsity: Spread | None
    seconds: Spread

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def weakest(self) -> GroupSpread | None:
        """The group with the lowest mean accuracy."""
        return min((g for g in self.groups if g.samples), key=lambda g: g.accuracy.mean, default=None)

    def to_json(self) -> dict[str, Any]:
        spreads = {name: getattr(self, name).to_json() for name in ("worst", "average", "adjusted", "gap", "seconds")}
        return {
            "split": self.split,
            "stage": self.stage,
            "runs": [run.id for run in self.runs],
            "seeds": list(self.seeds),
            "unfinished": self.unfinished,
            "samples": self.samples,
            **spreads,
            "sparsity": self.sparsity.to_json() if self.sparsity else None,
            "groups": [
                {"title": g.title, "samples": g.samples, **g.accuracy.to_json(), "interval": g.interval}
                for g in self.groups
            ],
        }


@dataclass(frozen=True, slots=True)
class Family:
    """Runs that differ only by seed, sorted by seed, then by creation.

    Its label has the fewest settings that distinguish it from the other families; `long` has a line with the
    whole of each value that the label names in short.
    """

    label: str
    runs: tuple[RunRecord, ...]
    long: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages evaluated in at least one run, in the order of the recipe."""
        seen = {stage.name: None for run in self.runs for stage in run.stages if stage.evaluations}
        order = {stage.name: i for run in self.runs for i, stage in enumerate(run.stages)}
        return tuple(sorted(seen, key=lambda name: order[name]))

    def result(self, split: str, stage: str | None = None) -> Result | None:
        """Result over the finished runs, or over unfinished ones if none has finished; None without evaluations there.

        Of several runs with the same seed only the newest counts, so that repeats do not reduce the spread. A `stage`
        of None is the last one in which all runs of the means were evaluated.
        """
        able = [run for run in self.runs if _evaluated(run, split, stage)]
        finished = [run for run in able if run.status == "finished"]
        pool = sorted(finished or able, key=lambda run: run.created or 0.0)
        # Older versions may have drawn other samples: only runs with the same groups go into one mean.
        by_seed = {run.seed: run for run in pool if _drawn(run, split) == _drawn(pool[-1], split)}
        return measure([by_seed[seed] for seed in sorted(by_seed)], split, stage)


class Paired(NamedTuple):
    """Paired differences of two families: the second minus the first, over their common seeds.

    `differences` are those of the worst group, in the order of the seeds.
    """

    first: Family
    second: Family
    split: str
    seeds: tuple[int, ...]
    worst: Spread
    average: Spread
    differences: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "first": self.first.label,
            "second": self.second.label,
            "split": self.split,
            "seeds": list(self.seeds),
            "worst": self.worst.to_json(),
            "average": self.average.to_json(),
            "differences": list(self.differences),
        }


def families(records: Sequence[RunRecord]) -> list[Family]:
    """Group runs that differ only by seed, in the order in which each family first appears.

    The seed may be that of the draw of the data as well, if it is so in every run: then each seed has its own draw.
    """
    keys = [identity(record, ("seed", DRAW)) for record in records]
    fixed_draw = {key for key, record in zip(keys, records, strict=True) if draw(record) != record.seed}
    members: dict[str, list[RunRecord]] = {}
    for key, record in zip(keys, records, strict=True):
        members.setdefault(identity(record) if key in fixed_draw else key, []).append(record)
    grouped = [sorted(runs, key=lambda run: (run.seed, run.created or 0.0)) for runs in members.values()]
    names = labels([runs[0] for runs in grouped])
    return [Family(label.text, tuple(runs), label.long) for label, runs in zip(names, grouped, strict=True)]


def comparable(members: Iterable[Family]) -> list[list[Family]]:
    """Group families with the same data set and groups; families without evaluations are omitted."""
    tables: dict[tuple[Any, ...], list[Family]] = {}
    for family in members:
        for split in SPLITS:
            if (result := family.result(split)) is not None:
                titles = tuple(group.title for group in result.groups)
                tables.setdefault((family.runs[0].data, titles), []).append(family)
                break
    return list(tables.values())


def evaluated(members: Iterable[Family], split: str) -> list[list[Family]]:
    """The tables of `comparable` on one split: families without a result on it are left out."""
    tables = ([family for family in kin if family.result(split) is not None] for kin in comparable(members))
    return [kin for kin in tables if kin]


def split_of(records: Sequence[RunRecord]) -> str | None:
    """Split for a comparison: test if any run was evaluated on it, else validation; None without evaluations."""
    return next((s for s in SPLITS if any(r.final_evaluation(s) is not None for r in records)), None)


def measure(runs: Sequence[RunRecord], split: str, stage: str | None = None) -> Result | None:
    """Result over all given runs of one family; None if there is no such stage.

    With `stage` None, it is the last one in which all runs were evaluated.
    """
    if stage is None:
        stage = _last_common(runs, split)
    if not runs or stage is None or not all(_evaluated(run, split, stage) for run in runs):
        return None
    looks = [Evaluation.from_json(split, run.stage(stage).evaluations[split]) for run in runs]
    keep = [ratio for run in runs if (ratio := run.stage(stage).keep_ratio) is not None]
    return Result(
        split=split,
        stage=stage,
        runs=tuple(runs),
        unfinished=any(run.status != "finished" for run in runs),
        samples=looks[0].n,
        worst=spread([look.worst_group.accuracy for look in looks]),
        average=spread([look.average for look in looks]),
        adjusted=spread([look.adjusted_average for look in looks]),
        gap=spread([look.gap for look in looks]),
        groups=tuple(_group(column) for column in zip(*(look.groups for look in looks), strict=True)),
        sparsity=spread([1 - ratio for ratio in keep]) if len(keep) == len(runs) else None,
        seconds=spread([_seconds(run, stage) for run in runs]),
    )


def paired(first: Family, second: Family, split: str, stage: str | None = None) -> Paired | None:
    """Compare two families seed by seed on the same samples; None if they share no seed, or their samples differ."""
    ours, theirs = first.result(split, stage), second.result(split, stage)
    if ours is None or theirs is None or ours.unfinished or theirs.unfinished or _samples(ours) != _samples(theirs):
        return None
    before, after = ({(run.seed, draw(run)): measure([run], split, r.stage) for run in r.runs} for r in (ours, theirs))
    pairs = [(key, before[key], after[key]) for key in before if key in after]
    both = [(seed, a, b) for (seed, _), a, b in pairs if a is not None and b is not None]
    if not both:
        return None
    worst = tuple(b.worst.mean - a.worst.mean for _, a, b in both)
    return Paired(
        first,
        second,
        split,
        tuple(seed for seed, _, _ in both),
        spread(worst),
        spread([b.average.mean - a.average.mean for _, a, b in both]),
        worst,
    )


def _group(column: tuple[Group, ...]) -> GroupSpread:
    one = column[0]
    if not all(group.n for group in column):
        return GroupSpread(one.title, one.n, Spread(nan, None, len(column)), None)
    interval = one.interval if len(column) == 1 else None
    return GroupSpread(one.title, one.n, spread([group.accuracy for group in column]), interval)


def _samples(result: Result) -> list[tuple[str, int]]:
    return [(group.title, group.samples) for group in result.groups]


def _drawn(run: RunRecord, split: str) -> Any:
    look = run.final_evaluation(split) or {"groups": ()}
    return [(group["label"], group["attributes"], group["n"]) for group in look["groups"]]


def _seconds(run: RunRecord, last: str) -> float:
    names = [stage.name for stage in run.stages]
    return sum(stage.seconds for stage in run.stages[: names.index(last) + 1])


def _evaluated(run: RunRecord, split: str, stage: str | None) -> bool:
    return any(split in s.evaluations for s in run.stages if stage is None or s.name == stage)


def _last_common(runs: Sequence[RunRecord], split: str) -> str | None:
    names = [[stage.name for stage in run.stages if split in stage.evaluations] for run in runs]
    common = [name for name in names[0] if all(name in others for others in names)] if names else []
    return common[-1] if common else None
