"""`prusc bench`: the figures of speed that `make bench` has written."""

from pathlib import Path
from typing import Annotated

import typer

from prusc_tui.cli.options import Json
from prusc_tui.words import console, print_json

app = typer.Typer(help="Figures of speed and memory, as 'make bench' measures them.", no_args_is_help=True)


@app.callback()
def _bench() -> None:
    pass


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="A.json", help="File of 'make bench'.", show_default=False)],
    after: Annotated[Path, typer.Argument(metavar="B.json", help="A later file of it.", show_default=False)],
    json: Json = False,
) -> None:
    """Show how the figures of two files differ, and whether by more than their spread."""
    from rich.text import Text

    from experiments.speed import Measured, changes
    from prusc_tui.tables.speed import compared, rows
    from prusc_tui.tables.text import parts, printed

    old, new = Measured.read(before), Measured.read(after)
    found = list(changes(old, new))
    if json:
        print_json(figures=rows(found))
        return
    out = console()
    grid = compared(old, new, found)
    out.print(Text(grid.about))
    for part in parts(grid, out.width):
        out.print()
        out.print(printed(part))
    for note in grid.notes:
        out.print(Text(note, "dim"))
