"""`prusc data get`: download a published data set and check its sizes."""

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from core.data.settings import Photos
from core.data.watch import Watch
from core.errors import InputError, Stopped
from core.paths import expanded
from core.words import size_of
from experiments.data.downloads import SPECIAL, get_archive
from experiments.data.sets import published, resolve
from prusc_tui.cli.data_shown import Ticker
from prusc_tui.cli.host import stop_on_signals
from prusc_tui.words import print_json, say

if TYPE_CHECKING:
    from core.config import DataSettings
    from experiments.data.downloads import Fetched

INTERRUPTED = 130


def run(name: str, data_root: str | None, json: bool) -> None:
    """Run `prusc data get`."""
    settings = _into(resolve(name, source="prusc data get"), data_root)
    fetched = _get_archive(settings) if settings.archive else _get_specially(settings)
    if json:
        _print_json(settings.name, fetched)
    else:
        _print_lines(settings.name, fetched)
    if any(size.found != size.published for size in fetched.sizes()):
        raise typer.Exit(1)


def _into(settings: "DataSettings", data_root: str | None) -> "Photos":
    """The settings with the folder to download to.

    Raises:
        InputError: there is nothing to download, or no folder to download it to.
    """
    if not isinstance(settings, Photos):
        raise InputError(f"'{settings.name}' is {settings.origin}; there is nothing to download")
    if not settings.archive and settings.name not in SPECIAL:
        alone = f"is not published as a single archive; collect images and table yourself: {settings.layout}"
        raise InputError(f"'{settings.name}' {settings.nothing_to_get or alone}")
    if data_root is None:
        raise InputError(f"prusc data get {settings.name}: choose the folder to download to with --data-root FOLDER")
    root = Path.cwd() / expanded(data_root)
    if root.exists() and not root.is_dir():
        raise InputError(f"--data-root {data_root}: is a file, not a folder")
    return settings.model_copy(update={"root": str(root)})


def _get_archive(settings: "Photos") -> "Fetched":
    with stop_on_signals() as stopper:
        try:
            return get_archive(settings, Watch(Ticker(size_of), lambda: stopper.asked))
        except Stopped:
            below = "\n" if sys.stderr.isatty() else ""  # below the line of progress
            sys.stderr.write(
                f"{below}stopped; the partial download is kept, and the same command continues from there\n"
            )
            raise typer.Exit(INTERRUPTED) from None


def _get_specially(settings: "Photos") -> "Fetched":
    with contextlib.redirect_stdout(sys.stderr):  # torchvision and gdown print progress
        return SPECIAL[settings.name](settings)


def _print_lines(name: str, fetched: "Fetched") -> None:
    how = "downloaded to" if fetched.fresh else "is already complete in"
    say(f"✓ {name} {how} {fetched.table.root} ({len(fetched.table):,} images)")
    sizes = fetched.sizes()
    others = [size for size in sizes if size.found != size.published]
    for size in others:
        say(f"{size.split}, {size.group or 'all images'}: {size.found:,} {published(size.found, size.published)}")
    if sizes and not others:
        say("✓ sizes of splits and groups are as published")


def _print_json(name: str, fetched: "Fetched") -> None:
    sizes = [
        {"split": size.split, "group": size.group or None, "n": size.found, "published": size.published}
        for size in fetched.sizes()
    ]
    root, count, fine = str(fetched.table.root), len(fetched.table), all(s["n"] == s["published"] for s in sizes)
    print_json(name=name, root=root, images=count, downloaded=fetched.fresh, as_published=fine, sizes=sizes)
