"""Events of networks in training: losses, accuracies, the selected checkpoint, warnings (no torch)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

from core.events.event import Event
from core.groups import Evaluation
from core.words import percent, span, spread, weight

SERIOUS = frozenset({"one-class", "worse-than-erm"})
"""Codes of the warnings that a network is not to be used (`core.training.harm`)."""


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
class Selected(Event):
    """The selected checkpoint of a stage: `picks` maps each rule to `{step, value, uses}`; `rule` is the active one."""

    kind: ClassVar[str] = "selected"
    lasting: ClassVar[bool] = True
    stage: str
    rule: str
    step: int
    picks: dict[str, dict[str, Any]]

    @property
    def whole(self) -> bool:
        return all(
            isinstance(pick.get("step"), int) and isinstance(pick.get("value"), int | float | None)
            for pick in self.picks.values()
        )


@dataclass(frozen=True, slots=True)
class NetworkKept(Event):
    """The network that was kept: its stage, what each candidate has on validation, and the reason as a sentence.

    `candidates` maps each stage to `{worst_cell, worst_class, average}`; no group labels are used.
    """

    kind: ClassVar[str] = "network-kept"
    lasting: ClassVar[bool] = True
    stage: str
    source: str
    candidates: dict[str, dict[str, float | None]]
    reason: str

    def line(self) -> str:
        return f"{self.stage}: {self.reason}"


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
class DoubtSettled(Event):
    """The result of a stage settles a doubt of an earlier one: the warning with this `code`, which no longer counts."""

    kind: ClassVar[str] = "doubt-settled"
    lasting: ClassVar[bool] = True
    stage: str
    code: str
    reason: str

    def line(self) -> str:
        return f"{self.stage}: {self.reason}"


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

    @property
    def whole(self) -> bool:
        columns = (self.weights, self.restarts, self.average, self.worst)
        return len({len(column) for column in columns}) == 1 and self.chosen in (None, *range(len(self.weights)))

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
