"""Stage `cluster` for precomputed clusters, which are read from a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import CLUSTER_FILES, represented
from core.config import Cluster, DataSettings
from core.data.settings import Photos
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Choice, Logged, StageStarted
from core.stages.cluster import save_clusters

if TYPE_CHECKING:
    from core.clustering.assigned import TrainingRows
    from core.data.dataset import DataSet
    from core.engine.context import StageContext


@dataclass(frozen=True)
class TakeClusters(Stage):
    """Read the cluster of every training image from a table; the map uses the last checkpoint.

    Attributes:
        data: settings of the data set, for the paths of its images.
    """

    cluster: Cluster
    data: DataSettings
    name: ClassVar[str] = "cluster"
    files: ClassVar[Mapping[str, str]] = CLUSTER_FILES
    takes: ClassVar[tuple[str, ...]] = ("cluster.file",)
    replaced_by: ClassVar[str] = "cluster.file"

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("represent",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("cluster.file", "cluster.per_class", "cluster.min_skew", "data")

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.files import digest

        return {"content": digest(Path(self.cluster.file))}

    def run(self, context: "StageContext") -> None:
        from core.clustering.assigned import read_clusters
        from core.clustering.composition import composition, minority_size, skew
        from core.models.files import digest

        context.emit(StageStarted(context.stage, 1))
        file = Path(self.cluster.file)
        rows = training_rows(self.data, lambda: context.data)
        found = read_clusters(file, rows)
        if digest(file) != self.content["content"]:
            raise StageError(f"{file} has changed since the run began", "start a new run with it")
        k = len(found.names)
        if found.renumbered:
            shown = ", ".join(f"{number} is '{name}'" for number, name in enumerate(found.names[:8]))
            context.emit(Logged(f"clusters are renumbered: {shown}{', …' if k > 8 else ''}"))
        table = composition(found.clusters, rows.labels, k, len(rows.label_names))
        epoch = max(represented(context.input("represent")))
        candidate = {
            "epoch": epoch,
            "k": k,
            "size": minority_size(table, per_class=self.cluster.per_class),
            "skew": skew(table),
        }
        context.emit(Choice(context.stage, [candidate], 0, f"precomputed clusters from {file.name}"))
        save_clusters(context, epoch, found.clusters, table)
        context.progress(1, 1)


def training_rows(settings: DataSettings, load: "Callable[[], DataSet]") -> "TrainingRows":
    """Labels and paths of the training images: from the table of a data set in a folder, else from the data set itself.

    Args:
        settings: of the data set.
        load: loads it; called only if it is not in a folder.

    Raises:
        InputError: the table of the data set cannot be read.
    """
    from core.clustering.assigned import TrainingRows
    from core.data.table import read_table

    if not isinstance(settings, Photos):
        data = load()
        return TrainingRows(data.splits["train"].labels, data.label_names)
    table = read_table(settings)
    train = [row for row, split in enumerate(table.splits.tolist()) if split == 0]
    return TrainingRows(
        table.labels[train], table.label_names, tuple(table.paths[row] for row in train), Path(settings.root)
    )
