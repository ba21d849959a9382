"""Stage `balance`: draw the class-balanced set from the pseudo-groups, and warn about problems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED
from core.config import Balance
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Balanced, StageStarted, Warned

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class DrawBalancedSet(Stage):
    """Draw the set in which the classes of every pseudo-group are balanced."""

    balance: Balance
    name: ClassVar[str] = "balance"
    files: ClassVar[Mapping[str, str]] = {r"balanced\.safetensors": "indices of the balanced set"}

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("find",)

    def run(self, context: "StageContext") -> None:
        import torch

        from core.clustering.composition import balance_warnings
        from core.finding.balanced import draw_balanced
        from core.finding.pseudo_groups import PseudoGroups
        from core.tensors import save_tensors

        context.emit(StageStarted(context.stage, 1))
        groups = PseudoGroups.load(context.input("find"))
        labels, names = context.data.splits["train"].labels, context.data.label_names
        drawn = draw_balanced(groups, labels, len(names), self.balance, context.streams.seed("balance"))
        context.emit(Balanced(context.stage, self.balance.rule, len(drawn.indices), drawn.table.tolist()))
        table = groups.table(labels, len(names))
        for finding in balance_warnings(table, drawn.table, labels=names, warn_below=self.balance.warn_below):
            context.emit(Warned(context.stage, finding.code, finding.text))
            if self.balance.problems == "fail" and len(drawn.indices):
                raise StageError(finding.text.removesuffix("."), "or continue anyway with balance.problems=warn")
        if not len(drawn.indices):
            raise StageError(
                "the balanced set is empty: no pseudo-group has samples of every class",
                "try another finder (find.by), or for clusters fewer of them (cluster.k)",
            )
        tensors = {"indices": torch.from_numpy(drawn.indices), "weights": torch.from_numpy(drawn.weights)}
        save_tensors(context.directory / BALANCED, tensors)
        context.progress(1, 1)
