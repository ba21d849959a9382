"""Every number of a run that can be drawn over steps: its series and evaluations."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from operator import is_

from core.events import Sparsity
from core.feed.series import Series
from core.feed.snapshot import Look, Snapshot
from core.groups import Evaluation
from prusc_tui.chart.axes import XMode
from prusc_tui.chart.curves import Curve, Plot

Key = tuple[str, str]
"""Stage and name."""

ACCURACY, SPARSITY = "accuracy", "sparsity"
_SPLITS = ("training ", "train ", "validation ", "test ")
_BY_ENVIRONMENT = ("risk", "penalty")  # quantities of every environment, whose lines share a chart
_APART = "penalty weight"


@dataclass(frozen=True, slots=True)
class Line:
    """One number over the steps of a stage.

    Attributes:
        quantity: lines of one quantity share a chart.
        unit: `%` or nothing.
        steps: [n] steps of the stage.
        epochs: [n] passes over the data; empty if unknown.
        times: [n] seconds since 1970; empty if unknown.
        values: [n].
        origin: start of the stage.
        smooth: whether smoothing makes sense (many noisy values).
    """

    key: Key
    quantity: str
    unit: str
    steps: Sequence[float]
    epochs: Sequence[float]
    times: Sequence[float]
    values: Sequence[float]
    origin: float
    smooth: bool

    def curve(self, name: str, mode: XMode, colour: int) -> Curve:
        """The line over the x axis of `mode`."""
        x = {"step": self.steps, "epoch": self.epochs, "time": self.times}[mode]
        y = self.values if len(x) else ()
        return Curve(name, x, y, colour, self.key, self.origin if mode == "time" else 0.0, self.smooth)


class Lines:
    """The lines of a run. Unchanged lines stay the same objects from one snapshot to the next."""

    def __init__(self) -> None:
        self._looks: dict[Key, tuple[tuple[Look, ...], int, dict[Key, Line]]] = {}
        self._sparsity: dict[str, tuple[tuple[Sparsity, ...], list[float], list[float]]] = {}

    def update(self, snapshot: Snapshot) -> dict[Key, Line]:
        """Return all lines of the snapshot, in the order of the stages."""
        started = {stage.name: stage.started for stage in snapshot.stages}
        clocks = _clocks(snapshot.series)
        out: list[tuple[Key, Line]] = []
        for key, series in snapshot.series.items():
            start = started.get(key[0])
            if start is None:
                start = series.times[0] if len(series.times) else 0.0
            out.append((key, _of_series(key, series, start)))
        for (stage, split), looks in snapshot.evaluations.items():
            out += self._of_looks(stage, split, looks, clocks.get(stage), started.get(stage)).items()
        for stage, states in snapshot.mask_states.items():
            out.append(self._of_sparsity(stage, states, clocks, started.get(stage)))
        order = {stage.name: number for number, stage in enumerate(snapshot.stages)}
        return dict(sorted(out, key=lambda item: order.get(item[0][0], len(order))))

    def _of_looks(
        self, stage: str, split: str, looks: tuple[Look, ...], clock: Series | None, started: float | None
    ) -> dict[Key, Line]:
        known = self._looks.get((stage, split))
        ticks = len(clock) if clock is not None else 0
        if known is not None and len(known[0]) == len(looks) and all(map(is_, known[0], looks)) and known[1] == ticks:
            return known[2]
        lines = dict(_accuracies(stage, split, looks, clock, started))
        self._looks[stage, split] = looks, ticks, lines
        return lines

    def _of_sparsity(
        self, stage: str, states: tuple[Sparsity, ...], clocks: Mapping[str, Series], started: float | None
    ) -> tuple[Key, Line]:
        known = self._sparsity.get(stage)
        if known is None or len(known[0]) != len(states) or known[0][-1] is not states[-1]:
            course = sorted(states, key=lambda state: state.step)  # the last event may be of an earlier step
            known = states, [state.step for state in course], [100 * (1 - state.keep_ratio) for state in course]
            self._sparsity[stage] = known
        key = stage, SPARSITY
        return key, _line(key, SPARSITY, "%", known[1], known[2], clocks.get(stage), started)


def by_quantity(lines: Mapping[Key, Line], chosen: Collection[Key], mode: XMode) -> list[Plot]:
    """Charts of the chosen lines: one for each quantity, in the order of the run."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines.values():
        # An entry even if nothing is chosen, so that charts keep their places.
        group = groups.setdefault((line.quantity, line.unit), [])
        if line.key in chosen:
            group.append(line)
    return [_plot(group, mode) for group in groups.values() if group]


def default_choice(lines: Mapping[Key, Line], snapshot: Snapshot) -> list[Key]:
    """The main lines of the current stage: losses, worst group and average on validation."""
    stages = [stage for stage, _ in lines]
    if not stages:
        return []
    begun = [view.name for view in snapshot.stages if view.state != "waiting" and view.name in stages]
    stage = begun[-1] if begun else stages[-1]
    splits = {split for owner, split in snapshot.evaluations if owner == stage}
    split = "validation" if "validation" in splits or not splits else min(splits)
    accuracies = {f"{split} worst group", f"{split} average"}
    return [
        key
        for key, line in lines.items()
        if key[0] == stage and (key[1] in accuracies or line.quantity not in (ACCURACY, SPARSITY))
    ]


def _plot(group: Sequence[Line], mode: XMode) -> Plot:
    """A chart of one quantity: common words go to the title, differences to the legend."""
    quantity, unit = group[0].quantity, group[0].unit
    stages = list(dict.fromkeys(line.key[0] for line in group))
    names = [line.key[1] for line in group]
    shared = next((split for split in _SPLITS if all(name.startswith(split) for name in names)), "")
    names = [name.removeprefix(shared) for name in names]
    if quantity in _BY_ENVIRONMENT:
        names = [name.removeprefix(f"{quantity} ") for name in names]
    title = f"{shared}{quantity} %" if unit else shared + quantity
    if len(stages) == 1:
        title = f"{stages[0]}: {title}"
        if names == [quantity]:
            names = [""]
    else:
        names = [
            line.key[0] if name == quantity else f"{line.key[0]} {name}"
            for line, name in zip(group, names, strict=True)
        ]
    named = enumerate(zip(group, names, strict=True))
    curves = tuple(line.curve(name, mode, number) for number, (line, name) in named)
    return Plot((quantity, unit), title, unit, tuple(stages), curves)


def _of_series(key: Key, series: Series, origin: float) -> Line:
    name = key[1]
    quantity = next((name.removeprefix(split) for split in _SPLITS if name.startswith(split)), name)
    if name != _APART:
        quantity = next((one for one in _BY_ENVIRONMENT if name.startswith(f"{one} ")), quantity)
    return Line(key, quantity, "", series.steps, series.epochs, series.times, series.values, origin, True)


def _accuracies(
    stage: str, split: str, looks: Sequence[Look], clock: Series | None, started: float | None
) -> Iterator[tuple[Key, Line]]:
    """Accuracy of the worst group, average and each group of a split, in per cent."""
    # The final look repeats that of the final checkpoint.
    by_step = {look.step: look.evaluation for look in sorted(looks, key=lambda look: not look.final)}
    steps = [float(step) for step in sorted(by_step)]
    evaluations = [by_step[step] for step in sorted(by_step)]
    columns = {
        f"{split} worst group": [100 * one.worst_group.accuracy if one.n else nan for one in evaluations],
        f"{split} average": [100 * one.average for one in evaluations],
    }
    for title in dict.fromkeys(group.title for evaluation in evaluations for group in evaluation.groups):
        columns[f"{split} {title}"] = [_group(evaluation, title) for evaluation in evaluations]
    for name, values in columns.items():
        yield (stage, name), _line((stage, name), ACCURACY, "%", steps, values, clock, started)


def _group(evaluation: Evaluation, title: str) -> float:
    return next((100 * group.accuracy for group in evaluation.groups if group.title == title), nan)


def _line(
    key: Key,
    quantity: str,
    unit: str,
    steps: Sequence[float],
    values: Sequence[float],
    clock: Series | None,
    started: float | None,
) -> Line:
    """A line known by step only; a series of its stage supplies epochs and times."""
    if clock is None or not len(clock):
        return Line(key, quantity, unit, steps, (), (), values, 0.0, False)
    origin = started if started is not None else clock.times[0]
    epochs = [_between(clock.steps, clock.epochs, step, 0.0) for step in steps]
    times = [_between(clock.steps, clock.times, step, origin) for step in steps]
    return Line(key, quantity, unit, steps, epochs, times, values, origin, False)


def _between(steps: Sequence[float], column: Sequence[float], step: float, at_zero: float) -> float:
    """Interpolated value of a column at a step; it begins with `at_zero` at step 0."""
    right = bisect_left(steps, step)
    if right == len(steps):
        return column[right - 1]
    x0, y0 = (steps[right - 1], column[right - 1]) if right else (0.0, at_zero)
    x1, y1 = steps[right], column[right]
    return y1 if x1 <= x0 else y0 + (y1 - y0) * (step - x0) / (x1 - x0)


def _clocks(series: Mapping[Key, Series]) -> dict[str, Series]:
    """The longest series of each stage, which tells when a step was done."""
    out: dict[str, Series] = {}
    for (stage, _), one in series.items():
        if stage not in out or len(one) > len(out[stage]):
            out[stage] = one
    return out
