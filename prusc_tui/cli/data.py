"""`prusc data`: which data sets there are, what is in one, whether all of it is in order; and getting one."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prusc_tui.cli.cache import cache
from prusc_tui.cli.get import get
from prusc_tui.cli.options import DataRoot, existing_folder

if TYPE_CHECKING:
    from core.config import Data
    from core.data import DataSet, SplitName

app = typer.Typer(help="Data sets: list them, look into one, check one.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set or of a preset.")]
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
    """List the data sets; with a folder those that may lie in it, and whether they do."""
    from experiments.data_sets import data_sets

    about, there = data_sets(), _found_in(data_root)
    if json:
        _print_json({"datasets": [{"name": name, "about": text, **there[name]} for name, text in about.items()]})
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from core.runs.text import safe_text

    console = Console(highlight=False)
    places = {True: "made of the bundled digits", False: f"in {data_root or 'a folder of yours (--data-root FOLDER)'}"}
    for bundled, place in places.items():
        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
        table.add_column(min_width=max(map(len, about)))
        for name in about:
            if there[name]["bundled"] == bundled:
                table.add_row(name, Text(safe_text(_said(there[name]) or about[name])))
        if data_root is None or not bundled:
            console.print(Text(safe_text(place), "bold"))
            console.print(table)


@app.command()
def show(
    name: Name,
    overrides: Overrides = None,
    data_root: DataRoot = None,
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a PNG with images of every group to FILE.")
    ] = None,
    split: Annotated[SplitChoice | None, typer.Option(help="Only this split.")] = None,
    json: Json = False,
) -> None:
    """Show the groups of a data set or preset: how many, and how well an attribute gives the label away."""
    from core.config import Photos
    from prusc_tui.cli.data_shown import describe, print_tables

    settings = resolve(name, overrides or [], data_root)
    table = None
    if isinstance(settings, Photos):
        from core.data.preview import preview
        from core.data.table import read_table

        table = read_table(settings)
        dataset = preview(table, settings, settings.name)
    else:
        from core.data import load
        from experiments.bundled import folder

        dataset = load(settings, folder())
    splits: list[SplitName] = [each for each in dataset.splits if split is None or each == split]
    if sample is not None:
        _write_sample(dataset, splits, sample)
    about = describe(settings, dataset, splits, table)
    if json:
        _print_json(about | ({"sample": str(sample)} if sample else {}))
    else:
        print_tables(about)
        if sample is not None:
            typer.echo(f"wrote {sample}")


@app.command()
def check(name: Name, overrides: Overrides = None, data_root: DataRoot = None, json: Json = False) -> None:
    """Read every row and open every image of a data set; exit code 1 where something is amiss."""
    from core.config import Photos
    from core.data.check import check as check_all
    from core.data.watch import Watch
    from core.errors import InputError
    from prusc_tui.cli.data_shown import Ticker, report_lines, report_object

    settings = resolve(name, overrides or [], data_root, "prusc data check")
    if not isinstance(settings, Photos):
        raise InputError(f"'{name}' is made of the bundled digits, which are checked whenever they are read")
    report = check_all(settings, Watch(say=Ticker()))
    if json:
        _print_json(report_object(name, report))
    else:
        for line in report_lines(name, report):
            typer.echo(line)
    if report.problems:
        raise typer.Exit(1)


app.command("cache")(cache)
app.command("get")(get)


def resolve(
    name: str, overrides: Iterable[str], data_root: str | None = None, command: str = "prusc data show"
) -> "Data":
    """Data section of the settings for a data set, or of a preset.

    Args:
        name: name of the data set or of the preset.
        overrides: `data.key=value` texts.
        data_root: folder of the data set, as typed.
        command: which asks, for the sentence of an error.

    Raises:
        InputError: no data set or preset of that name, or a setting that it does not have or that does not fit.
    """
    from core.config import Photos
    from core.errors import InputError
    from core.overrides import merge, parse_overrides, validate
    from experiments.catalog import get_preset, preset_names

    given = parse_overrides(overrides)
    foreign = [key for key in given if key != "data"]
    if foreign:
        raise InputError(f"--set {foreign[0]}: no setting of a data set; they begin with 'data.'")
    data = get_preset(name).settings["data"] if name in preset_names() else {"name": name}
    settings = validate(merge({"data": data}, given), command).data
    if data_root is None:
        return settings
    if not isinstance(settings, Photos):
        raise InputError(
            f"--data-root: data set '{settings.name}' is bundled and lies in no folder (see: prusc data ls)"
        )
    return settings.model_copy(update={"root": existing_folder("--data-root", data_root)})


def _found_in(data_root: str | None) -> dict[str, dict[str, Any]]:
    """Data set → whether it is bundled, and for a folder how many images of it are there, or why it is not."""
    from core.config import Photos
    from experiments.data_sets import kinds

    root = None if data_root is None else existing_folder("--data-root", data_root)
    found: dict[str, dict[str, Any]] = {}
    for name, kind in kinds().items():
        found[name] = {"bundled": not issubclass(kind, Photos)}
        if root is not None and issubclass(kind, Photos):
            from core.data.table import read_table
            from core.errors import InputError

            try:
                found[name] |= {"images": len(read_table(kind(root=root))), "why_not": None}
            except InputError as error:
                found[name] |= {"images": None, "why_not": str(error)}
    return found


def _said(found: dict[str, Any]) -> str:
    if "images" not in found:
        return ""
    return f"✓ {found['images']:,} images" if found["images"] is not None else f"– {found['why_not']}"


def _write_sample(dataset: "DataSet", splits: list["SplitName"], path: Path) -> None:
    from core.data.sample import sample_picture
    from core.errors import InputError

    picture = sample_picture(dataset, splits)
    try:
        picture.save(path, format="PNG")
    except OSError as error:
        raise InputError(f"--sample {path}: cannot be written ({error.strerror})") from None


def _print_json(value: dict[str, Any]) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
