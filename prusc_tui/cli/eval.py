"""`prusc eval`: accuracy by group of any trained network, without a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InputError
from core.runs.lease import machine_leases
from core.runs.text import safe_text
from prusc_tui.cli.data import SplitChoice
from prusc_tui.cli.options import DataRoot, Device, Json, file_of, folder_of
from prusc_tui.cli.references import find
from prusc_tui.palette import SHELL
from prusc_tui.words import console, print_json, print_lines

if TYPE_CHECKING:
    from experiments.evaluate import Subject


def eval_(
    reference: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run, for its network and data; or use --model.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="FILE", help="An exported network, or any state dict.")
    ] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="PRESET|NAME", help="What to evaluate it on.")] = None,
    data_root: DataRoot = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A data setting, such as data.size=64. Repeatable."),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option("--network", metavar="NAME", help="Architecture of FILE, if no JSON file beside it says so."),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option("--stage", metavar="STAGE", help="Stage of RUN whose network is evaluated (default: the last)."),
    ] = None,
    split: Annotated[SplitChoice | None, typer.Option(help="Images to evaluate on (default: test).")] = None,
    by_group: Annotated[
        bool,
        typer.Option(
            "--by-group", "--by-cluster", help="Show every class in every pseudo-group of RUN's training images."
        ),
    ] = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Evaluate a network by group: that of a run, an exported one, or any state dict."""
    if (reference is None) == (model is None):
        raise InputError("name what to evaluate: a RUN, or a file with --model FILE --data NAME")
    if by_group and split not in (None, SplitChoice.train):
        raise InputError("--by-group: only for the training images; leave out --split")
    if reference is not None:
        foreign = {"--data": data, "--data-root": data_root, "--set": overrides, "--network": network}
        if given := [option for option, value in foreign.items() if value]:
            raise InputError(f"{given[0]}: run '{reference}' has its own; use it with --model")
        subject, title = _of_run(reference, stage, by_group)
    else:
        for option, value in {"--stage": stage, "--by-group": by_group}.items():
            if value:
                raise InputError(f"{option} goes with a run, not with --model")
        if data is None:
            raise InputError("--model needs a data set: --data NAME (see: prusc data ls)")
        assert model is not None  # as there is no run
        subject = _of_file(model, data, data_root, overrides or [], network)
        title = Path(model).name
    _show(subject, title, "train" if by_group else split or "test", device, json)


def _of_run(reference: str, stage: str | None, groups: bool) -> "tuple[Subject, str]":
    from experiments.evaluate import by_pseudo_group, of_run

    folder = find(reference)
    subject = of_run(folder, stage)
    return by_pseudo_group(subject, folder) if groups else subject, subject.file.parent.name


def _of_file(model: str, data: str, data_root: str | None, overrides: list[str], network: str | None) -> "Subject":
    from experiments.data.sets import resolve
    from experiments.description import Description
    from experiments.evaluate import of_file, sizes_for

    file = Path(file_of("--model", model) or "")
    about = Description.read(file)
    settings = resolve(data, overrides, folder_of(data_root), sizes=sizes_for(about) if about is not None else None)
    return of_file(file, settings, about, network)


def _show(subject: "Subject", title: str, split: str, device: str, json: bool) -> None:
    from typing import cast

    from rich.text import Text

    from core.data.splits import SplitName
    from core.engine.devices import pick
    from experiments.evaluate import evaluate
    from prusc_tui.report.groups import table
    from prusc_tui.report.results import Result

    evaluation = evaluate(subject, cast(SplitName, str(split)), pick(device, machine_leases()))
    if json:
        result = {
            "model": str(subject.file),
            "network": subject.about.network,
            "data": subject.settings.model_dump(mode="json"),
            "split": split,
            "evaluation": evaluation.to_json(),
        }
        print_json(**result)
        return
    out = console()
    out.print(Text(safe_text(f"{subject.about.network} on {subject.dataset.name}"), "bold"))
    print_lines(out, table([Result(title, 0, True, evaluation, None)], out.width, SHELL))
