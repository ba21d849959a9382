"""Finder `file`: pseudo-groups that are read from a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from core.artifacts import FINDER_FILES
from core.config import DataSettings, Find
from core.data.settings import Photos
from core.engine.stage import Stage
from core.errors import StageError
from core.events import Logged, StageStarted

if TYPE_CHECKING:
    from core.clustering.assigned import TrainingRows
    from core.data.dataset import DataSet
    from core.engine.context import StageContext


@dataclass(frozen=True)
class TakeGroups(Stage):
    """Read the pseudo-group of every training image from a table.

    Attributes:
        data: settings of the data set, for the paths of its images.
    """

    find: Find
    data: DataSettings
    name: ClassVar[str] = "groups-file"
    files: ClassVar[Mapping[str, str]] = FINDER_FILES
    takes: ClassVar[tuple[str, ...]] = ("find.file",)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("find.file", "data")

    @cached_property
    def content(self) -> Mapping[str, str]:
        from core.models.files import digest

        return {"content": digest(Path(self.find.file))}

    def run(self, context: "StageContext") -> None:
        from core.clustering.assigned import read_clusters
        from core.finding.pseudo_groups import PseudoGroups, conflict_samples
        from core.models.files import digest

        context.emit(StageStarted(context.stage, 1))
        file = Path(self.find.file)
        rows = training_rows(self.data, lambda: context.data)
        read = read_clusters(file, rows)
        if digest(file) != self.content["content"]:
            raise StageError(f"{file} has changed since the run began", "start a new run with it")
        k = len(read.names)
        if read.renumbered:
            shown = ", ".join(f"{number} is '{name}'" for number, name in enumerate(read.names[:8]))
            context.emit(Logged(f"pseudo-groups are renumbered: {shown}{', …' if k > 8 else ''}"))
        conflicts = conflict_samples(read.clusters, rows.labels, k, len(rows.label_names))
        PseudoGroups(f"from {file.name}", read.names, read.clusters, conflicts).save(context.directory)
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
