"""Events that tell how far a run is (no torch)."""

from dataclasses import dataclass, field
from typing import ClassVar

from core.events.event import Event
from core.words import duration, sparsity


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run starts, or continues after a stop (`resumed`), in process `pid` on `host`.

    `software` has the versions of what computes it, and the system and the device by their full names.
    """

    kind: ClassVar[str] = "run-started"
    pid: int
    host: str
    device: str
    resumed: bool
    software: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        return f"run {'resumes' if self.resumed else 'starts'} on {self.device}, process {self.pid}"


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """A stage starts at step `start` of `total` (0 if unknown)."""

    kind: ClassVar[str] = "stage-started"
    stage: str
    total: int
    start: int = 0

    def line(self) -> str:
        steps = f", {self.total:,} steps" if self.total > 1 else ""
        return f"{self.stage}: starts{steps}" + (f", from step {self.start:,}" if self.start else "")


@dataclass(frozen=True, slots=True)
class StageReused(Event):
    """A stage's artifacts were reused from run `source`, where they have the same key."""

    kind: ClassVar[str] = "stage-reused"
    stage: str
    source: str

    def line(self) -> str:
        return f"{self.stage}: reused from run {self.source}"


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """Step `step` of `total` is done; the stage ends in about `left` seconds, None if unknown."""

    kind: ClassVar[str] = "progress"
    stage: str
    step: int
    total: int
    left: float | None = None


@dataclass(frozen=True, slots=True)
class Logged(Event):
    """A line of the run's log."""

    kind: ClassVar[str] = "logged"
    text: str
    level: str = "info"

    def line(self) -> str | None:
        return self.text if self.level == "data" else None  # long work before a stage can start


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    """A stage is done after `seconds` of work, including work before a stop."""

    kind: ClassVar[str] = "stage-finished"
    stage: str
    seconds: float
    keep_ratio: float | None = None

    def line(self) -> str:
        kept = f", sparsity {sparsity(self.keep_ratio)} %" if self.keep_ratio is not None else ""
        return f"{self.stage}: done in {duration(self.seconds)}{kept}"


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run ended with `status` finished, stopped or failed; `reason` says why it failed."""

    kind: ClassVar[str] = "run-finished"
    status: str
    reason: str = ""

    def line(self) -> str:
        return f"run {self.status}" + (f": {self.reason}" if self.reason else "")
