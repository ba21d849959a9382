"""The study that the options of `prusc sweep` and `prusc run --seeds` describe."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs.home import Home

if TYPE_CHECKING:
    from experiments.study import Method, Study
    from experiments.sweeps.registry import Sweep


def study_of(
    target: str,
    data: str | None = None,
    grid: Sequence[str] = (),
    random: Sequence[str] = (),
    n: int | None = None,
    method: str = "random",
    objective: str = "worst-cell",
    seeds: str | None = None,
    overrides: Sequence[str] = (),
    only: str | None = None,
) -> "Study":
    """The study that the options describe, under the name of its target and of what varies.

    Raises InputError if an option does not fit the target or the others.
    """
    from core.config import flatten
    from core.overrides import parse_overrides, read_toml
    from experiments.catalog import get_study, study_names
    from experiments.space import read_axis, read_seeds, read_values
    from experiments.study import read_study
    from experiments.sweeps import search

    path = Path(target)
    if target in study_names() or (path.suffix == ".toml" and path.is_file()):
        for option, value in {"--data": data, "--grid": grid, "--random": random}.items():
            if value:
                raise InputError(f"{option}: {target} says what varies; leave it out")
        known = target in study_names()
        study = get_study(target) if known else read_study(path.stem, read_toml(path), target)
    else:
        study = _varied(
            target,
            data,
            {key: read_values(key, text) for key, text in (_pair("--grid", text) for text in grid)},
            {key: str(read_axis(key, text)) for key, text in (_pair("--random", text) for text in random)},
            n,
            seeds,
        )
        study = replace(study, method=_method(method), objective=objective)
        if study.searches:
            search.check()
    if seeds:
        study = replace(study, seeds=read_seeds(seeds))
    more = dict(flatten(parse_overrides(overrides)))
    study = replace(study, settings={**study.settings, **more}).narrowed(only)
    return read_study(study.name, study.to_values(), "sweep")  # checks what was put together


def sweep_of(home: Home, study: "Study", name: str | None = None, **how: Any) -> "Sweep":
    """The sweep that runs a study: under `name`, or under its own name or that with a number, if it is taken."""
    from experiments.sweeps.registry import Sweep, free_name

    return Sweep(study.renamed(name or free_name(home, study)), **how)


def _varied(
    target: str,
    data: str | None,
    grid: dict[str, tuple[object, ...]],
    space: dict[str, str],
    n: int | None,
    seeds: str | None,
) -> "Study":
    from experiments.catalog import get_preset, preset_names
    from experiments.data.settings_file import file_of
    from experiments.plan import make_plan
    from experiments.recipes import RECIPES, get_recipe
    from experiments.study import Study

    make_plan(target, data=data)  # refuses what does not exist
    if both := set(grid) & set(space):
        raise InputError(f"{both.pop()}: is in --grid and in --random; leave one out")
    if not grid and not space and not seeds:
        raise InputError(f"nothing varies: give --grid, --random or --seeds, or run it once: prusc run {target}")
    if space and n is None:
        raise InputError("--random needs --n: the number of points to draw")
    if n is not None and not space:
        raise InputError("--n is for --random; leave it out")
    if target in RECIPES:
        recipe, preset = target, data or get_recipe(target).preset
    else:
        assert target in preset_names() or file_of(target) is not None
        recipe, preset = get_preset(target).settings["recipe"], target
    words = [key.rpartition(".")[2] for key in (*grid, *space)] or ["seeds"]
    name = "-".join([Path(target).name, *words])
    return Study(
        name, f"{target}: {', '.join([*grid, *space]) or 'seeds'}", (recipe,), (preset,), {}, {}, None,
        own_draws=False, grid=grid, space=space, n=n or 0,
    )  # fmt: skip


def _method(text: str) -> "Method":
    from typing import get_args

    from experiments.study import Method

    if text not in get_args(Method):
        raise InputError(f"--method {text}: unknown; choose random, sobol or optuna")
    return text  # type: ignore[return-value]


def _pair(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{option} {text}: expected KEY=VALUES with a dotted key, such as prune.lr=0.05,0.1")
    return key.strip(), value.strip()
