"""Options of `prusc run` that are short for a setting: each says by its own name what does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from experiments.plan import Plan


class Precision(StrEnum):
    """Precision of forward passes, as an option."""

    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


DataRoot = Annotated[
    str | None, typer.Option("--data-root", metavar="FOLDER", help="Folder of the data set, laid out as published.")
]
Weights = Annotated[
    str | None, typer.Option("--weights", metavar="FILE|imagenet", help="Weights that the network starts from.")
]
Checkpoint = Annotated[
    str | None, typer.Option("--checkpoint", metavar="FILE", help="A trained network, in place of training by ERM.")
]
Clusters = Annotated[
    str | None, typer.Option("--clusters", metavar="FILE", help="A cluster for every training image, made elsewhere.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Decode images when they are needed; keep no copy.")]
AutoBatch = Annotated[bool, typer.Option("--auto-batch", help="Out of memory: go on with a batch in more parts.")]
PrecisionOf = Annotated[Precision | None, typer.Option("--precision", help="Precision of forward passes.")]


@dataclass(frozen=True)
class Short:
    """An option that stands for a setting.

    Attributes:
        option: as typed.
        key: of the setting.
        value: of the setting.
        stage: without which a recipe has no use for the option; empty where every recipe has one.
    """

    option: str
    key: str
    value: str | bool
    stage: str = ""

    @property
    def override(self) -> str:
        """The same as `--set` takes it."""
        import orjson

        return f"{self.key}={orjson.dumps(self.value).decode()}"


def shorts(
    data_root: str | None = None,
    weights: str | None = None,
    checkpoint: str | None = None,
    clusters: str | None = None,
    precision: str | None = None,
    *,
    no_cache: bool = False,
    auto_batch: bool = False,
) -> list[Short]:
    """Return the options that were given; files and folders are absolute from here on.

    Raises:
        InputError: a file or folder is not there, or one option leaves another nothing to do.
    """
    from core.errors import InputError

    if checkpoint is not None and weights is not None:
        raise InputError("--weights: a network that is given with --checkpoint starts from nothing else; leave one out")
    found = []
    if data_root is not None:
        found.append(Short("--data-root", "data.root", existing_folder("--data-root", data_root)))
    if no_cache:
        found.append(Short("--no-cache", "data.cache", False))
    if weights is not None:
        start = weights if weights in ("none", "imagenet") else existing_file("--weights", weights)
        found.append(Short("--weights", "model.weights", start, "erm"))
    if checkpoint is not None:
        found.append(Short("--checkpoint", "model.checkpoint", existing_file("--checkpoint", checkpoint), "erm"))
    if clusters is not None:
        found.append(Short("--clusters", "cluster.file", existing_file("--clusters", clusters), "cluster"))
    if precision is not None:
        found.append(Short("--precision", "compute.precision", str(precision)))
    if auto_batch:
        found.append(Short("--auto-batch", "compute.auto_batch", True))
    return found


def refuse_misfits(given: Sequence[Short], plan: "Plan") -> None:
    """See that the options go with a plan that was made without them.

    Raises:
        InputError: one of them is for other data, or for a stage that the recipe does not have.
    """
    from core.data.settings import Photos
    from core.errors import InputError

    data, recipe = plan.config.data, plan.recipe
    for short in given:
        if short.key.startswith("data.") and not isinstance(data, Photos):
            raise InputError(
                f"{short.option}: data set '{data.name}' is bundled and lies in no folder; "
                "name another with --data (see: prusc data ls)"
            )
        if short.stage and short.stage not in recipe.stage_names:
            raise InputError(f"{short.option}: recipe '{recipe.name}' has no stage '{short.stage}' that would take it")


def folder_of(data_root: str | None) -> str | None:
    """Folder that --data-root names, as an absolute path; None where it is not given.

    Raises:
        InputError: it is not there, or is not a folder.
    """
    return None if data_root is None else existing_folder("--data-root", data_root)


def existing_folder(option: str, text: str) -> str:
    """Return the folder as an absolute path.

    Raises:
        InputError: it is not there, or no folder.
    """
    from core.errors import InputError

    path = _absolute(text)
    if not path.is_dir():
        raise InputError(f"{option} {text}: {'is a file, not a folder' if path.exists() else 'no such folder'}")
    return str(path)


def existing_file(option: str, text: str) -> str:
    """Return the file as an absolute path.

    Raises:
        InputError: it is not there, or no file.
    """
    from core.errors import InputError

    path = _absolute(text)
    if not path.is_file():
        raise InputError(f"{option} {text}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    return str(path)


def _absolute(text: str) -> Path:
    # Links stay as they are typed: a data set that is moved behind its link is still the one that was meant.
    return Path.cwd() / Path(text).expanduser()
