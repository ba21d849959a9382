"""Adaptive search: each point of a sweep is chosen by the results of those before (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.launchers import launcher_of
from experiments.space import Axis, Choice, Point, Range, read_axis, rounded
from experiments.sweeps import registry
from experiments.sweeps.cells import IN_HAND, Cell, cells_of
from experiments.sweeps.registry import Sweep
from experiments.sweeps.scores import objective, value_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LEAST = 4
"""Finished runs that have come as far, before a run can be called hopeless."""


def check() -> None:
    """Make sure that Optuna is installed; raises InputError if not."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise InputError("--method optuna: is not installed; pip install 'prusc-tui[search]'") from None


def is_over(sweep: Sweep, cells: Sequence[Cell]) -> bool:
    """Whether a search has drawn all its points and none of their runs is in hand."""
    return len(sweep.study.drawn) >= sweep.study.n and not any(c.state in IN_HAND for c in cells)


def advance(home: Home, sweep: Sweep, cells: Sequence[Cell], at_once: int) -> Sweep:
    """Draw as many points as there is room for, given that `at_once` of them are worked on at once.

    The sweep with the new points is kept in the home; the caller starts it. Raises InputError if it was deleted.
    """
    in_work = {repr(cell.task.point) for cell in cells if cell.state in (*IN_HAND, "missing")}
    wanted = min(at_once - len(in_work), sweep.study.n - len(sweep.study.drawn))
    points: list[Point] = []
    for _ in range(wanted):
        so_far = replace(sweep, study=replace(sweep.study, drawn=(*sweep.study.drawn, *points)))
        points.append(propose(so_far, cells_of(home, so_far), home))
    return registry.grow(home, sweep, drawn=points) if points else sweep


def propose(sweep: Sweep, cells: Sequence[Cell], home: Home) -> dict[str, Any]:
    """The next point: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011) on the objective so far.

    Points that are worked on count as poor ones, so that parallel runs spread (constant liar).
    """
    import optuna
    from optuna.trial import TrialState, create_trial

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    axes = {key: read_axis(key, text) for key, text in sweep.study.space.items()}
    spread = {key: _distribution(axis) for key, axis in axes.items()}
    # The seed counts the points, so a search that was interrupted goes on as it would have.
    sampler = optuna.samplers.TPESampler(seed=len(sweep.study.drawn), constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for point in sweep.study.drawn:
        value = _value(home, sweep, [cell for cell in cells if cell.task.point == point])
        params = {key: _as_param(axes[key], item) for key, item in point.items() if key in axes}
        if value is None:
            study.add_trial(create_trial(state=TrialState.RUNNING, params=params, distributions=spread))
        else:
            study.add_trial(create_trial(value=value, params=params, distributions=spread))
    trial = study.ask(spread)
    return {key: _read(axis, trial.params[key]) for key, axis in axes.items()}


def stop_hopeless(home: Home, sweep: Sweep, cells: Sequence[Cell]) -> Sweep:
    """Stop runs whose validation is below the median of those that came as far, and remember them as hopeless.

    Compared is the best value of the objective so far, at each look on validation of the stage that the run is in
    (median stopping rule; Golovin et al. 2017). A run is left alone until `LEAST` others have come as far.
    """
    done = [_looks(home, c, sweep.study.objective) for c in cells if c.state == "finished"]
    hopeless: list[str] = []
    for cell in cells:
        if cell.state != "running" or cell.run is None:
            continue
        looks = _looks(home, cell, sweep.study.objective)
        if not looks:
            continue
        stage, step = list(looks)[-1]
        best = max(value for (name, at), value in looks.items() if name == stage and at <= step)
        others = [
            fmean(values)
            for run in done
            if (stage, step) in run
            and (values := [value for (name, at), value in run.items() if name == stage and at <= step])
        ]
        if len(others) >= LEAST and best < median(others):
            folder = RunFolder.open(home, cell.run["id"])
            launcher_of(folder.record()).stop(folder)
            hopeless.append(cell.task.identity)
    return registry.grow(home, sweep, hopeless=hopeless) if hopeless else sweep


def _value(home: Home, sweep: Sweep, cells: Sequence[Cell]) -> float | None:
    """Mean objective of a point; None while a run of it is in hand; 0 if none of its runs has a result."""
    if any(cell.state in (*IN_HAND, "missing") for cell in cells):
        return None
    values = [
        value
        for cell in cells
        if cell.run and (value := objective(RunFolder(home, cell.run["id"]), sweep.study.objective)) is not None
    ]
    return fmean(values) if values else 0.0


def _looks(home: Home, cell: Cell, rule: str) -> Mapping[tuple[str, int], float]:
    """(stage, step) → value of a rule at the looks on validation of a run, in order."""
    from core.events import Evaluated
    from core.runs.stream import EventReader

    assert cell.run is not None
    found: dict[tuple[str, int], float] = {}
    for stamped in EventReader(RunFolder(home, cell.run["id"]).events).read():
        event = stamped.event
        if isinstance(event, Evaluated) and event.split == "validation" and event.step:
            found[event.stage, event.step] = value_of(rule, event.evaluation)
    return found


def _distribution(axis: Axis) -> "BaseDistribution":
    from optuna import distributions

    if isinstance(axis, Choice):
        return distributions.CategoricalDistribution(range(len(axis.values)))
    if axis.scale == "int":
        return distributions.IntDistribution(int(axis.low), int(axis.high))
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.scale == "log")


def _as_param(axis: Axis, value: Any) -> Any:
    return axis.values.index(value) if isinstance(axis, Choice) else value


def _read(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Choice):
        return axis.values[value]
    if isinstance(axis, Range) and axis.scale != "int":
        return min(axis.high, max(axis.low, rounded(value)))
    return value
