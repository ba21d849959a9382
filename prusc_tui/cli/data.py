"""`prusc data`: which data sets there are, and what is in one."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from core.config import Data
    from core.data import DataSet, SplitName

app = typer.Typer(help="Data sets: list them, look into one.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class SplitChoice(StrEnum):
    """A split, as an option."""

    train = "train"
    validation = "validation"
    test = "test"


@app.command()
def ls(json: Json = False) -> None:
    """List the data sets."""
    from prusc_tui.work.data_sets import data_sets

    about = data_sets()
    if json:
        _print_json({"datasets": [{"name": name, "about": text} for name, text in about.items()]})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, text in about.items():
        table.add_row(name, text)
    Console(highlight=False).print(table)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a data set or of a preset.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as data.correlation=0.9. Repeatable."),
    ] = None,
    sample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a PNG with images of every group to FILE.")
    ] = None,
    split: Annotated[SplitChoice | None, typer.Option(help="Only this split.")] = None,
    json: Json = False,
) -> None:
    """Show the groups of a data set or preset: how many, and how well an attribute gives the label away."""
    from core.data import load
    from experiments.bundled import folder

    settings = resolve(name, overrides or [])
    dataset = load(settings, folder())
    splits: list[SplitName] = [each for each in dataset.splits if split is None or each == split]
    if sample is not None:
        _write_sample(dataset, splits, sample)
    if json:
        _print_json(_describe(settings, dataset, splits) | ({"sample": str(sample)} if sample else {}))
    else:
        _print_tables(_describe(settings, dataset, splits))
        if sample is not None:
            typer.echo(f"wrote {sample}")


def resolve(name: str, overrides: Iterable[str]) -> "Data":
    """Data section of the settings for a data set, or of a preset.

    Args:
        name: name of the data set or of the preset.
        overrides: `data.key=value` texts.

    Raises:
        InputError: no data set or preset of that name, or a setting that it does not have or that does not fit.
    """
    from core.errors import InputError
    from core.overrides import merge, parse_overrides, validate
    from experiments.plan import get_preset, preset_names

    given = parse_overrides(overrides)
    foreign = [key for key in given if key != "data"]
    if foreign:
        raise InputError(f"--set {foreign[0]}: no setting of a data set; they begin with 'data.'")
    data = get_preset(name).settings["data"] if name in preset_names() else {"name": name}
    return validate(merge({"data": data}, given), "prusc data show").data


def _describe(settings: "Data", dataset: "DataSet", splits: Iterable["SplitName"]) -> dict[str, Any]:
    from core.data import agreement, environment_conflicts, group_counts
    from core.groups import group_titles

    titles = group_titles(dataset.label_names, dataset.attributes)
    described = {}
    for name in splits:
        split = dataset.splits[name]
        described[name] = {
            "n": len(split),
            "agreement": agreement(split, dataset),
            "groups": [
                {"label": label, "attributes": values, "n": int(n), "share": int(n) / len(split)}
                for (label, values), n in zip(titles, group_counts(split, dataset), strict=True)
            ],
            "environments": [
                {"name": environment, "n": n, "conflicts": conflicts, "conflict_share": conflicts / n}
                for environment, (n, conflicts) in environment_conflicts(split, dataset).items()
            ],
        }
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "image_shape": list(dataset.splits["train"].images.shape[1:]),
        "labels": list(dataset.label_names),
        "attributes": {name: list(values) for name, values in dataset.attributes.items()},
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "splits": described,
    }


def _print_tables(described: dict[str, Any]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from prusc_tui.work.data_sets import colours_gone

    console = Console(highlight=False)
    settings = described["settings"]
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_row("data set", described["name"], style="bold")
    facts.add_row("images", f"{' × '.join(map(str, described['image_shape']))}, uint8{colours_gone(settings)}")
    facts.add_row("label noise", f"{settings['label_noise']:.1%}")
    if "evaluation" in settings:
        facts.add_row("evaluation", settings["evaluation"])
    facts.add_row("seed", str(settings["seed"]))
    facts.add_row("fingerprint", described["fingerprint"])
    console.print(facts)
    for name, split in described["splits"].items():
        agreement = ", ".join(f"P({key} = label) {share:.3f}" for key, share in split["agreement"].items())
        console.print(f"\n[bold]{name}[/bold]  {split['n']:,} images, {agreement}")
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("label", *described["attributes"]):
            table.add_column(heading)
        for heading in ("n", "share"):
            table.add_column(heading, justify="right")
        for group in split["groups"]:
            table.add_row(group["label"], *group["attributes"].values(), f"{group['n']:,}", f"{group['share']:.1%}")
        console.print(table)
        if split["environments"]:
            console.print(_environments_table(split["environments"]))


def _environments_table(environments: Iterable[dict[str, Any]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table("given environment", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("n", "conflicts"):
        table.add_column(heading, justify="right")
    for each in environments:
        table.add_row(each["name"], f"{each['n']:,}", f"{each['conflict_share']:.1%}")
    return table


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
