"""The study: recipes × presets × points of a sweep × seeds, and the file that describes one (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.config import flatten
from core.errors import InputError, nearest
from core.rules import RULES
from experiments.space import Point, checked_values, drawn_points, grid_points, read_axis

Method = Literal["random", "sobol", "optuna"]
OBJECTIVES = tuple(name for name in RULES if name != "last")
"""Rules that can say which point of a sweep is best."""


@dataclass(frozen=True)
class Study:
    """Recipes × presets × points of a sweep × seeds.

    Attributes:
        name: as typed after `prusc run`.
        summary: one line.
        recipes: in the order of runs and of table rows; recipes whose stages others reuse come first. `RECIPE@FINDER`
            is a recipe with another finder.
        presets: data and values; all recipes run on the first preset, then on the next.
        settings: dotted key → value, applied to every preset.
        of: entry of `recipes` → further settings for its runs only; `recipe` there names the recipe of an entry that is
            a name of its own.
        table: name for `prusc table`; None if no table shows its runs.
        seeds: of the runs; each has its own draw of bundled data.
        against: entry that the table compares with every other one, seed by seed; empty for none.
        own_draws: whether each seed also has its own draw of bundled data.
        grid: dotted key → values; every combination is a point of the sweep.
        space: dotted key → range, such as `log:1e-4..1e-1`, from which further settings of a point are drawn.
        n: number of points drawn from the space, for each point of the grid.
        method: how they are drawn; `optuna` chooses each by the results of those before.
        drawn: points of a search so far, each chosen by the results of those before.
        objective: rule on the validation split that says which point is best (`core.rules`).
    """

    name: str
    summary: str
    recipes: tuple[str, ...]
    presets: tuple[str, ...]
    settings: Mapping[str, Any]
    of: Mapping[str, Mapping[str, Any]]
    table: str | None
    seeds: tuple[int, ...] = (0,)
    against: str = ""
    own_draws: bool = False
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    space: Mapping[str, str] = field(default_factory=dict)
    n: int = 0
    method: Method = "random"
    drawn: tuple[Point, ...] = ()
    objective: str = "worst-cell"

    @property
    def searches(self) -> bool:
        """Whether each point is chosen by the results of those before."""
        return bool(self.space) and self.method == "optuna"

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The points of the sweep, of a search those so far; one empty point if nothing varies."""
        drawn: Sequence[Point] = [{}]
        if self.method == "optuna":
            drawn = self.drawn if self.space else [{}]
        elif self.space:
            axes = {key: read_axis(key, text) for key, text in self.space.items()}
            drawn = drawn_points(axes, self.n, self.method, seed=0)
        return tuple({**point, **more} for point in grid_points(self.grid) for more in drawn)

    @property
    def size(self) -> int:
        """Number of its runs."""
        points = prod(map(len, self.grid.values())) * (self.n if self.space else 1)
        return points * len(self.recipes) * len(self.presets) * len(self.seeds)

    @property
    def is_sweep(self) -> bool:
        """Whether settings vary."""
        return bool(self.grid or self.space)

    def renamed(self, name: str) -> "Study":
        """The same study under another name."""
        return replace(self, name=name)

    def narrowed(self, only: str | None) -> "Study":
        """The study with the named recipes and presets only; with all of a kind if none of it is named.

        Raises InputError if it does not have one of them.
        """
        if only is None:
            return self
        words = [word.strip() for word in only.split(",")]
        known = [*self.recipes, *self.presets]
        for word in words:
            if word not in known:
                raise InputError(
                    f"--only {word}: study '{self.name}' has no such recipe or preset{nearest(word, known)}"
                )
        recipes = tuple(name for name in self.recipes if name in words)
        presets = tuple(name for name in self.presets if name in words)
        return replace(self, recipes=recipes or self.recipes, presets=presets or self.presets)

    def to_values(self) -> dict[str, Any]:
        """The content of its file: inverse of `read_study`."""
        values = {
            "summary": self.summary,
            "recipes": list(self.recipes),
            "presets": list(self.presets),
            "seeds": list(self.seeds),
            "own_draws": self.own_draws,
            "settings": dict(self.settings),
            "of": {entry: dict(settings) for entry, settings in self.of.items()},
            "table": self.table,
            "against": self.against,
            "grid": {key: list(values) for key, values in self.grid.items()},
            "random": dict(self.space),
            "n": self.n,
            "method": self.method,
            "drawn": [dict(point) for point in self.drawn],
            "objective": self.objective,
        }
        return {key: value for key, value in values.items() if value is not None}

    def short(self, preset: str) -> str:
        """Name of a preset without the prefix that all presets of the study share."""
        words = [name.split("-") for name in self.presets]
        shared = 0
        while len(words) > 1 and len({tuple(name[: shared + 1]) for name in words}) == 1:
            shared += 1
        return "-".join(preset.split("-")[shared:]) or preset


def read_study(name: str, values: Mapping[str, Any], source: str) -> Study:
    """Make a study of the content of its file.

    Raises:
        InputError: a key or value is unknown or does not fit; the message begins with `source`.
    """
    try:
        given = _StudyFile.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"{source}: unknown key '{key}'{nearest(key, list(_StudyFile.model_fields))}") from None
        raise InputError(f"{source}: {key}: {first['msg']}") from None
    grid = {key: checked_values(key, value) for key, value in flatten(given.grid)}
    space = {key: str(value) for key, value in flatten(given.random)}
    if given.objective not in OBJECTIVES:
        raise InputError(
            f"{source}: unknown objective '{given.objective}'{nearest(given.objective, list(OBJECTIVES))}; "
            f"choose from {', '.join(OBJECTIVES)}"
        )
    for key, text in space.items():
        read_axis(key, text)
        if key in grid:
            raise InputError(f"{source}: {key} is in [grid] and in [random]; leave one out")
    if grid and space and given.method == "optuna":
        raise InputError(f"{source}: a search has no grid; write choice:a,b in [random] for a list of values")
    if space and not given.n:
        raise InputError(f"{source}: n is missing: the number of points to draw from [random]")
    return Study(
        name=name,
        summary=given.summary or name,
        recipes=tuple(given.recipes),
        presets=tuple(given.presets),
        settings=dict(flatten(given.settings)),
        of={recipe: dict(flatten(settings)) for recipe, settings in given.of.items()},
        table=given.table,
        seeds=tuple(given.seeds),
        against=given.against,
        own_draws=len(given.seeds) > 1 if given.own_draws is None else given.own_draws,
        grid=grid,
        space=space,
        n=given.n,
        method=given.method,
        drawn=tuple(given.drawn),
        objective=given.objective,
    )


class _StudyFile(BaseModel):
    """The content of the file of a study, or of a sweep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: str = ""
    recipes: list[str] = Field(min_length=1)
    presets: list[str] = Field(min_length=1)
    seeds: list[Annotated[int, Field(ge=0)]] = Field([0], min_length=1)
    own_draws: bool | None = None
    settings: dict[str, Any] = {}
    of: dict[str, dict[str, Any]] = {}
    table: str | None = None
    against: str = ""
    grid: dict[str, Any] = {}
    random: dict[str, Any] = {}
    n: Annotated[int, Field(ge=0)] = 0
    method: Method = "random"
    drawn: list[dict[str, Any]] = []
    objective: str = "worst-cell"
