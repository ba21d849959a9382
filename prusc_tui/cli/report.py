"""`prusc report`: runs as one HTML file, and their figures for a paper."""

import time
from pathlib import Path
from typing import Annotated

import typer

from core.errors import InputError
from prusc_tui.cli.options import Json
from prusc_tui.cli.references import find_all
from prusc_tui.words import print_json, say


def report(
    references: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Ids, unique prefixes, names, last, or sweeps.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE.html", help="The page; an existing file is replaced.")
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Include sample images of the data, which are left out otherwise.")
    ] = False,
    figures: Annotated[
        Path | None, typer.Option("--figures", metavar="FOLDER", help="Also write every figure as SVG and PNG.")
    ] = None,
    json: Json = False,
) -> None:
    """Write runs as one self-contained HTML file: results, pseudo-groups, masks, curves, settings, commands."""
    from core.feed.reused import whole
    from core.runs.disk import write_whole
    from prusc_tui.html import plots
    from prusc_tui.html.report import page
    from prusc_tui.html.samples import sample_images

    if to is None and figures is None:
        raise InputError("report needs --to FILE.html for the page, or --figures FOLDER for its figures")
    if to is not None and to.is_dir():
        raise InputError(f"--to {to}: is a folder; name a file in it, such as {to / 'report.html'}")
    if figures is not None:
        plots.need_matplotlib()
    folders = {folder.id: folder for folder in find_all(references)}
    snapshots = {id: whole(folder) for id, folder in folders.items()}
    samples = {}
    for id, snapshot in snapshots.items() if images else ():
        found = snapshot.pseudo_groups
        samples[id] = sample_images(folders[id], found.titles if found else ())
    text, drawn = page(list(snapshots.values()), samples, time.time())
    written: list[Path] = []
    if to is not None:
        try:
            to.absolute().parent.mkdir(parents=True, exist_ok=True)
            write_whole(to, text.encode())
        except OSError as error:
            raise InputError(f"--to {to}: cannot be written ({error.strerror})") from None
        written.append(to)
    if figures is not None:
        try:
            written += plots.save(drawn, figures)
        except OSError as error:
            raise InputError(f"--figures {figures}: cannot be written ({error.strerror})") from None
    if json:
        print_json(files=[str(path) for path in written])
        return
    for path in written:
        say(f"{path}  {path.stat().st_size:,} bytes")
