"""Events: the typed records in the stream of a run (no torch).

A record is one line of JSON: `{"kind": …, "t": seconds since 1970, …fields}`. Readers skip unknown kinds and fields, so
an older program can read a newer stream. A stage may define its own events: a subclass of `Event` with a `kind` is
registered by its definition, and stored, logged and shown like those below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, Self

import orjson

from core.groups import Evaluation
from core.words import duration, percent, span, sparsity, spread, weight

KINDS: dict[str, type["Event"]] = {}
"""Kind → event class; filled by the definitions of the classes."""
SERIOUS = frozenset({"one-class", "worse-than-erm"})
"""Codes of the warnings that a network is not to be used (`core.training.harm`)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the stream.

    Attributes:
        kind: unique name in the stream.
        lasting: whether it describes the result of a stage, not its progress. Lasting events are kept with the
            artifacts of their stage and repeated in the stream of a run that reuses them.
    """

    kind: ClassVar[str] = ""
    lasting: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        known = KINDS.setdefault(cls.kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"two events have the kind '{cls.kind}': {known.__qualname__} and {cls.__qualname__}")
        KINDS[cls.kind] = cls  # `slots` creates every class twice; the second one is in use

    @property
    def lasts(self) -> bool:
        """Whether this particular event is lasting."""
        return self.lasting

    def replaces(self, old: "Event") -> bool:
        """Whether this event supersedes `old`, a lasting event of the same stage."""
        return type(old) is type(self)

    def line(self) -> str | None:
        """The event as one log line; None for events that are too frequent for a log."""
        return None

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        """Make the event from the values of its record; unknown ones are ignored."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run starts, or continues after a stop (`resumed`), in process `pid` on `host`."""

    kind: ClassVar[str] = "run-started"
    pid: int
    host: str
    device: str
    resumed: bool

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
    """Step `step` of `total` is done."""

    kind: ClassVar[str] = "progress"
    stage: str
    step: int
    total: int


@dataclass(frozen=True, slots=True)
class Scalars(Event):
    """Named numbers at a step, such as losses. `epoch` is the number of passes over the data, as a fraction."""

    kind: ClassVar[str] = "scalars"
    stage: str
    step: int
    epoch: float
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Evaluated(Event):
    """The network was evaluated on a split.

    `final` marks the evaluation of the final checkpoint of the stage; others are evaluations along the way.
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
        result, worst = self.evaluation, self.evaluation.worst_group
        at = "" if self.final else f" at step {self.step:,}"
        return (
            f"{self.stage}: {self.split}{at}: worst {result.unit} {percent(worst.accuracy)} % "
            f"({worst.title}, n = {worst.n:,}), average {percent(result.average)} % (n = {result.n:,})"
        )

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        evaluation = Evaluation.from_json(values["split"], values["evaluation"])
        return cls(values["stage"], values["step"], values["split"], evaluation, values.get("final", False))


@dataclass(frozen=True, slots=True)
class Sparsity(Event):
    """Share of weights kept by the thresholded masks: over all layers and by layer."""

    kind: ClassVar[str] = "sparsity"
    lasting: ClassVar[bool] = True
    stage: str
    step: int
    keep_ratio: float
    layers: dict[str, float]


@dataclass(frozen=True, slots=True)
class MasksKept(Event):
    """The stage keeps as many weights as the masks of an earlier one; `keep_ratio` is their share."""

    kind: ClassVar[str] = "masks-kept"
    lasting: ClassVar[bool] = True
    stage: str
    keep_ratio: float


@dataclass(frozen=True, slots=True)
class SparsityPoint(Event):
    """The network of ERM, pruned in some way to some share of its weights, then fine-tuned.

    Attributes:
        way: `masks`, `magnitude`, `magnitude-tuned`, `random`, or `dense` for the network with all weights.
        share: of the maskable weights to keep, in (0, 1].
        kept: share that is kept; differs by less than one weight.
        validation: accuracy on the validation split.
        test: accuracy on the test split.
    """

    kind: ClassVar[str] = "sparsity-point"
    lasting: ClassVar[bool] = True
    stage: str
    way: str
    share: float
    kept: float
    validation: Evaluation
    test: Evaluation

    def replaces(self, old: Event) -> bool:
        return isinstance(old, SparsityPoint) and (old.way, old.share) == (self.way, self.share)

    def line(self) -> str:
        worst = self.test.worst_group
        return (
            f"{self.stage}: {self.way}, {100 * self.share:g} % of weights kept: test: worst {self.test.unit} "
            f"{percent(worst.accuracy)} % ({worst.title}, n = {worst.n:,}), average {percent(self.test.average)} %"
        )

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> Self:
        splits = (Evaluation.from_json(split, values[split]) for split in ("validation", "test"))
        return cls(values["stage"], values["way"], values["share"], values["kept"], *splits)


@dataclass(frozen=True, slots=True)
class Choice(Event):
    """Choice of checkpoint and number of clusters: all candidates, the chosen one, and the reason as a sentence."""

    kind: ClassVar[str] = "choice"
    lasting: ClassVar[bool] = True
    stage: str
    candidates: list[dict[str, Any]]
    chosen: int
    reason: str

    def line(self) -> str:
        return f"{self.stage}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PseudoGroupsFound(Event):
    """Composition of the pseudo-groups: `table[c][y]` counts the samples of class y in pseudo-group c.

    `source` describes the finder, `names` the pseudo-groups; both are empty for clusters of an earlier version.
    `quality` has label-free numbers (`core.finding.quality.Quality`); `tried` the finders that were compared, each with
    its `source`, quality and stage; `reason` says in a sentence why this one was taken.
    `group_table[c][g]` counts the samples of group `groups[g]`; both are empty if the data set has no attributes.
    `conflicts` has the number of presumed conflict samples (`found`) and, with attributes, `true` (an attribute and the
    label differ) and `hits` (both). Groups and true conflicts are for information only: they are counted after the
    choice and must not affect it.
    """

    kind: ClassVar[str] = "clustered"  # as in streams of earlier versions
    lasting: ClassVar[bool] = True
    stage: str
    labels: list[str]
    table: list[list[int]]
    groups: list[str] = field(default_factory=list)
    group_table: list[list[int]] = field(default_factory=list)
    source: str = ""
    names: list[str] = field(default_factory=list)
    conflicts: dict[str, int] = field(default_factory=dict)
    quality: dict[str, float | None] = field(default_factory=dict)
    tried: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""

    @property
    def titles(self) -> list[str]:
        """Name of each pseudo-group, also of one by an earlier version."""
        return self.names or [f"cluster {number}" for number in range(len(self.table))]

    @property
    def finders(self) -> list[str]:
        """Stages of the finders, the one whose pseudo-groups were taken first."""
        taken = [finder["stage"] for finder in self.tried if finder["source"] == self.source]
        return list(dict.fromkeys([*taken, *(finder["stage"] for finder in self.tried)])) or [self.stage]

    def line(self) -> str | None:
        if not self.source:
            return None
        text = f"{self.stage}: {len(self.table)} pseudo-groups ({self.source})"
        return ". ".join(part for part in (text, conflicts_sentence(self.conflicts), self.reason) if part)


@dataclass(frozen=True, slots=True)
class Balanced(Event):
    """Composition of the balanced set: `table[c][y]` entries of class y from cluster c, under `rule`."""

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
    """Composition of the environments: `table[e][y]` counts the samples of class y in environment `names[e]`.

    `source` describes their origin. Of the `total` samples of the training split, `used` are in at least one
    environment; a sample may be in several. `group_table[e][g]` counts those of group `groups[g]`; both are empty if
    the data set has no attributes. `conflicts` has the number of presumed conflict samples (`found`) and, if there is
    exactly one attribute, `true` (attribute and label differ) and `hits` (both); it is empty if the environments do not
    come from conflicts. Groups and true conflicts are for information only and must not affect any choice.
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

    def line(self) -> str:
        sizes = ", ".join(f"{sum(row):,} in {name}" for name, row in zip(self.names, self.table, strict=True))
        text = f"{self.stage}: {sizes} ({self.source}); {self.used:,} of {self.total:,} training images used"
        return f"{text}; {conflicts}" if (conflicts := conflicts_sentence(self.conflicts)) else text


def conflicts_sentence(conflicts: Mapping[str, int]) -> str:
    """Conflict samples in one phrase; empty if there are none to count.

    Args:
        conflicts: `found`, and possibly `true` and `hits`, as in `PseudoGroupsFound`.
    """
    found = conflicts.get("found")
    if found is None:
        return ""
    text = f"conflict samples: {found:,} found"
    if (true := conflicts.get("true")) is not None:
        hits = conflicts.get("hits", 0)
        precision, recall = (percent(hits / n if n else None) for n in (found, true))
        text += f", precision {precision} %, recall {recall} % (for information only)"
    return text


class Members(NamedTuple):
    """Networks trained with one penalty weight: worst-group and average accuracy of each, in [0, 1].

    `chosen` is the index of the stage's final network, if it is among them.
    """

    weight: float
    worst: tuple[float, ...]
    average: tuple[float, ...]
    chosen: int | None


@dataclass(frozen=True, slots=True)
class Restarts(Event):
    """Accuracies of all members of a training, with the penalty weight and the restart index of each.

    `average` and `worst` (group) are accuracies on the `n` samples of `split`, one per member. `final` marks the
    evaluation of each member's selected checkpoint; `chosen` is the member that becomes the stage's final network.
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
    """The selected checkpoint of a stage: `picks` maps each rule to `{step, value, uses}`; `rule` is the active one."""

    kind: ClassVar[str] = "selected"
    lasting: ClassVar[bool] = True
    stage: str
    rule: str
    step: int
    picks: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """A warning, found without attribute labels: `code` for programs, `text` for people."""

    kind: ClassVar[str] = "warned"
    lasting: ClassVar[bool] = True
    stage: str
    code: str
    text: str

    @property
    def serious(self) -> bool:
        """Whether the network of the stage is not to be used."""
        return self.code in SERIOUS

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


@dataclass(frozen=True, slots=True)
class Stamped:
    """An event with its time, in seconds since 1970."""

    t: float
    event: Event


def latest(events: Sequence[Event], new: Event) -> list[Event]:
    """Add a lasting event of a stage: those that it replaces are removed, and it comes last."""
    return [*(old for old in events if not new.replaces(old)), new]


def encode(event: Event, t: float) -> bytes:
    """Return the event as one line that ends in a newline; NaN and infinities become null."""
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    plain = {name: value.to_json() if hasattr(value, "to_json") else value for name, value in values.items()}
    return orjson.dumps(
        {"kind": event.kind, "t": t, **plain}, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    )


def decode(line: bytes) -> Stamped | None:
    """Parse one line; None if its kind is unknown or it is not an event."""
    try:
        value = orjson.loads(line)
        if value["kind"] not in KINDS:
            from core import discovery

            discovery.import_stages()  # an unknown kind may be one that a stage defines
        return Stamped(value["t"], KINDS[value["kind"]].from_fields(value))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None
