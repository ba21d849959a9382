"""`prusc sparsity`: worst group and average against the share of weights kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Device
from prusc_tui.cli.references import find
from prusc_tui.words import console, print_csv, print_json, print_lines, say

if TYPE_CHECKING:
    from core.results.sparsity import Measured
    from core.runs.folder import RunFolder

Split = Literal["test", "validation"]
RECIPE = "sparse"


def sparsity(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="RUN...|PRESET", help="Runs of recipe sparse, one per seed; or data to run it on."),
    ],
    split: Annotated[Split, typer.Option("--split", help="Split to report.")] = "test",
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the new run, such as sparse.shares=[0.1,0.02]."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed of the new run.")] = None,
    device: Device = "auto",
    csv: Annotated[bool, typer.Option("--csv", help="Print a line per run, point and split.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show worst-group accuracy against the share of weights kept, for several ways of pruning."""
    from core.results.sparsity import curves_of, rows
    from prusc_tui.palette import SHELL
    from prusc_tui.report import sparsity as report

    if json and csv:
        raise InputError("--csv: cannot be combined with --json; leave one out")
    if folder := _made(targets, overrides or (), seed, device):
        measured = [_measured(folder)]
    elif overrides or seed is not None:
        raise InputError(f"{'--set' if overrides else '--seed'}: '{targets[0]}' is not a preset or data set to run")
    else:
        measured = [_measured(find(target)) for target in targets]
    found = curves_of(measured, split)
    assert found is not None  # as every run has points
    if json:
        print_json(**found.to_json())
    elif csv:
        print_csv(list(rows(measured)))
    else:
        out = console()
        print_lines(out, report.sparsity(found, out.width, SHELL))


def _made(targets: Sequence[str], overrides: Sequence[str], seed: int | None, device: str) -> "RunFolder | None":
    """Run the recipe on a preset or data set, live on standard error; None if the targets are runs."""
    from experiments import actions
    from experiments.catalog import data_names, preset_names
    from experiments.order import Order
    from prusc_tui import __version__
    from prusc_tui.cli.host import follow, stop_on_signals

    named = [target for target in targets if target in preset_names() or target in data_names()]
    if not named:
        return None
    if len(targets) > 1:
        raise InputError(f"'{named[0]}' is a preset or data set, which is run alone; leave out the other names")
    order = Order(target=RECIPE, data=named[0], overrides=tuple(overrides), seed=seed, device=device, launcher="local")
    with stop_on_signals() as stopper:
        folder = actions.start(Home.open(create=False), order, __version__)
        job = follow(folder, console(stderr=True), stopper)
    if job.error is not None:
        raise job.error
    if job.status != "finished":
        say(f"{job.status}; everything so far is kept. Resume with: prusc resume {folder.id}", aside=True)
        raise typer.Exit(130 if job.status == "stopped" else 1)
    return folder


def _measured(folder: "RunFolder") -> "Measured":
    from core.feed.feed import RunFeed
    from core.results.sparsity import points_of

    snapshot = RunFeed(folder).poll()
    points = points_of(snapshot.outcomes)
    if not points:
        raise InputError(
            f"run '{snapshot.record.name}' has no points of a sparsity curve; make them with: prusc sparsity PRESET"
        )
    return snapshot.record, points
