"""`prusc sweep` and `prusc sweeps`: many runs that differ by settings and seeds."""

from dataclasses import replace
from typing import Annotated

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import (
    DataRoot,
    Device,
    Fresh,
    GpuMemory,
    Gpus,
    Json,
    Launcher,
    Log,
    Minutes,
    Notify,
    Profile,
    Threads,
    Weights,
    launcher_name,
    option_aliases,
)
from prusc_tui.words import confirmed, console, print_json, print_lines, say

sweeps = typer.Typer(help="The sweeps of this home.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="SWEEP", help="Name of a sweep; see: prusc sweeps ls.")]


def sweep(
    target: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|PRESET|FILE.toml|SWEEP", help="What to run, the file of a sweep, or a sweep to continue."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="PRESET|NAME|FOLDER", help="Preset, data set or folder for a recipe."),
    ] = None,
    data_root: DataRoot = None,
    weights: Weights = None,
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
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the sweep.")] = None,
    device: Device = "auto",
    launcher: Launcher = None,
    gpus: Gpus = None,
    gpu_memory: GpuMemory = None,
    threads: Threads = None,
    profile: Profile = None,
    minutes: Minutes = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="A label for the runs. Repeatable.")
    ] = None,
    log: Log = None,
    notify: Notify = False,
    fresh: Fresh = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as the runs are queued.")] = False,
    stop_hopeless: Annotated[
        bool, typer.Option("--stop-hopeless", help="Stop runs that are worse on validation than the median.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start even more than 10,000 runs.")] = False,
    json: Json = False,
) -> None:
    """Run a sweep, or its missing runs: a recipe at every point of a grid or range of settings, with every seed.

    The runs go into the queue of this machine, unless --launcher names another host, and share equal stages.

    Ctrl-C does not stop them. The same command, or prusc sweep NAME, continues with the missing and failed runs.
    """
    from experiments.resources import Resources
    from experiments.sweeps import registry
    from prusc_tui.cli.sweep_live import run_sweep
    from prusc_tui.cli.sweep_options import study_of, sweep_of

    home = Home.open(create=False)
    varies = bool(grid or random or seeds)
    if not varies and target in registry.names(home):
        given = {"--data": data, "--data-root": data_root, "--weights": weights, "--set": overrides}
        for option, value in {**given, "--name": name, "--n": n}.items():
            if value:
                raise InputError(f"{option}: sweep '{target}' has its settings; leave it out, or start another sweep")
        chosen = registry.get(home, target)
    else:
        settings = [*(overrides or ()), *(alias.override for alias in option_aliases(data_root, weights))]
        study = study_of(target, data, grid or (), random or (), n, method, objective, seeds, settings)
        chosen = sweep_of(home, study, name)
    resources = Resources(gpus=gpus, gpu_memory=gpu_memory, threads=threads, profile=profile, minutes=minutes)
    chosen = replace(
        chosen,
        launcher=launcher_name(launcher, default=chosen.launcher),
        device=device if device != "auto" else chosen.device,
        resources=resources if resources.asked else chosen.resources,
        log=tuple(log) if log else chosen.log,
    )
    code = run_sweep(
        home,
        chosen,
        tags=tags or (),
        fresh=fresh,
        detach=detach,
        hopeless=stop_hopeless,
        yes=yes,
        notify=notify,
        json=json,
    )
    raise typer.Exit(code)


@sweeps.command("ls")
def ls(json: Json = False) -> None:
    """List the sweeps, newest first."""
    from experiments.sweeps import registry
    from experiments.sweeps.cells import cells_of, counts

    home = Home.open(create=False)
    found = [registry.get(home, name) for name in registry.names(home)]
    states = {one.name: counts(cells_of(home, one)) for one in found}
    if json:
        print_json(sweeps=[{"name": one.name, "launcher": one.launcher, **states[one.name]} for one in found])
        return
    if not found:
        say("no sweeps yet; start one with: prusc sweep demo --grid prune.lr=0.05,0.1 --seeds 0-1")
    for one in found:
        words = ", ".join(f"{count} {state}" for state, count in states[one.name].items())
        say(f"{one.name}  {words}  ({one.study.summary})")


@sweeps.command("show")
def show(name: Name, json: Json = False) -> None:
    """Show the state of every run of a sweep, and its points, best first by its objective on validation."""
    from experiments.sweeps import registry
    from experiments.sweeps.cells import cells_of
    from experiments.sweeps.scores import ranked

    home = Home.open(create=False)
    chosen = registry.get(home, name)
    cells = cells_of(home, chosen)
    scores = ranked(home, chosen, cells)
    if json:
        runs = [
            {"state": cell.state, "seed": cell.task.plan.config.seed, "point": dict(cell.task.point)}
            | {"recipe": cell.task.recipe, "preset": cell.task.preset, "id": cell.run["id"] if cell.run else None}
            for cell in cells
        ]
        best = [{"point": dict(score.task.point), "value": score.value, "n": score.n} for score in scores]
        print_json(name=name, objective=chosen.study.objective, runs=runs, points=best)
        return
    from prusc_tui.report.sweep import lines

    out = console()
    print_lines(out, lines(chosen, cells, scores, out.width))


@sweeps.command("stop")
def stop(name: Name) -> None:
    """Stop every run of a sweep with a checkpoint; prusc sweep SWEEP continues it."""
    from experiments.sweeps import control, registry

    home = Home.open(create=False)
    number = control.stop(home, registry.get(home, name))
    say(f"{number} run{'s' * (number != 1)} asked to stop; continue with: prusc sweep {name}")


@sweeps.command("rm")
def rm(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False
) -> None:
    """Delete a sweep with the runs that it made."""
    from experiments.sweeps import control, registry

    home = Home.open(create=False)
    chosen = registry.get(home, name)
    if not yes and not confirmed(f"Delete sweep {name} and its runs?"):
        raise typer.Exit(1)
    say(f"deleted {name} and {control.delete(home, chosen)} runs")
