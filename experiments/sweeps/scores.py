"""The points of a sweep under its objective, a rule on the validation split (no torch)."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean

from core.errors import InputError
from core.groups import Evaluation
from core.rules import RULES
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.sweeps.cells import Cell
from experiments.sweeps.registry import Sweep
from experiments.tasks import Task


@dataclass(frozen=True)
class Score:
    """A point of a sweep under its objective: the mean over its finished runs.

    Attributes:
        task: one of its planned runs.
        value: mean of the objective on the validation split; in [0, 1].
        n: number of runs.
        of: number of planned runs.
    """

    task: Task
    value: float
    n: int
    of: int


def value_of(rule: str, evaluation: Evaluation) -> float:
    """Value of a rule; for `worst-cell`, that of the worst class where a recipe has no pseudo-groups."""
    known = RULES[rule].value(evaluation)
    return evaluation.worst_class_accuracy if known is None else known


def objective(folder: RunFolder, rule: str) -> float | None:
    """Value of a rule on the final evaluation of a run on validation; None without it."""
    with suppress(InputError):
        value = folder.record().final_evaluation("validation")
        if value is not None:
            return value_of(rule, Evaluation.from_json("validation", value))
    return None


def ranked(
    home: Home, sweep: Sweep, found: Sequence[Cell], read: Callable[[RunFolder, str], float | None] = objective
) -> list[Score]:
    """Points with a finished run, best first by the objective of the sweep, which looks at validation only.

    `read` may remember the values of runs.
    """
    groups: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for cell in found:
        groups.setdefault(cell.task.key, {})[cell.task.identity] = cell  # a search may draw a point twice
    out = []
    for members in (list(group.values()) for group in groups.values()):
        ids = [str(cell.run["id"]) for cell in members if cell.run is not None and cell.state == "finished"]
        folders = [RunFolder(home, id) for id in ids]
        values = [value for folder in folders if (value := read(folder, sweep.study.objective)) is not None]
        if values:
            out.append(Score(members[0].task, fmean(values), len(values), len(members)))
    return sorted(out, key=lambda score: -score.value)
