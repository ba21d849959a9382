"""What a stage is, and the key under which its artifacts can be reused (no torch)."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import orjson

from core.config import Section

if TYPE_CHECKING:
    from core.data.dataset import DataSet
    from core.data.watch import Watch
    from core.engine.context import StageContext


@dataclass(frozen=True)
class Stage(ABC):
    """One step of a pipeline: what it reads, writes and can be replaced by, and the work.

    A stage never prints, never draws and never opens the index. It can stop at every step boundary and resumes from its
    checkpoint to the very result of an uninterrupted run. Subclasses are frozen dataclasses whose `Section` fields are
    their configuration; their module imports torch in `run` alone, so that forms, tables and help can read everything
    else without it.

    Attributes:
        name: of the stage, and of the folder of its artifacts.
        version: raised whenever a change of the code changes the artifacts.
        files: regular expression of a file name → what such an artifact is, in a few words; `{1}` is the first group.
        takes: settings that name a file which it reads.
        replaced_by: setting that names a file which takes the place of its work; empty if there is none.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    files: ClassVar[Mapping[str, str]] = {}
    takes: ClassVar[tuple[str, ...]] = ()
    replaced_by: ClassVar[str] = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the earlier stages whose artifacts it reads."""
        return ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Sections of the settings that it reads, or single settings by their dotted keys."""
        return tuple(f.name for f in fields(self) if isinstance(getattr(self, f.name), Section))

    @property
    def content(self) -> Mapping[str, str]:
        """What is in the files that it takes, as part of its key: digests by name; reads the files."""
        return {}

    @abstractmethod
    def run(self, context: "StageContext") -> None:
        """Do the work, write the artifacts into `context.directory`, and emit the events that describe the outcome.

        Raises:
            StageError: the stage cannot go on; says what and what to try.
            Stopped: it was asked to stop, and wrote a checkpoint.
        """


class Identify(Protocol):
    """Gives the fingerprint of the data."""

    def __call__(self, watch: "Watch" = ..., /) -> str:
        """Return hexadecimal digits, equal for equal data.

        Raises:
            Interrupted: `watch` said so.
        """
        ...


class LoadData(Protocol):
    """Builds the data set."""

    def __call__(self, watch: "Watch" = ..., /) -> "DataSet":
        """Return the data set.

        Raises:
            Interrupted: `watch` said so.
        """
        ...


@dataclass(frozen=True)
class Pipeline:
    """The stages of a run in their order, and the data that they work on."""

    stages: tuple[Stage, ...]
    identify: Identify
    """Fingerprint of the data, part of every key; may take long, so it is called once the run has begun."""
    load_data: LoadData
    """Builds the data set; may take long, and is called only when a stage needs it."""

    @property
    def fingerprint(self) -> str:
        """Of the data: part of every key."""
        return self.identify()


def stage_settings(stage: Stage) -> dict[str, Any]:
    """What decides the artifacts of a stage, but for the content of files: its kind and its fields, as plain data."""
    values = {}
    for f in fields(stage):
        value = getattr(stage, f.name)
        values[f.name] = value.deciding() if isinstance(value, Section) else value
    return {"kind": type(stage).__name__, **values}


def stage_key(stage: Stage, input_keys: list[str], fingerprint: str, seed: int) -> str:
    """Hash of the stage's configuration and code version, its inputs' keys, the data and the seed."""
    settings = {**stage_settings(stage), **stage.content}
    text = orjson.dumps(
        [stage.name, stage.version, settings, input_keys, fingerprint, seed], option=orjson.OPT_SORT_KEYS
    )
    return hashlib.sha256(text).hexdigest()[:24]
