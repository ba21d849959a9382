"""Base class of stages, and the key under which artifacts are reused (no torch)."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self

import orjson

from core.config import Compute, Section

if TYPE_CHECKING:
    from core.data.dataset import DataSet
    from core.data.watch import Watch
    from core.engine.context import StageContext

Supervision = Literal["none", "labels", "validation", "train", "environments", "shortcut"]
"""Supervision behind a result, the weakest first: none; labels of the validation split, to train on; attributes of the
validation split, for selection or for a head; attributes of the training split; training environments that come with
the data; or the shortcut itself, removed by hand."""
KEY_NAME = "key_name"
"""In the metadata of a field of a stage: its name in keys, if it was renamed, so that older artifacts are reused."""


@dataclass(frozen=True)
class Stage(ABC):
    """One step of a pipeline: its inputs, outputs, settings and work.

    A stage never prints, never draws and never opens the index. It can stop at every step boundary, and resumes from
    its checkpoint to exactly the result of an uninterrupted run. Subclasses are frozen dataclasses whose `Section`
    fields are their configuration; their modules import torch only in `run`, so that forms, tables and help can read
    everything else without it.

    Attributes:
        name: of the stage, and of the folder of its artifacts.
        version: raised whenever a code change affects the artifacts.
        files: regular expression of a file name → short description of the artifact; `{1}` is the first group.
        takes: settings that name an input file.
        replaced_by: setting that names a file with a precomputed result; empty if there is none.
        parallel: whether the devices of a run share its work; otherwise the first one has it, while the others wait.
            Each process runs a parallel stage, with the same random streams and all inputs, and only the first one
            keeps what it writes and says; so a stage must take the same steps in all of them. Trainings with
            `core.training.loop`, predictions with `core.training.predict` and step boundaries do. It does not read
            files that it wrote before a stop, as only the first process has them.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    files: ClassVar[Mapping[str, str]] = {}
    takes: ClassVar[tuple[str, ...]] = ()
    replaced_by: ClassVar[str] = ""
    parallel: ClassVar[bool] = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the earlier stages whose artifacts are inputs."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Sections of the settings, or dotted keys of single settings, that the stage reads."""
        return tuple(f.name for f in fields(self) if isinstance(getattr(self, f.name), Section))

    @property
    def supervision(self) -> Supervision:
        """What it trains on or selects by, beyond training labels."""
        return "none"

    @property
    def content(self) -> Mapping[str, str]:
        """Digests of its input files by name, as part of its key; reads the files."""
        return {}

    @abstractmethod
    def run(self, context: "StageContext") -> None:
        """Do the work, write the artifacts into `context.directory`, and emit the events that describe the outcome.

        Raises:
            StageError: the stage cannot continue; the message says what to try.
            Stopped: a stop was requested; a checkpoint was written.
        """


class Identify(Protocol):
    """Computes the fingerprint of the data."""

    def __call__(self, watch: "Watch" = ..., /) -> str:
        """Return hexadecimal digits, equal for equal data.

        Raises:
            Stopped: `watch` requested a stop.
        """
        ...


class LoadData(Protocol):
    """Loads the data set."""

    def __call__(self, watch: "Watch" = ..., /) -> "DataSet":
        """Return the data set.

        Raises:
            Stopped: `watch` requested a stop.
        """
        ...


@dataclass(frozen=True)
class Pipeline:
    """The stages of a run in order, and their data."""

    stages: tuple[Stage, ...]
    identify: Identify
    """Fingerprints the data, part of every key; may be slow, so it is called after the run has started."""
    load_data: LoadData
    """Loads the data set; may be slow, so it is called only when a stage needs it."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the data."""
        return self.identify()

    @property
    def computes(self) -> bool:
        """Whether a stage reads the precision."""
        return any(isinstance(getattr(stage, f.name), Compute) for stage in self.stages for f in fields(stage))

    def in_precision(self, precision: str) -> Self:
        """The same pipeline, computed in this precision."""
        return replace(self, stages=tuple(_in_precision(stage, precision) for stage in self.stages))


def _in_precision(stage: Stage, precision: str) -> Stage:
    settings = {f.name: getattr(stage, f.name) for f in fields(stage)}
    changed = {
        name: value.model_copy(update={"precision": precision})
        for name, value in settings.items()
        if isinstance(value, Compute)
    }
    if not changed:
        return stage
    new = replace(stage, **changed)
    new.content  # noqa: B018  # files are those of this moment
    return new


def stage_settings(stage: Stage) -> dict[str, Any]:
    """Class and fields of a stage as plain data: everything that determines its artifacts except input files."""
    values = {}
    for f in fields(stage):
        value = getattr(stage, f.name)
        values[f.metadata.get(KEY_NAME, f.name)] = value.deciding() if isinstance(value, Section) else value
    return {"kind": type(stage).__name__, **values}


def stage_key(stage: Stage, input_keys: list[str], fingerprint: str, seed: int) -> str:
    """Hash of the stage's configuration and version, the keys of its inputs, the data and the seed."""
    settings = {**stage_settings(stage), **stage.content}
    text = orjson.dumps(
        [stage.name, stage.version, settings, input_keys, fingerprint, seed], option=orjson.OPT_SORT_KEYS
    )
    return hashlib.sha256(text).hexdigest()[:24]
