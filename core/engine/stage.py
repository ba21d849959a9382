"""What a stage is, what it hands back, and the key under which its artifacts can be reused."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import orjson

from core.config import Section
from core.groups import Evaluation

if TYPE_CHECKING:
    from core.data.dataset import DataSet
    from core.data.watch import Watch
    from core.engine.context import StageContext


class Stopped(Exception):
    """A stage stopped at a step boundary because it was asked to; its checkpoint is written."""


@dataclass(frozen=True)
class StageResult:
    """What a stage says of its outcome, beside the artifacts that it wrote."""

    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    """Split → accuracy by group of the network that the stage hands on."""
    keep_ratio: float | None = None
    """Share of maskable weights that the network keeps; None where there are no masks."""
    selection: Mapping[str, Any] | None = None
    """The rule in force and what each rule would have picked."""
    restarts: Mapping[str, Any] = field(default_factory=dict)
    """Split → what all members of a training reach, as `core.runs.record.StageRecord` keeps it."""


class Stage(Protocol):
    """One step of a pipeline.

    A stage never prints, never draws and never opens the index. It can stop at every step boundary and resumes from its
    checkpoint to the very result of an uninterrupted run. Subclasses are frozen dataclasses whose `Section` fields are
    their configuration.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever a change of the code changes the artifacts."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the earlier stages whose artifacts this one reads."""
        ...

    def run(self, context: "StageContext") -> StageResult:
        """Do the work and write the artifacts into `context.directory`.

        Raises:
            StageError: the stage cannot go on; says what and what to try.
            Stopped: it was asked to stop, and wrote a checkpoint.
        """
        ...


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
    """Everything that decides what a stage makes: its kind and the values of its fields, as plain data."""
    values = {}
    for f in fields(stage):  # type: ignore[arg-type]  # stages are dataclasses, which a Protocol cannot say
        value = getattr(stage, f.name)
        values[f.name] = value.deciding() if isinstance(value, Section) else value
    return {"kind": type(stage).__name__, **values}


def stage_key(stage: Stage, input_keys: list[str], fingerprint: str, seed: int) -> str:
    """Hash of the stage's configuration and code version, its inputs' keys, the data and the seed."""
    text = orjson.dumps(
        [stage.name, stage.version, stage_settings(stage), input_keys, fingerprint, seed], option=orjson.OPT_SORT_KEYS
    )
    return hashlib.sha256(text).hexdigest()[:24]
