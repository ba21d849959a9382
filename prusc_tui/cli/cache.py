"""`prusc data cache`: decode the images of a data set ahead of a run; list and remove decoded images."""

import shutil
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from core.data.photos import PhotoSource
from core.data.settings import Photos
from core.data.store import cache_folder, mapped, remove, store_bytes, store_key, store_path, stored, stores
from core.data.watch import Watch
from core.errors import InputError, Stopped
from core.runs.text import safe_text
from core.words import size_of
from experiments.data.sets import resolve
from prusc_tui.cli.data_shown import Ticker
from prusc_tui.cli.host import stop_on_signals
from prusc_tui.cli.options import folder_of
from prusc_tui.palette import MARKS
from prusc_tui.words import console, moment, print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from core.data.store import Store

INTERRUPTED = 130


def run(name: str | None, data_root: str | None, overrides: list[str], *, ls: bool, clear: bool, json: bool) -> None:
    """Run `prusc data cache`."""
    if ls and (clear or name is not None):
        raise InputError("--list shows all decoded data sets; it takes neither a name nor --clear")
    if name is None and (data_root is not None or overrides):
        raise InputError("prusc data cache: which data set? Name one (see: prusc data ls)")
    folder = cache_folder()
    if name is None and not ls and not clear:
        raise InputError("prusc data cache: name a data set (see: prusc data ls), or use --list or --clear")
    if ls:
        _list(folder, json)
    elif clear:
        _clear(folder, None if name is None else _source(name, data_root, overrides), json)
    else:
        assert name is not None
        _build(folder, _source(name, data_root, overrides), json)


def _source(name: str, data_root: str | None, overrides: list[str]) -> PhotoSource:
    settings = resolve(name, overrides, folder_of(data_root), source="prusc data cache")
    if not isinstance(settings, Photos):
        raise InputError(f"data set '{settings.name}' is bundled and needs no cache")
    return PhotoSource(settings)


def _build(folder: "Path", source: PhotoSource, json: bool) -> None:
    """Decode the missing images; the size is printed before anything is written."""
    with stop_on_signals() as stopper:
        watch = Watch(Ticker(), lambda: stopper.asked)
        try:
            squares = source.squares(watch)
            size, final = store_bytes(squares), store_path(squares, folder)
            ready = mapped(squares, folder) is not None
            if not ready:
                there = next(path for path in (folder, *folder.parents) if path.exists())
                free = size_of(shutil.disk_usage(there).free)
                what = f"{len(squares):,} images of {squares.side} × {squares.side}"
                say(f"{what}: {size_of(size)} in {folder} ({free} free)", aside=json)
                stored(squares, folder, watch)
        except Stopped:
            say("stopped; decoded images are kept, and the same command continues from there", aside=True)
            raise typer.Exit(INTERRUPTED) from None
    if json:
        print_json(
            images=len(squares), side=squares.side, bytes=size, path=str(final), fingerprint=source.fingerprint()
        )
    else:
        say(f"✓ {len(squares):,} images {'already decoded' if ready else 'decoded'}: {final}")


def _list(folder: "Path", json: bool) -> None:
    found = stores(folder)
    if json:
        print_json(folder=str(folder), stores=[_object(store) for store in found])
        return
    if not found:
        say(f"no decoded images in {folder}")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, right in {"": False, "images": True, "side": True, "size": True, "used": False, "from": False}.items():
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "from", overflow="fold")
    for store in found:
        whole = store.done == store.images and store.images > 0
        count = f"{store.images:,}" if whole else f"{store.done:,} of {store.images:,}"
        mark, source = MARKS["done" if whole else "stopped"], Text(safe_text(store.root or "damaged"))
        table.add_row(mark, count, str(store.side), size_of(store.bytes), moment(store.used), source)
    out = console()
    out.print(table)
    out.print(Text(safe_text(f"{size_of(sum(store.bytes for store in found))} in {folder}")))


def _clear(folder: "Path", source: PhotoSource | None, json: bool) -> None:
    key = None if source is None else store_key(source.squares(Watch(Ticker())))
    chosen = [store for store in stores(folder) if key is None or store.path.stem == key]
    gone = [store for store in chosen if remove(store)]
    kept = len(chosen) - len(gone)
    if json:
        print_json(removed=[_object(store) for store in gone], in_use=kept)
        return
    freed = size_of(sum(store.bytes for store in gone))
    say(f"removed {len(gone)}, {freed} freed" if gone else "nothing to remove")
    if kept:
        say(f"{kept} kept: another process is decoding there")


def _object(store: "Store") -> dict[str, Any]:
    return {
        "path": str(store.path),
        "from": store.root,
        "images": store.images,
        "decoded": store.done,
        "side": store.side,
        "bytes": store.bytes,
        "used": store.used,
    }
