"""Stage `sparse`: worst-group accuracy against the share of weights kept, for several ways of pruning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.artifacts import MODEL, NETWORK_FILES, SPARSITY
from core.config import Compute, Finetune, Model, Prune, Section, Select
from core.engine.stage import Stage
from core.events import SparsityPoint, StageStarted, encode

if TYPE_CHECKING:
    from core.engine.context import StageContext

Way = Literal["masks", "magnitude", "magnitude-tuned", "random"]
DENSE = "dense"
"""Name of the point at which nothing is pruned."""


class Sparse(Section, section="sparse"):
    """Stage `sparse`: accuracy against the share of weights kept."""

    shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)] = (
        1.0,
        0.5,
        0.2,
        0.1,
        0.05,
        0.02,
    )
    """Shares of the maskable weights to keep; 1, the network fine-tuned with nothing pruned, is always trained."""
    ways: Annotated[tuple[Way, ...], Field(min_length=1)] = ("masks", "magnitude", "magnitude-tuned", "random")
    """Ways to choose the weights that are kept: masks learned as in stage `prune`, the largest weights of ERM, the
    largest after fine-tuning, or random ones."""


@dataclass(frozen=True)
class MeasureSparsity(Stage):
    """Prune the network of ERM to every share in every way, and fine-tune each on the balanced set.

    The network of the stage is the one with nothing pruned, fine-tuned in the same way.
    """

    sparse: Sparse
    prune: Prune
    finetune: Finetune
    model: Model
    select: Select
    compute: Compute = field(default_factory=Compute)
    name: ClassVar[str] = "sparse"
    version: ClassVar[int] = 2
    parallel: ClassVar[bool] = True
    files: ClassVar[Mapping[str, str]] = {**NETWORK_FILES, r"sparsity\.json": "accuracy against weights kept"}

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("erm", "find", "balance")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("sparse", "prune", "finetune", "model.name", "select", "compute")

    @property
    def points(self) -> tuple[tuple[str, float], ...]:
        """Way and share of every point in the order of work: the dense network first, then from many weights to few."""
        shares = sorted({share for share in self.sparse.shares if share < 1}, reverse=True)
        ways = tuple(dict.fromkeys(self.sparse.ways))
        return ((DENSE, 1.0), *((way, share) for share in shares for way in ways))

    def run(self, context: "StageContext") -> None:
        from itertools import accumulate

        from core.engine.part import Part
        from core.pruning.curve import SparsityCurve
        from core.tensors import save_tensors
        from core.training.predict import final_evaluation

        steps = [self.finetune.steps + (self.prune.steps if way == "masks" else 0) for way, _ in self.points]
        starts = list(accumulate(steps, initial=0))

        def part(name: str, before: int, kept: Callable[[], Mapping[str, Any]]) -> "StageContext":
            return Part(context, name, kept, starts[len(_found(context))] + before, starts[-1])

        curve = SparsityCurve(context, part, self.prune, self.finetune, self.model, self.select, self.compute)
        context.emit(StageStarted(context.stage, starts[-1], starts[len(_found(context))]))
        for way, share in self.points[len(_found(context)) :]:
            context.emit(curve.point(way, share))
        values = [encode(point, 0.0) for point in _found(context)]
        (context.directory / SPARSITY).write_bytes(b"[" + b",".join(values) + b"]")
        save_tensors(context.directory / MODEL, dict(curve.dense))
        dense = curve.network(curve.dense)
        final_evaluation(context, dense, self.finetune.steps, {"validation": curve.validation, "test": curve.test})


def _found(context: "StageContext") -> "list[SparsityPoint]":
    """The points so far, those before a stop too."""
    return [event for event in context.lasting_events() if isinstance(event, SparsityPoint)]
