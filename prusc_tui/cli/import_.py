"""`prusc import`: runs from another machine or another folder."""

from typing import Annotated

import typer

from core.runs.home import Home
from prusc_tui.cli.options import Json
from prusc_tui.words import print_json, say

DONE = {"import": "imported", "update": "updated", "same": "already here"}
PLANNED = {"import": "would import", "update": "would update", "same": "already here"}


def import_(
    source: Annotated[
        str,
        typer.Argument(metavar="FOLDER|HOST:FOLDER", help="Home or run on this machine, or on another one (rsync)."),
    ],
    where: Annotated[
        str, typer.Option("--where", metavar="QUERY", help="Only matching runs, such as 'recipe=prusc and wga>0.8'.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,
    json: Json = False,
) -> None:
    """Bring runs from another machine or folder into the run log, under their ids; exit code 1 on a conflict."""
    from experiments.arrivals import counted, import_runs

    arrivals = import_runs(Home.open(create=False), source, where, dry_run=dry_run)
    if json:
        print_json(dry_run=dry_run, runs=[arrival.to_json() for arrival in arrivals])
    else:
        words = PLANNED if dry_run else DONE
        for arrival in arrivals:
            why = f": {arrival.why}" if arrival.why else ""
            name = " ".join(filter(None, (arrival.name, arrival.id)))
            say(f"{words.get(arrival.deed, arrival.deed)}  {name}{why}")
        say(counted(arrivals) + (" (nothing was written)" if dry_run else ""))
    raise typer.Exit(any(arrival.deed == "conflict" for arrival in arrivals))
