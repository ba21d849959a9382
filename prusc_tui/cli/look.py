"""`prusc look`: images of a group, most confident mistakes first, with class-activation maps of a run's networks."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.text import Text

from core.errors import InputError
from core.runs.lease import machine_leases
from prusc_tui.cli.options import Device, Json, Run
from prusc_tui.cli.references import find
from prusc_tui.palette import SHELL
from prusc_tui.words import console, print_json, print_lines, say

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

Graphics = Literal["auto", "kitty", "sixel", "blocks"]
WIDEST = 100
"""Columns of a list of groups."""


def look(
    reference: Run,
    group: Annotated[
        str | None, typer.Option("--group", metavar="NAME", help="A group of the test split (default: the worst).")
    ] = None,
    cell: Annotated[
        str | None,
        typer.Option("--cell", metavar="NAME|worst", help="A label in a pseudo-group, on the validation split."),
    ] = None,
    stages: Annotated[
        list[str] | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="Stage whose network is shown. Repeatable (default: the first and the last).",
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="STAGE", help="Stage whose mistakes come first (default: the first).")
    ] = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", metavar="N", min=1, max=10_000, help="Maximum number of images.")
    ] = 8,
    groups: Annotated[
        bool, typer.Option("--list", help="List the groups and cells, with the accuracy of each network.")
    ] = False,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE.png", help="Write the picture to a file.")] = None,
    graphics: Annotated[
        Graphics, typer.Option("--graphics", help="How to draw pictures (default: the best that the terminal can).")
    ] = "auto",
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Show images of a group with class-activation maps of the networks before and after."""
    from core.engine.devices import pick
    from core.explore.sheet import sheet
    from experiments import look as work
    from prusc_tui.pictures import print_pictures
    from prusc_tui.protocols import Terminal, ask
    from prusc_tui.report.look import MAPS, facts_of, looked, title_of

    if group is not None and cell is not None:
        raise InputError("--group: cannot be combined with --cell; leave one out")
    if to is not None and to.suffix.lower() != ".png":
        raise InputError(f"--to {to}: is not the name of a PNG file; it must end in .png")
    folder = find(reference)
    if groups:
        _list(folder, stages or (), json)
        return
    place = pick(device, machine_leases())
    found, file = work.look(folder, group=group, cell=cell, stages=stages or (), by=by, n=limit, device=place)
    heading = f"{title_of(found)}, {folder.record().name}"
    if to is not None:
        try:
            to.absolute().parent.mkdir(parents=True, exist_ok=True)
            sheet(found, heading, facts_of(found)).save(to)
        except OSError as error:
            raise InputError(f"--to {to}: cannot be written ({error.strerror})") from None
    if json:
        print_json(**found.to_json(), maps=str(file), picture=None if to is None else str(to))
        return
    if to is not None:
        say(f"{to}  {to.stat().st_size:,} bytes", MAPS)
        return
    out = console()
    terminal = ask() if graphics == "auto" and out.is_terminal and not out.no_color else Terminal()
    protocol = terminal.protocol if graphics == "auto" else graphics
    colour = protocol != "blocks" or out.color_system not in (None, "standard")
    lines = looked(found, out.width, SHELL, colour=colour)
    if protocol == "blocks":
        print_lines(out, lines)
    else:
        print_pictures(out, lines, protocol, terminal)


def _list(folder: "RunFolder", stages: Sequence[str], json: bool) -> None:
    """Print the groups of the test split and, if the run has pseudo-groups of the images, the cells of validation."""
    from experiments import look as work
    from prusc_tui.report.look import counted

    counts = work.count(folder, stages)
    if json:
        cells = counts.get("cell")
        print_json(groups=asdict(counts["group"]), cells=None if cells is None else asdict(cells))
        return
    out = console()
    for place, found in enumerate(counts.values()):
        print_lines(out, [*([Text("")] if place else []), *counted(found, min(out.width, WIDEST), SHELL)])
