"""The events of a run: the typed records of its stream (no torch).

One record is one line of JSON: `{"kind": …, "t": seconds since 1970, …fields}`. A reader skips kinds and fields that it
does not know, so an older program can read a newer stream. A stage may define events of its own: a subclass of `Event`
with a `kind` is registered by its definition, and is stored, folded, logged and shown like those below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, Self

import orjson

from core.groups import Evaluation
from core.words import duration, percent, span, sparsity, spread, weight

KINDS: dict[str, type["Event"]] = {}
"""Kind → event class; filled by the definitions of the classes."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the stream.

    Attributes:
        kind: its name in the stream; unique.
        lasting: whether it describes the outcome of a stage, not the way to it. Lasting events are kept with the
            artifacts of their stage and repeated in the stream of a run that reuses them.
    """

    kind: ClassVar[str] = ""
    lasting: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        known = KINDS.setdefault(cls.kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"two events have the kind '{cls.kind}': {known.__qualname__} and {cls.__qualname__}")
        KINDS[cls.kind] = cls  # `slots` makes every class twice; the second one is in use

    @property
    def lasts(self) -> bool:
        """Whether this very event describes the outcome of its stage."""
        return self.lasting

    def replaces(self, old: "Event") -> bool:
        """Whether `old`, a lasting event of the same stage, no longer counts after this one."""
        return type(old) is type(self)

    def line(self) -> str | None:
        """The event as one line of a log; None if such events are too many for a log."""
        return None

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        """Make the event of the values in its record; unknown ones are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run begins, or goes on after a stop (`resumed`), in process `pid` on `host`."""

    kind: ClassVar[str] = "run-started"
    pid: int
    host: str
    device: str
    resumed: bool

    def line(self) -> str:
        return f"run {'resumes' if self.resumed else 'starts'} on {self.device}, process {self.pid}"


@dataclass(frozen=True, slots=True)
class StageStarted(Event):
    """A stage begins at step `start` of `total` (0 where it cannot be counted)."""

    kind: ClassVar[str] = "stage-started"
    stage: str
    total: int
    start: int = 0

    def line(self) -> str:
        steps = f", {self.total:,} steps" if self.total > 1 else ""
        return f"{self.stage}: starts{steps}" + (f", from step {self.start:,}" if self.start else "")


@dataclass(frozen=True, slots=True)
class StageReused(Event):
    """A stage's artifacts were taken from run `source`, which made them with an equal key."""

    kind: ClassVar[str] = "stage-reused"
    stage: str
    source: str

    def line(self) -> str:
        return f"{self.stage}: reused from run {self.source}"


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
    """The network was evaluated on a split.

    `final` marks the evaluation of the checkpoint that the stage hands on; the others are looks along the way.
    """

    kind: ClassVar[str] = "evaluated"
    lasting: ClassVar[bool] = True
    stage: str
    step: int
    split: str
    evaluation: Evaluation
    final: bool = False

    @property
    def lasts(self) -> bool:
        return self.final

    def replaces(self, old: Event) -> bool:
        return isinstance(old, Evaluated) and old.split == self.split

    def line(self) -> str:
        found, worst = self.evaluation, self.evaluation.worst_group
        at = "" if self.final else f" at step {self.step:,}"
        return (
            f"{self.stage}: {self.split}{at}: worst {found.unit} {percent(worst.accuracy)} % "
            f"({worst.title}, n = {worst.n:,}), average {percent(found.average)} % (n = {found.n:,})"
        )

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        evaluation = Evaluation.from_json(values["split"], values["evaluation"])
        return cls(values["stage"], values["step"], values["split"], evaluation, values.get("final", False))


@dataclass(frozen=True, slots=True)
class Sparsity(Event):
    """Share of weights that the masks keep at their threshold: over all layers and by layer."""

    kind: ClassVar[str] = "sparsity"
    lasting: ClassVar[bool] = True
    stage: str
    step: int
    keep_ratio: float
    layers: dict[str, float]


@dataclass(frozen=True, slots=True)
class MasksKept(Event):
    """The masks of an earlier stage stay as they are; `keep_ratio` is the share of weights that they keep."""

    kind: ClassVar[str] = "masks-kept"
    lasting: ClassVar[bool] = True
    stage: str
    keep_ratio: float


@dataclass(frozen=True, slots=True)
class Choice(Event):
    """Checkpoint and number of clusters were chosen: every candidate looked at, the one taken, and why, in words."""

    kind: ClassVar[str] = "choice"
    lasting: ClassVar[bool] = True
    stage: str
    candidates: list[dict[str, Any]]
    chosen: int
    reason: str

    def line(self) -> str:
        return f"{self.stage}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Clustered(Event):
    """Composition of the clusters: `table[c][y]` counts the samples of class y in cluster c.

    `group_table[c][g]` counts those of group `groups[g]`; both are empty where the data set has no attributes. Groups
    are there to be looked at: they are counted after the choice, and nothing may choose by them.
    """

    kind: ClassVar[str] = "clustered"
    lasting: ClassVar[bool] = True
    stage: str
    labels: list[str]
    table: list[list[int]]
    groups: list[str] = field(default_factory=list)
    group_table: list[list[int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Balanced(Event):
    """What the balanced set takes: `table[c][y]` entries of class y from cluster c, under `rule`."""

    kind: ClassVar[str] = "balanced"
    lasting: ClassVar[bool] = True
    stage: str
    rule: str
    size: int
    table: list[list[int]]

    def line(self) -> str:
        return f"{self.stage}: balanced set of {self.size:,} entries (rule {self.rule})"


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
    lasting: ClassVar[bool] = True
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

    @property
    def conflicts_sentence(self) -> str:
        """The conflict samples in one line; empty if the environments do not come from conflicts."""
        found = self.conflicts.get("found")
        if found is None:
            return ""
        text = f"conflict samples: {found:,} found"
        if (true := self.conflicts.get("true")) is not None:
            hits = self.conflicts.get("hits", 0)
            precision, recall = (percent(hits / n if n else None) for n in (found, true))
            text += f", precision {precision} %, recall {recall} % (for information only)"
        return text

    def line(self) -> str:
        sizes = ", ".join(f"{sum(row):,} in {name}" for name, row in zip(self.names, self.table, strict=True))
        text = f"{self.stage}: {sizes} ({self.source}); {self.used:,} of {self.total:,} training images used"
        return f"{text}; {self.conflicts_sentence}" if self.conflicts_sentence else text


class Members(NamedTuple):
    """Networks that were trained with one penalty weight: worst-group accuracy and average of each, shares in [0, 1].

    `chosen` is the place of the one that the stage hands on, if it is among them.
    """

    weight: float
    worst: tuple[float, ...]
    average: tuple[float, ...]
    chosen: int | None


@dataclass(frozen=True, slots=True)
class Restarts(Event):
    """All members of a training at once: for each the penalty weight, the number of its restart, and two accuracies.

    `average` and `worst` (group) are shares of the `n` samples of `split`, one for each member. `final` marks those of
    the checkpoints that the rule in force takes, each member's own; `chosen` is the member that the stage then hands
    on.
    """

    kind: ClassVar[str] = "restarts"
    lasting: ClassVar[bool] = True
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

    @property
    def lasts(self) -> bool:
        return self.final

    def replaces(self, old: Event) -> bool:
        return isinstance(old, Restarts) and old.split == self.split

    def by_weight(self) -> list["Members"]:
        """The members of each penalty weight, the weights in the order in which they first appear."""
        out = []
        for value in dict.fromkeys(self.weights):
            at = [i for i, other in enumerate(self.weights) if other == value]
            chosen = at.index(self.chosen) if self.chosen in at else None
            worst, average = (tuple(column[i] for i in at) for column in (self.worst, self.average))
            out.append(Members(value, worst, average, chosen))
        return out

    def line(self) -> str:
        found = self.by_weight()
        at = "" if self.final else f" at step {self.step:,}"
        parts = []
        for members in found:
            of = f"weight {weight(members.weight)}: " if len(found) > 1 else ""
            extremes = f" ({span(members.worst)})" if len(members.worst) > 1 else ""
            parts.append(f"{of}worst group {spread(members.worst)} %{extremes}, average {spread(members.average)} %")
        count = len(found[0].worst) if found else 0
        restarts = "1 restart" if count == 1 else f"{count} restarts"
        return f"{self.stage}: {self.split}{at}, {restarts}: {'; '.join(parts)} (n = {self.n:,})"


@dataclass(frozen=True, slots=True)
class Selected(Event):
    """The checkpoint that a stage hands on: `picks` maps each rule to `{step, value, uses}`; `rule` is in force."""

    kind: ClassVar[str] = "selected"
    lasting: ClassVar[bool] = True
    stage: str
    rule: str
    step: int
    picks: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """An alarm that needs no labels of the attribute: `code` for programs, `text` for people."""

    kind: ClassVar[str] = "warned"
    lasting: ClassVar[bool] = True
    stage: str
    code: str
    text: str

    def replaces(self, old: Event) -> bool:
        return old == self

    def line(self) -> str:
        return f"{self.stage}: warning: {self.text}"


@dataclass(frozen=True, slots=True)
class Logged(Event):
    """A line of the run's log."""

    kind: ClassVar[str] = "logged"
    text: str
    level: str = "info"

    def line(self) -> str | None:
        return self.text if self.level == "data" else None  # long work before a stage can begin


@dataclass(frozen=True, slots=True)
class StageFinished(Event):
    """A stage is done after `seconds` of work, those before a stop included."""

    kind: ClassVar[str] = "stage-finished"
    stage: str
    seconds: float
    keep_ratio: float | None = None

    def line(self) -> str:
        kept = f", sparsity {sparsity(self.keep_ratio)} %" if self.keep_ratio is not None else ""
        return f"{self.stage}: done in {duration(self.seconds)}{kept}"


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run ended as `status`: finished, stopped or failed; `reason` says why where it failed."""

    kind: ClassVar[str] = "run-finished"
    status: str
    reason: str = ""

    def line(self) -> str:
        return f"run {self.status}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event with the time at which it was said."""

    t: float
    event: Event


def latest(events: Sequence[Event], new: Event) -> list[Event]:
    """Lasting events of a stage after a new one: those that it replaces are gone, and it comes last."""
    return [*(old for old in events if not new.replaces(old)), new]


def encode(event: Event, t: float) -> bytes:
    """Return the event as one line that ends in a newline; NaN and infinities become null."""
    return orjson.dumps(
        {"kind": event.kind, "t": t, **{f.name: getattr(event, f.name) for f in fields(event)}},
        default=lambda value: value.to_json(),
        option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS,
    )


def decode(line: bytes) -> Stamped | None:
    """Read one line; None if it is of a kind that this version does not know, or is not an event."""
    try:
        value = orjson.loads(line)
        if value["kind"] not in KINDS:
            from core import discovery

            discovery.import_stages()  # an unknown kind may be one that a stage defines
        return Stamped(value["t"], KINDS[value["kind"]].from_fields(value))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
