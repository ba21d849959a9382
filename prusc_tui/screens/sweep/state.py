"""What the screens of sweeps show, read from the sweeps of a home and the index of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.errors import InputError
from core.runs.disk import Signature, settled, signature
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.sweeps import registry, scores
from experiments.sweeps.cells import cells_of, counts

if TYPE_CHECKING:
    from experiments.sweeps.cells import Cell
    from experiments.sweeps.registry import Sweep
    from experiments.sweeps.scores import Score

READ_AGAIN = 5
"""Looks after which the runs are read again even if the index is unchanged, as processes may have ended."""


@dataclass(frozen=True, slots=True)
class Row:
    """A point of a sweep.

    Attributes:
        name: the point in words.
        axes: what varies → its value here; recipe and preset among them if the sweep has several.
        cells: its runs, one for each seed.
        values: of the rule on validation, for each run; None for one without it.
        mean: of those that are known; None without any.
    """

    name: str
    axes: Mapping[str, object]
    cells: "tuple[Cell, ...]"
    values: tuple[float | None, ...]
    mean: float | None = None

    @property
    def n(self) -> int:
        """Number of known values."""
        return sum(value is not None for value in self.values)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A sweep at a moment.

    Attributes:
        rows: in the order of the sweep.
        best: the same, those with a value first, the best of them at the top.
        counts: number of runs in each state.
        rule: by which points are compared, on validation.
    """

    sweep: "Sweep"
    rows: tuple[Row, ...]
    best: tuple[Row, ...]
    counts: Mapping[str, int]
    rule: str


class Looker:
    """Reads a sweep repeatedly, on one thread.

    Args:
        home: with the sweep.
        name: of the sweep.
    """

    rule: str | None = None
    """By which points are compared; None for the objective of the sweep."""

    def __init__(self, home: Home, name: str) -> None:
        self._home = home
        self._name = name
        self._sweep: Sweep | None = None
        self._read = 0
        self._seen: tuple[object, ...] = ()
        self._index: tuple[Signature | None, str | None] | None = None
        self._state: State | None = None
        self._values: dict[tuple[str, str], float | None] = {}

    def look(self) -> State:
        """Read again; the same object if nothing changed. Raises InputError if the sweep cannot be read."""
        if self._sweep is None:
            self._sweep = registry.get(self._home, self._name)
        index = signature(self._home.index)
        known = self._state
        self._read += 1
        if known is not None and (index, self.rule) == self._index and self._read % READ_AGAIN:
            return known
        self._index = (index, self.rule) if index is None or settled(index) else None
        rule = self.rule or self._sweep.study.objective
        cells = cells_of(self._home, self._sweep)
        ruled = replace(self._sweep, study=replace(self._sweep.study, objective=rule))
        best = scores.ranked(self._home, ruled, cells, self._value)
        seen = rule, [(cell.state, cell.run and (cell.run["id"], cell.run["reason"])) for cell in cells], best
        if known is None or seen != self._seen:
            self._seen = seen
            known = self._state = self._put_together(cells, best, rule)
        return known

    def _put_together(self, cells: "Sequence[Cell]", scores: "Sequence[Score]", rule: str) -> State:
        assert self._sweep is not None
        means = {score.task.key: score.value for score in scores}
        groups: dict[tuple[str, str, str], list[Cell]] = {}
        for cell in cells:
            groups.setdefault(cell.task.key, []).append(cell)
        rows = {key: self._row(members, means.get(key), rule) for key, members in groups.items()}
        best = [rows[score.task.key] for score in scores] + [row for key, row in rows.items() if key not in means]
        return State(self._sweep, tuple(rows.values()), tuple(best), counts(cells), rule)

    def _row(self, cells: "Sequence[Cell]", mean: float | None, rule: str) -> Row:
        from prusc_tui.report.sweep import name_of

        assert self._sweep is not None
        study, task = self._sweep.study, cells[0].task
        axes: dict[str, object] = {"recipe": task.recipe} if len(study.recipes) > 1 else {}
        axes |= {"data": study.short(task.preset)} if len(study.presets) > 1 else {}
        values = tuple(
            self._value(RunFolder(self._home, cell.run["id"]), rule)
            if cell.run is not None and cell.state == "finished"
            else None
            for cell in cells
        )
        return Row(name_of(self._sweep, cells[0]), axes | dict(task.point), tuple(cells), values, mean)

    def _value(self, folder: RunFolder, rule: str) -> float | None:
        """Value of a rule for a finished run, whose record does not change."""
        if (folder.id, rule) not in self._values:
            self._values[folder.id, rule] = scores.objective(folder, rule)
        return self._values[folder.id, rule]


@dataclass(frozen=True, slots=True)
class Summary:
    """A sweep in the list.

    Attributes:
        name: of the sweep.
        about: what it runs, or why it cannot be read.
        counts: number of runs in each state; None if it cannot be read.
    """

    name: str
    about: str
    counts: Mapping[str, int] | None


class ListLooker:
    """Reads all sweeps of a home repeatedly, on one thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, Sweep] = {}
        self._read = 0
        self._index: tuple[Signature | None, list[str]] | None = None
        self._found: tuple[Summary, ...] | None = None

    def look(self) -> tuple[Summary, ...]:
        """Read again; the same object if nothing changed."""
        names, index = registry.names(self._home), signature(self._home.index)
        found = self._found
        self._read += 1
        if found is not None and (index, names) == self._index and self._read % READ_AGAIN:
            return found
        self._index = (index, names) if index is None or settled(index) else None
        now = tuple(self._summary(name) for name in names)
        if found is None or now != found:
            found = self._found = now
        return found

    def _summary(self, name: str) -> Summary:
        try:
            if name not in self._known:
                self._known[name] = registry.get(self._home, name)
            sweep = self._known[name]
            return Summary(name, sweep.study.summary, counts(cells_of(self._home, sweep)))
        except InputError as error:
            self._known.pop(name, None)
            return Summary(name, str(error), None)
