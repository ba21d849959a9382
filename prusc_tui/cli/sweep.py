"""`prusc sweep` and `prusc sweeps`: many runs that differ by settings and seeds."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import (
    Device,
    Fresh,
    GpuMemory,
    Gpus,
    Json,
    Launcher,
    Minutes,
    Profile,
    Threads,
    launcher_name,
)
from prusc_tui.words import console, print_json, print_lines

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.catalog import Method, Study
    from experiments.sweeps import Cell, Sweep

EVERY = 1.0  # seconds between two looks at a sweep

sweeps = typer.Typer(help="Sweeps that were started.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="SWEEP", help="Name of a sweep; see: prusc sweeps ls.")]


def sweep(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|PRESET|FILE.toml|SWEEP", help="What to run, the file of a sweep, or a sweep to go on with."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PRESET|NAME|FOLDER", help="Preset, data set or folder for a recipe."),
    ] = None,
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="KEY=V1,V2", help="Every one of these values. Repeatable.")
    ] = None,
    random: Annotated[
        list[str] | None,
        typer.Option(
            "--random", metavar="KEY=RANGE", help="Values from a range: 0..1, 1..10, log:1e-4..1e-1. Repeatable."
        ),
    ] = None,
    n: Annotated[int | None, typer.Option("--n", min=1, metavar="N", help="Number of points to draw.")] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="random|sobol|optuna", help="How points are drawn from the ranges.")
    ] = "random",
    objective: Annotated[
        str, typer.Option("--objective", metavar="RULE", help="Rule on validation that says which point is best.")
    ] = "worst-cell",
    seeds: Annotated[str | None, typer.Option("--seeds", metavar="0-4|0,2,5", help="Seeds of every point.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of all runs. Repeatable.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the sweep.")] = None,
    device: Device = "auto",
    launcher: Launcher = None,
    gpus: Gpus = None,
    gpu_memory: GpuMemory = None,
    threads: Threads = None,
    profile: Profile = None,
    minutes: Minutes = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", help="A label for the runs. Repeatable.")] = None,
    fresh: Fresh = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as the runs are queued.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start even more than 10,000 runs.")] = False,
    json: Json = False,
) -> None:
    """Run what is missing of a sweep: a recipe at every point of a grid or a range of settings, with every seed.

    The runs go into the queue of this machine, unless --launcher names another host. They share the stages that are
    equal. Ctrl-C leaves them at work; the same command, or its name, goes on with what is missing or failed.
    """
    from experiments import sweeps as known
    from experiments.resources import Resources

    home = Home.open(create=False)
    varies = bool(grid or random or seeds)
    if not varies and target in known.names(home):
        for option, value in {"--data": data, "--set": overrides, "--name": name, "--n": n}.items():
            if value:
                raise InputError(f"{option}: sweep '{target}' has its settings; leave it out, or start another sweep")
        chosen = known.get(home, target)
    else:
        study = study_of(target, data, grid or (), random or (), n, method, objective, seeds, overrides or ())
        chosen = sweep_of(home, study, name)
    resources = Resources(gpus=gpus, gpu_memory=gpu_memory, threads=threads, profile=profile, minutes=minutes)
    chosen = replace(
        chosen,
        launcher=launcher_name(launcher, default=chosen.launcher),
        device=device if device != "auto" else chosen.device,
        resources=resources if resources.asked else chosen.resources,
    )
    raise typer.Exit(run_sweep(home, chosen, tags=tags or (), fresh=fresh, detach=detach, yes=yes, json=json))


def run_sweep(
    home: Home,
    chosen: "Sweep",
    *,
    tags: Sequence[str] = (),
    fresh: bool = False,
    detach: bool = False,
    yes: bool = False,
    json: bool = False,
) -> int:
    """Start what is missing of a sweep and follow it to its end; return the exit code.

    0: nothing failed; 1: a run failed or was lost; 130: the user does not want to follow any longer. Raises
    InputError if a run is not possible; nothing is written.
    """
    from experiments import sweeps as known
    from experiments.launchers import launcher
    from prusc_tui import __version__
    from prusc_tui.cli.study import run_study

    number = chosen.study.size
    if number > known.MOST and not yes:
        raise InputError(f"the sweep has {number:,} runs, more than {known.MOST:,}; start it with --yes")
    host = launcher(chosen.launcher)
    if number > 1 and host.outlives and not host.queues:
        raise InputError(f"launcher '{host.name}' would start {number} runs at once; use --launcher queue")
    known.check_sweep(chosen)
    home = Home.open(home.root)
    known.keep(home, chosen)
    if not host.outlives:
        return run_study(chosen.study, (), None, None, device=chosen.device, tags=tags, fresh=fresh, json=json)
    before = known.start(home, chosen, tags=tags, version=__version__, fresh=fresh)
    if detach:
        if json:
            print_json(sweep=chosen.name, cells=len(before), **known.counts(known.cells(home, chosen)))
        else:
            _say_started(chosen, before)
        return 0
    return _follow(home, chosen, json)


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
    from experiments.catalog import get_study, read_study, study_names
    from experiments.space import read_axis, read_seeds, read_values
    from experiments.study import narrowed

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
    if seeds:
        study = replace(study, seeds=read_seeds(seeds))
    more = dict(flatten(parse_overrides(overrides)))
    study = narrowed(replace(study, settings={**study.settings, **more}), only)
    return read_study(study.name, study.to_values(), "sweep")  # checks what was put together


def sweep_of(home: Home, study: "Study", name: str | None = None, **how: Any) -> "Sweep":
    """The sweep that runs a study: under `name`, or under its own name or that with a number, if it is taken."""
    from experiments import sweeps as known

    return known.Sweep(study.renamed(name or known.free_name(home, study)), **how)


def _varied(
    target: str,
    data: str | None,
    grid: dict[str, tuple[object, ...]],
    space: dict[str, str],
    n: int | None,
    seeds: str | None,
) -> "Study":
    from experiments.catalog import Study, get_preset, preset_names
    from experiments.data_file import file_of
    from experiments.plan import make_plan
    from experiments.recipes import RECIPES, get_recipe

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

    from experiments.catalog import Method

    if text not in get_args(Method):
        raise InputError(f"--method {text}: unknown; choose random, sobol or optuna")
    return text  # type: ignore[return-value]


def _pair(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"{option} {text}: expected KEY=VALUES with a dotted key, such as prune.lr=0.05,0.1")
    return key.strip(), value.strip()


@sweeps.command("ls")
def ls(json: Json = False) -> None:
    """List the sweeps, newest first."""
    from experiments import sweeps as known

    home = Home.open(create=False)
    found = [known.get(home, name) for name in known.names(home)]
    states = {one.name: known.counts(known.cells(home, one)) for one in found}
    if json:
        print_json(sweeps=[{"name": one.name, "launcher": one.launcher, **states[one.name]} for one in found])
        return
    if not found:
        typer.echo("no sweeps yet; start one with: prusc sweep demo --grid prune.lr=0.05,0.1 --seeds 0-1")
    for one in found:
        words = ", ".join(f"{count} {state}" for state, count in states[one.name].items())
        typer.echo(f"{one.name}  {words}  ({one.study.summary})")


@sweeps.command("show")
def show(name: Name, json: Json = False) -> None:
    """Show the state of every run of a sweep, and its points, best first by its objective on validation."""
    from experiments import sweeps as known

    home = Home.open(create=False)
    chosen = known.get(home, name)
    cells = known.cells(home, chosen)
    scores = known.scores(home, chosen, cells)
    if json:
        runs = [
            {"state": cell.state, "seed": cell.task.plan.config.seed, "point": dict(cell.task.point)}
            | {"recipe": cell.task.recipe, "preset": cell.task.preset, "id": cell.run["id"] if cell.run else None}
            for cell in cells
        ]
        best = [{"point": dict(score.point), "value": score.value, "n": score.n} for score in scores]
        print_json(name=name, objective=chosen.study.objective, runs=runs, points=best)
        return
    from prusc_tui.report.sweep import lines

    out = console()
    print_lines(out, lines(chosen, cells, scores, out.width))


@sweeps.command("stop")
def stop(name: Name) -> None:
    """Stop every run of a sweep with a checkpoint; prusc sweep SWEEP goes on with it."""
    from experiments import sweeps as known

    home = Home.open(create=False)
    number = known.stop(home, known.get(home, name))
    typer.echo(f"{number} run{'s' * (number != 1)} asked to stop; go on with: prusc sweep {name}")


@sweeps.command("rm")
def rm(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False
) -> None:
    """Delete a sweep with the runs that it made."""
    from experiments import sweeps as known

    home = Home.open(create=False)
    chosen = known.get(home, name)
    if not yes and not typer.confirm(f"Delete sweep {name} and its runs?"):
        raise typer.Exit(1)
    typer.echo(f"deleted {name} and {known.delete(home, chosen)} runs")


def _say_started(chosen: "Sweep", before: Sequence[object]) -> None:
    typer.echo(
        f"{chosen.name}: {len(before)} runs, the missing ones started by launcher {chosen.launcher}. "
        f"See them with: prusc sweeps show {chosen.name}"
    )


def _follow(home: Home, chosen: "Sweep", json: bool) -> int:
    """Show a sweep until no run of it is in hand."""
    from experiments import sweeps as known
    from prusc_tui.report.sweep import lines

    out = console(stderr=json)
    try:
        cells = _watch(home, chosen, out)
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\nthe runs go on. See them with: prusc sweeps show {chosen.name}; "
            f"stop them with: prusc sweeps stop {chosen.name}\n"
        )
        return 130
    states = known.counts(cells)
    if json:
        print_json(sweep=chosen.name, cells=len(cells), **states)
    else:
        print_lines(out, lines(chosen, cells, known.scores(home, chosen, cells), out.width))
    return 1 if states.get("failed") or states.get("lost") else 0


def _watch(home: Home, chosen: "Sweep", out: "Console") -> "list[Cell]":
    from experiments import sweeps as known
    from prusc_tui.cli.live import LivePicture
    from prusc_tui.report.sweep import change, lines

    def over(cells: "list[Cell]") -> bool:
        return not any(cell.state in ("running", "waiting") for cell in cells)

    cells = known.cells(home, chosen)
    if out.is_terminal:
        with LivePicture(out) as picture:
            while not over(cells):
                picture.show(lines(chosen, cells, known.scores(home, chosen, cells), *picture.room))
                time.sleep(EVERY)
                cells = known.cells(home, chosen)
        return cells
    states: dict[str, str] = {}
    while True:
        for cell in cells:
            if states.get(cell.task.identity) != cell.state:
                states[cell.task.identity] = cell.state
                with suppress(BrokenPipeError):
                    out.file.write(change(cell) + "\n")
        out.file.flush()
        if over(cells):
            return cells
        time.sleep(EVERY)
        cells = known.cells(home, chosen)
