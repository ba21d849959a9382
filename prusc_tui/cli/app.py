"""The commands of `prusc`; heavy imports wait until a command runs."""

from typing import Annotated

import typer

from prusc_tui import __version__
from prusc_tui.cli import compare, data, eval, export, machine, recipes, run, runs, sparsity, table

app = typer.Typer(
    name="prusc",
    help="Detect and remove spurious correlations in image classifiers, without group labels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"prusc-tui {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


WORK, LOG, ELSE = "Run", "Run log", "About"
app.command(rich_help_panel=WORK)(run.run)
app.command(rich_help_panel=WORK)(run.resume)
app.command(rich_help_panel=WORK)(runs.stop)
app.command(rich_help_panel=WORK)(run.watch)
app.command("eval", rich_help_panel=WORK)(eval.eval_)
app.command(rich_help_panel=LOG)(runs.ls)
app.command(rich_help_panel=LOG)(runs.show)
app.command(rich_help_panel=LOG)(compare.compare)
app.command(rich_help_panel=LOG)(table.table)
app.command(rich_help_panel=LOG)(sparsity.sparsity)
app.command(rich_help_panel=LOG)(runs.rm)
app.command(rich_help_panel=LOG)(export.export)
app.add_typer(runs.index, name="index", rich_help_panel=LOG)
app.add_typer(recipes.app, name="recipes", rich_help_panel=ELSE)
app.add_typer(data.app, name="data", rich_help_panel=ELSE)
app.command(rich_help_panel=ELSE)(machine.doctor)
