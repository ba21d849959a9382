"""What a run says while it works: the typed records of its stream (no torch).

One record is one line of JSON: `{"kind": …, "t": seconds since 1970, …fields}`. A reader skips kinds and fields that it
does not know, so an older program can read a newer stream.
"""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import orjson


@dataclass(frozen=True, slots=True)
class Event:
    """Anything that a run says."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run begins, or goes on after a stop (`resumed`), in process `pid` on `host`."""

    kind: ClassVar[str] = "run-started"
    pid: int
    host: str
    device: str
    resumed: bool


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """A stage begins at step `start` of `total` (0 where it cannot be counted)."""

    kind: ClassVar[str] = "stage-started"
    stage: str
    total: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class StageReused(Event):
    """A stage's artifacts were taken from run `source`, which made them with an equal key."""

    kind: ClassVar[str] = "stage-reused"
    stage: str
    source: str


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """Step `step` of `total` is done."""

    kind: ClassVar[str] = "progress"
    stage: str
    step: int
    total: int


@dataclass(frozen=True, slots=True)
class Scalars(Event):
    """Named numbers at a step: losses, learning rate, keep ratio. `epoch` is the fraction of passes over the data."""

    kind: ClassVar[str] = "scalars"
    stage: str
    step: int
    epoch: float
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Evaluated(Event):
    """The network was evaluated: `evaluation` is what `core.groups.Evaluation.to_json` returns.

    `final` marks the evaluation of the checkpoint that the stage hands on; the others are looks along the way.
    """

    kind: ClassVar[str] = "evaluated"
    stage: str
    step: int
    split: str
    evaluation: dict[str, Any]
    final: bool = False


@dataclass(frozen=True, slots=True)
class Sparsity(Event):
    """Share of weights that the masks keep at their threshold: over all layers and by layer."""

    kind: ClassVar[str] = "sparsity"
    stage: str
    step: int
    keep_ratio: float
    layers: dict[str, float]


@dataclass(frozen=True, slots=True)
class Choice(Event):
    """Checkpoint and number of clusters were chosen: every candidate looked at, the one taken, and why, in words."""

    kind: ClassVar[str] = "choice"
    stage: str
    candidates: list[dict[str, Any]]
    chosen: int
    reason: str


@dataclass(frozen=True, slots=True)
class Clustered(Event):
    """Composition of the clusters: `table[c][y]` counts the samples of class y in cluster c.

    `group_table[c][g]` counts those of group `groups[g]`; both are empty where the data set has no attributes. Groups
    are there to be looked at: they are counted after the choice, and nothing may choose by them.
    """

    kind: ClassVar[str] = "clustered"
    stage: str
    labels: list[str]
    table: list[list[int]]
    groups: list[str] = field(default_factory=list)
    group_table: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Balanced(Event):
    """What the balanced set takes: `table[c][y]` entries of class y from cluster c, under `rule`."""

    kind: ClassVar[str] = "balanced"
    stage: str
    rule: str
    size: int
    table: list[list[int]]


@dataclass(frozen=True, slots=True)
class EnvironmentsMade(Event):
    """What the environments are made of: `table[e][y]` counts the samples of class y in environment `names[e]`.

    `source` says in words where they come from. Of the `total` samples of the training split `used` are in at least
    one environment; a sample may be in several. `group_table[e][g]` counts those of group `groups[g]`; both are empty
    where the data set has no attributes. `conflicts` holds the number of samples taken for conflicts (`found`) and,
    where there is one attribute to compare with, `true` (attribute and label differ) and `hits` (both); it is empty
    where the environments do not come from conflicts. Groups and true conflicts are there to be looked at; nothing
    chooses by them.
    """

    kind: ClassVar[str] = "environments"
    stage: str
    source: str
    names: list[str]
    labels: list[str]
    table: list[list[int]]
    total: int
    used: int
    groups: list[str] = field(default_factory=list)
    group_table: list[list[int]] = field(default_factory=list)
    conflicts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Restarts(Event):
    """All members of a training at once: for each the penalty weight, the number of its restart, and two accuracies.

    `average` and `worst` (group) are shares of the `n` samples of `split`, one for each member. `final` marks those of
    the checkpoints that the rule in force takes, each member's own; `chosen` is the member that the stage then hands
    on.
    """

    kind: ClassVar[str] = "restarts"
    stage: str
    step: int
    split: str
    n: int
    weights: list[float]
    restarts: list[int]
    average: list[float]
    worst: list[float]
    final: bool = False
    chosen: int | None = None


@dataclass(frozen=True, slots=True)
class Selected(Event):
    """The checkpoint that a stage hands on: `picks` maps each rule to `{step, value, uses}`; `rule` is in force."""

    kind: ClassVar[str] = "selected"
    stage: str
    rule: str
    step: int
    picks: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """An alarm that needs no labels of the attribute: `code` for programs, `text` for people."""

    kind: ClassVar[str] = "warned"
    stage: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Logged(Event):
    """A line of the run's log."""

    kind: ClassVar[str] = "logged"
    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    """A stage is done after `seconds` of work, those before a stop included."""

    kind: ClassVar[str] = "stage-finished"
    stage: str
    seconds: float
    keep_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run ended as `status`: finished, stopped or failed; `reason` says why where it failed."""

    kind: ClassVar[str] = "run-finished"
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event with the time at which it was said."""

    t: float
    event: Event


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        RunStarted,
        StageStarted,
        StageReused,
        Progress,
        Scalars,
        Evaluated,
        Sparsity,
        Choice,
        Clustered,
        Balanced,
        EnvironmentsMade,
        Restarts,
        Selected,
        Warned,
        Logged,
        StageFinished,
        RunFinished,
    )
}


def encode(event: Event, t: float) -> bytes:
    """Return the event as one line that ends in a newline; NaN and infinities become null."""
    return orjson.dumps(
        {"kind": event.kind, "t": t, **{f.name: getattr(event, f.name) for f in fields(event)}},
        option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY,
    )


def decode(line: bytes) -> Stamped | None:
    """Read one line; None for a kind that this version does not know or a line that is no event."""
    try:
        value = orjson.loads(line)
        cls = KINDS[value["kind"]]
        known = {f.name for f in fields(cls)}
        return Stamped(value["t"], cls(**{k: v for k, v in value.items() if k in known}))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
