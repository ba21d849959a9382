"""The commands of `prusc`; heavy imports wait until a command runs."""

from typing import Annotated

import typer

from prusc_tui.cli import (
    bench,
    compare,
    data,
    eval,
    import_,
    look,
    machine,
    queue,
    recipes,
    report,
    run,
    runs,
    sparsity,
    sweep,
    table,
)
from prusc_tui.words import say

app = typer.Typer(
    name="prusc",
    help="Detect and remove spurious correlations in image classifiers, without group labels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from prusc_tui.version import full_version

        say(f"prusc-tui {full_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print version and commit.")
    ] = False,
) -> None:
    pass


WORK, LOG, ELSE = "Run", "Run log", "About"
COMMANDS = {
    WORK: (run.run, sweep.sweep, run.resume, runs.stop, run.watch, eval.eval_, look.look),
    LOG: (
        runs.ls,
        runs.show,
        compare.compare,
        table.table,
        sparsity.sparsity,
        report.report,
        runs.rm,
        runs.export,
        import_.import_,
    ),
    ELSE: (machine.doctor,),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(command.__name__.rstrip("_"), rich_help_panel=panel)(command)
app.add_typer(queue.app, name="queue", rich_help_panel=WORK)
app.add_typer(sweep.sweeps, name="sweeps", rich_help_panel=LOG)
app.add_typer(runs.index, name="index", rich_help_panel=LOG)
app.add_typer(recipes.app, name="recipes", rich_help_panel=ELSE)
app.add_typer(data.app, name="data", rich_help_panel=ELSE)
app.add_typer(bench.app, name="bench", rich_help_panel=ELSE)
