"""Options of `prusc run` that stand for a setting; an error names the option."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from core.discovery import file_names
from core.errors import InputError
from core.paths import expanded

if TYPE_CHECKING:
    from experiments.plan import Plan


class Precision(StrEnum):
    """Precision of forward passes, as an option."""

    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"
    auto = "auto"


DataRoot = Annotated[
    str | None, typer.Option("--data-root", metavar="FOLDER", help="Folder of the data set, in its published layout.")
]
Weights = Annotated[
    str | None, typer.Option("--weights", metavar="FILE|imagenet", help="Initial weights of the network.")
]
Checkpoint = Annotated[
    str | None, typer.Option("--checkpoint", metavar="FILE", help="A trained network, instead of training one by ERM.")
]
Groups = Annotated[
    str | None,
    typer.Option(
        "--groups",
        "--clusters",
        metavar="FILE",
        help="Your own pseudo-groups, a table with one for every training image.",
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Decode images on the fly; keep no decoded copy.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Id, unique prefix, name, or last.")]
AutoBatch = Annotated[
    bool, typer.Option("--auto-batch", help="On out-of-memory, split the batch (gradient accumulation).")
]
Best = Annotated[
    str,
    typer.Option(
        "--best",
        metavar="RULE",
        help="Rule on the validation split that says which method is best: worst-cell, average or worst-class (no "
        "attributes), worst-group (attributes).",
    ),
]
Test = Annotated[
    Literal["t", "wilcoxon"],
    typer.Option("--test", help="Test of paired differences: paired t, or Wilcoxon's signed ranks (from 6 seeds)."),
]
PrecisionOf = Annotated[
    Precision | None, typer.Option("--precision", help="Precision of forward passes; auto tries bf16.")
]


def _listed(package: str) -> str:
    *most, last = file_names(package)
    return f"{', '.join(most)} or {last}"


Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda:N", help="Device; several for a run: cuda:0,cuda:1.")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Compute every stage, even if another run has its result.")]
Detach = Annotated[bool, typer.Option("--detach", help="Run in a process that outlives this terminal; return at once.")]
InQueue = Annotated[bool, typer.Option("--queue", help="Add to the queue of this machine; return at once.")]
Launcher = Annotated[
    str | None,
    typer.Option("--launcher", metavar="NAME", help=f"Host of the run: {_listed('experiments.launchers')}."),
]
Gpus = Annotated[int | None, typer.Option("--gpus", metavar="N", help="GPUs that a queued run gets; 0 for the CPU.")]
GpuMemory = Annotated[
    float | None, typer.Option("--gpu-memory", metavar="GIB", help="Share of a GPU that a queued run needs.")
]
Threads = Annotated[int | None, typer.Option("--threads", metavar="N", help="Threads of a queued run.")]
Profile = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="SLURM profile of the settings file.")]
Minutes = Annotated[int | None, typer.Option("--minutes", metavar="N", help="Time limit of a SLURM job.")]

Log = Annotated[
    list[str] | None,
    typer.Option(
        "--log",
        metavar="NAME[:FOLDER]",
        help=f"Also write the run live for {_listed('experiments.loggers')}. Repeatable.",
    ),
]
Notify = Annotated[
    bool, typer.Option("--notify", help="At the end, ring the bell of this terminal and show a notification.")
]


def launcher_name(name: str | None, *, detach: bool = False, queue: bool = False, default: str = "local") -> str:
    """Name of the launcher that the options ask for; raises InputError if they contradict each other."""
    short = {"--detach": "detached"} if detach else {}
    short |= {"--queue": "queue"} if queue else {}
    asked = {*short.values(), *([name] if name else [])}
    if len(asked) > 1:
        option = next(iter(short))
        raise InputError(f"{option}: means --launcher {short[option]}; leave out one of them")
    return asked.pop() if asked else default


@dataclass(frozen=True)
class OptionAlias:
    """An option that stands for a setting.

    Attributes:
        value: of the setting; None if the option is not given.
        stage: the stage that uses it; empty if every recipe does.
    """

    option: str
    key: str
    value: str | bool | None
    stage: str = ""

    @property
    def override(self) -> str:
        """The same setting as an argument of `--set`."""
        import orjson

        return f"{self.key}={orjson.dumps(self.value).decode()}"


def option_aliases(
    data_root: str | None = None,
    weights: str | None = None,
    checkpoint: str | None = None,
    groups: str | None = None,
    precision: str | None = None,
    *,
    no_cache: bool = False,
    auto_batch: bool = False,
) -> list[OptionAlias]:
    """Return the options that were given, with files and folders as absolute paths.

    Raises:
        InputError: a file or folder does not exist, or two options exclude each other.
    """
    if checkpoint is not None and weights is not None:
        raise InputError("--weights: cannot be combined with --checkpoint; leave one out")
    known = weights in (None, "none", "imagenet")
    found = [
        OptionAlias("--data-root", "data.root", folder_of(data_root)),
        OptionAlias("--no-cache", "data.cache", False if no_cache else None),
        OptionAlias("--weights", "model.weights", weights if known else file_of("--weights", weights), "erm"),
        OptionAlias("--checkpoint", "model.checkpoint", file_of("--checkpoint", checkpoint), "erm"),
        OptionAlias("--groups", "find.file", file_of("--groups", groups), "find"),
        OptionAlias("--precision", "compute.precision", precision and str(precision)),
        OptionAlias("--auto-batch", "compute.auto_batch", auto_batch or None),
    ]
    return [alias for alias in found if alias.value is not None]


def refuse_misfits(given: Sequence[OptionAlias], plan: "Plan") -> None:
    """Check that the options fit a plan that was made without them.

    Raises:
        InputError: an option needs other data, or a stage that the recipe does not have.
    """
    from core.data.settings import Photos

    data, recipe = plan.config.data, plan.recipe
    for alias in given:
        if alias.key.startswith("data.") and not isinstance(data, Photos):
            raise InputError(
                f"{alias.option}: data set '{data.name}' is bundled and needs no folder; "
                "choose another with --data (see: prusc data ls)"
            )
        if alias.stage and alias.stage not in recipe.stage_names(plan.config):
            raise InputError(f"{alias.option}: recipe '{recipe.name}' has no stage '{alias.stage}' to use it")


def folder_of(data_root: str | None) -> str | None:
    """Return the folder of --data-root as an absolute path; None if the option is not given.

    Raises:
        InputError: it does not exist, or is not a folder.
    """
    path = None if data_root is None else _absolute(data_root)
    if path is not None and not path.is_dir():
        raise InputError(f"--data-root {data_root}: {'is a file, not a folder' if path.exists() else 'no such folder'}")
    return None if path is None else str(path)


def file_of(option: str, text: str | None) -> str | None:
    """Return the file of an option as an absolute path; None if the option is not given.

    Raises:
        InputError: it does not exist, or is not a file.
    """
    path = None if text is None else _absolute(text)
    if path is not None and not path.is_file():
        raise InputError(f"{option} {text}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
    return None if path is None else str(path)


def _absolute(text: str) -> Path:
    # Links are not resolved, so that a data set may move behind its link.
    return Path.cwd() / expanded(text)
