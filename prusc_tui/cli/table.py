"""`prusc table`: methods side by side, from finished runs, next to published numbers."""

from typing import Annotated, Literal

import typer

from core.errors import InputError
from core.runs.home import Home
from prusc_tui.cli.options import Best, Json, Test

Split = Literal["test", "train", "validation", "both"]
Measure = Literal["average", "worst", "both"]
Format = Literal["text", "markdown", "latex", "csv"]


def table(
    name: Annotated[
        str | None, typer.Argument(metavar="[TABLE]", help="Name of a table or a sweep; omit it to list all tables.")
    ] = None,
    split: Annotated[Split, typer.Option("--split", help="Split to report; 'both' is train and test.")] = "both",
    measure: Annotated[
        Measure, typer.Option("--measure", help="Average or worst-group accuracy; train has only the average.")
    ] = "both",
    where: Annotated[
        str, typer.Option("--where", metavar="QUERY", help="Only matching runs, such as 'seed=0 and tag:paper'.")
    ] = "",
    format: Annotated[
        Format, typer.Option("--format", help="Output format; CSV has a line per restart, split and penalty weight.")
    ] = "text",
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Add every run with intervals, times, sizes of groups, settings and missing runs: a page of results.",
        ),
    ] = False,
    best: Best = "worst-cell",
    test: Test = "t",
    json: Json = False,
) -> None:
    """Make a table from finished runs: methods × data, mean ± standard deviation over seeds or restarts."""
    from core.results.ranking import ranking_rule
    from experiments.sweeps import registry
    from experiments.tables.benchmark import benchmarks
    from prusc_tui.cli import table_shown

    ranking_rule(best)
    if full and (json or format == "csv"):
        raise InputError("--full: is for text, Markdown and LaTeX; CSV and JSON have every run anyway")
    if name is None:
        table_shown.show_list(json)
    elif name in benchmarks() or name in registry.names(Home.open(create=False)):
        from prusc_tui.cli.benchmark import print_benchmark

        print_benchmark(name, split, format, best, test, json=json, full=full)
    elif full:
        raise InputError(f"--full: table '{name}' does not have it; tables over seeds do, such as waterbirds")
    else:
        table_shown.show(name, split, measure, where, format, best, json)
