"""Stage `cluster` where the clusters are made elsewhere: they are read from a table instead of found."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from core.clustering.assigned import TrainingRows, read_clusters
from core.clustering.composition import composition, minority_size, skew
from core.config import Cluster, DataSettings
from core.data.dataset import DataSet
from core.data.settings import Photos
from core.data.table import read_table
from core.engine.context import StageContext
from core.engine.stage import StageResult
from core.errors import StageError
from core.events import Choice, Logged, StageStarted
from core.models.files import digest
from core.stages.cluster import hand_on, represented


@dataclass(frozen=True)
class TakeClusters:
    """Take the cluster of every training image from a table; the map shows them on the last checkpoint.

    Artifacts: those of `FindClusters`.

    Attributes:
        data: settings of the data set, for the paths of its images.
        content: digest of the table.
    """

    cluster: Cluster
    data: DataSettings
    content: str
    name: ClassVar[str] = "cluster"
    version: ClassVar[int] = 1
    inputs: ClassVar[tuple[str, ...]] = ("represent",)

    def run(self, context: StageContext) -> StageResult:  # noqa: D102
        context.emit(StageStarted(context.stage, 1))
        file = Path(self.cluster.file)
        rows = training_rows(self.data, lambda: context.data)
        found = read_clusters(file, rows)
        if digest(file) != self.content:
            raise StageError(f"{file} has changed since the run began", "start a run of its own with it")
        k = len(found.names)
        if found.renumbered:
            shown = ", ".join(f"{number} is '{name}'" for number, name in enumerate(found.names[:8]))
            context.emit(Logged(f"clusters are numbered anew: {shown}{', …' if k > 8 else ''}"))
        table = composition(found.clusters, rows.labels, k, len(rows.label_names))
        epoch = max(represented(context.input("represent")))
        candidate = {
            "epoch": epoch,
            "k": k,
            "size": minority_size(table, per_class=self.cluster.per_class),
            "skew": skew(table),
        }
        context.emit(
            Choice(context.stage, [candidate], 0, f"the clusters were made elsewhere, and given in {file.name}")
        )
        hand_on(context, epoch, found.clusters, table)
        context.progress(1, 1)
        return StageResult()


def training_rows(settings: DataSettings, load: Callable[[], DataSet]) -> TrainingRows:
    """What is known of the training images: from the table of a data set in a folder, else from the data set itself.

    Args:
        settings: of the data set.
        load: makes it; called only where it lies in no folder.

    Raises:
        InputError: the table of the data set cannot be read.
    """
    if not isinstance(settings, Photos):
        data = load()
        return TrainingRows(data.splits["train"].labels, data.label_names)
    table = read_table(settings)
    train = [row for row, split in enumerate(table.splits.tolist()) if split == 0]
    return TrainingRows(
        table.labels[train], table.label_names, tuple(table.paths[row] for row in train), Path(settings.root)
    )
