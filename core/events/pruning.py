"""Events of masks and of what is left of a network (no torch)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from core.events.event import Event
from core.groups import Evaluation
from core.words import percent


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
