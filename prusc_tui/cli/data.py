"""`prusc data`: list, inspect, check, decode and download data sets."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import InputError
from core.runs.text import safe_text
from prusc_tui.cli.options import DataRoot, Json, folder_of
from prusc_tui.words import console, print_json, say

if TYPE_CHECKING:
    from core.data.dataset import DataSet
    from core.data.splits import SplitName

app = typer.Typer(help="List, inspect and check data sets.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(metavar="NAME|FOLDER", help="Name of a data set or of a preset, or a folder with prusc.toml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as data.correlation=0.9. Repeatable."),
]


class SplitChoice(StrEnum):
    """A split, as an option."""

    train = "train"
    validation = "validation"
    test = "test"


@app.command()
def ls(data_root: DataRoot = None, json: Json = False) -> None:
    """List the data sets; with --data-root, show which are found there."""
    from experiments.data.sets import data_sets

    about, there = data_sets(), _found_in(data_root)
    if json:
        print_json(datasets=[{"name": name, "about": text, **there[name]} for name, text in about.items()])
        return
    from rich.table import Table
    from rich.text import Text

    out = console()
    for origin in dict.fromkeys(found["origin"] for found in there.values()):
        names = [name for name in about if there[name]["origin"] == origin]
        if data_root is not None and "images" not in there[names[0]]:
            continue
        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
        table.add_column(min_width=max(map(len, about)))
        for name in names:
            table.add_row(name, Text(safe_text(_found_text(there[name]) or about[name])))
        out.print(Text(safe_text(origin if data_root is None else f"in {data_root}"), "bold"))
        out.print(table)


@app.command()
def show(
    name: Name,
    overrides: Overrides = None,
    data_root: DataRoot = None,
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a PNG with images of every group to FILE.")
    ] = None,
    pixels: Annotated[Path | None, typer.Option(metavar="FILE", hidden=True)] = None,
    split: Annotated[SplitChoice | None, typer.Option(help="Only this split.")] = None,
    json: Json = False,
) -> None:
    """Show the groups of a data set or preset: their sizes, and how well each attribute predicts the label."""
    from experiments.bundled import folder
    from experiments.data.sets import resolve
    from prusc_tui.cli.data_shown import describe, print_tables

    settings = resolve(name, overrides or [], folder_of(data_root), source="prusc data show")
    source = settings.source(folder(), None)
    dataset = source.preview()
    splits: list[SplitName] = [each for each in dataset.splits if split is None or each == split]
    if sample is not None:
        _write_sample(dataset, splits, sample)
    about = describe(settings, dataset, splits, source.table)
    if pixels is not None:
        about["pixels"] = _write_pixels(dataset, splits, pixels)
    if json:
        print_json(**(about | ({"sample": str(sample)} if sample else {})))
    else:
        print_tables(about)
        if sample is not None:
            say(f"wrote {sample}")


@app.command()
def init(
    data_root: Annotated[str, typer.Option("--data-root", metavar="FOLDER", help="Folder of your images.")],
    table: Annotated[str | None, typer.Option(metavar="FILE|none", help="Table; none: folders named by class.")] = None,
    path: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the paths of the images.")] = None,
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the label.")] = None,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN|none", help="Column with an attribute. Repeatable.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="COLUMN|none", help="Column with the split; none: random.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="VALUE=SPLIT", help="SPLIT is train, validation, test or ignore. Repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL|none", help='A label whose rows are left out; "" for empty ones. Repeatable.'),
    ] = None,
    validation_share: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of training drawn as validation, if there is none.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="PRESET", help="Network and training. Default: waterbirds-mobilenet.")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings file. Default: FOLDER/prusc.toml.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Accept every guess instead of asking.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing settings file.")] = False,
    json: Json = False,
) -> None:
    """Look at a folder of images, and write the settings to read it; then: prusc run prusc --data FOLDER."""
    from prusc_tui.cli.init import run, stated

    answers = stated(table, path, label, attribute, split, mapped, ignore, validation_share)
    run(str(folder_of(data_root)), answers, preset, to, ask=not (yes or json), overwrite=overwrite, json=json)


@app.command()
def check(
    name: Name,
    overrides: Overrides = None,
    data_root: DataRoot = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="Also find images of different splits that look alike.")
    ] = False,
    json: Json = False,
) -> None:
    """Read every row and open every image of a data set; exit code 1 if problems are found.

    A folder without prusc.toml is read as 'prusc data init' proposes.
    """
    from core.data.check import check as check_all
    from core.data.settings import Photos
    from core.data.watch import Watch
    from experiments.data.sets import is_unwritten, resolve
    from prusc_tui.cli.data_shown import Ticker, report_lines, report_object

    settings = resolve(name, overrides or [], folder_of(data_root), source="prusc data check", guess=True)
    if not isinstance(settings, Photos):
        raise InputError(f"'{name}' is {settings.origin}, and is checked whenever it is read")
    report = check_all(settings, Watch(report=Ticker()), near=near_duplicates)
    if json:
        print_json(**report_object(name, report))
    else:
        if is_unwritten(name):
            say("there is no prusc.toml, so the table is read as 'prusc data init' proposes")
        say(*report_lines(name, report))
    if report.problems:
        raise typer.Exit(1)


@app.command()
def cache(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of a data set or of a preset.", show_default=False)
    ] = None,
    data_root: DataRoot = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as data.stored=128. Repeatable."),
    ] = None,
    ls: Annotated[bool, typer.Option("--list", help="List decoded data sets and their sizes.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove decoded images: of NAME, or all.")] = False,
    json: Json = False,
) -> None:
    """Decode the images of a data set ahead of its first run; or list or remove decoded images."""
    from prusc_tui.cli.cache import run

    run(name, data_root, overrides or [], ls=ls, clear=clear, json=json)


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A published data set, or a preset of one.")],
    data_root: DataRoot = None,
    json: Json = False,
) -> None:
    """Download a published data set; exit code 1 if the download does not match the published sizes."""
    from prusc_tui.cli.get import run

    run(name, data_root, json)


def _found_in(data_root: str | None) -> dict[str, dict[str, Any]]:
    """Data set → whether it is bundled; with a folder, also how many images are there, or why none are."""
    from core.config import data_sets
    from core.data.settings import Bundled, Photos

    root = folder_of(data_root)
    found: dict[str, dict[str, Any]] = {}
    for name, kind in data_sets().items():
        found[name] = {"origin": kind.origin, "bundled": issubclass(kind, Bundled)}
        if root is not None and issubclass(kind, Photos):
            from core.data.table import read_table

            try:
                found[name] |= {"images": len(read_table(kind(root=root))), "why_not": None}
            except InputError as error:
                found[name] |= {"images": None, "why_not": str(error)}
    return found


def _found_text(found: dict[str, Any]) -> str:
    if "images" not in found:
        return ""
    return f"✓ {found['images']:,} images" if found["images"] is not None else f"– {found['why_not']}"


def _write_sample(dataset: "DataSet", splits: list["SplitName"], path: Path) -> None:
    from core.data.sample import sample_picture

    picture = sample_picture(dataset, splits)
    try:
        picture.save(path, format="PNG")
    except OSError as error:
        raise InputError(f"--sample {path}: cannot be written ({error.strerror})") from None


def _write_pixels(dataset: "DataSet", splits: list["SplitName"], path: Path) -> dict[str, list[int]]:
    """Write images of every group as raw RGB, one after another; return split → number of images per group."""
    from core.data.sample import first_images

    found = {split: first_images(dataset, split) for split in splits}
    path.write_bytes(b"".join(images.tobytes() for groups in found.values() for images in groups))
    return {split: [len(images) for images in groups] for split, groups in found.items()}
