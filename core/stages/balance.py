"""Stage `balance`: draw the class-balanced set from the clusters, and warn about problems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import BALANCED, CLUSTERS
from core.config import Balance, Cluster
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Balanced, StageStarted, Warned

if TYPE_CHECKING:
    from core.engine.context import StageContext


@dataclass(frozen=True)
class DrawBalancedSet(Stage):
    """Draw the class-balanced set from the clusters."""

    balance: Balance
    cluster: Cluster
    name: ClassVar[str] = "balance"
    files: ClassVar[Mapping[str, str]] = {r"balanced\.safetensors": "indices of the balanced set"}

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("cluster",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("balance", "cluster.per_class", "cluster.min_skew")

    def run(self, context: "StageContext") -> None:
        import torch

        from core.clustering.balance import balanced_set
        from core.clustering.composition import cluster_warnings
        from core.tensors import load_tensors, save_tensors

        context.emit(StageStarted(context.stage, 1))
        saved = load_tensors(context.input("cluster") / CLUSTERS)
        table = saved["table"].numpy()
        k, n_classes = table.shape
        drawn = balanced_set(
            saved["assignments"].numpy(),
            context.data.splits["train"].labels,
            k,
            n_classes,
            rule=self.balance.rule,
            cap=self.balance.cap,
            seed=context.streams.seed("balance"),
            per_class=self.cluster.per_class,
        )
        context.emit(Balanced(context.stage, self.balance.rule, len(drawn.indices), drawn.table.tolist()))
        found = cluster_warnings(
            table,
            drawn.table,
            labels=context.data.label_names,
            min_skew=self.cluster.min_skew if self.cluster.method == "kmeans" else 0.0,
            warn_below=self.balance.warn_below,
            per_class=self.cluster.per_class,
        )
        for finding in found:
            context.emit(Warned(context.stage, finding.code, finding.text))
        if any(finding.code == "empty-balanced-set" for finding in found):
            raise StageError(
                "the balanced set is empty: no cluster has samples of every class",
                "try fewer clusters (cluster.k) or an earlier checkpoint (represent.checkpoints)",
            )
        tensors = {"indices": torch.from_numpy(drawn.indices), "weights": torch.from_numpy(drawn.weights)}
        save_tensors(context.directory / BALANCED, tensors)
        context.progress(1, 1)
