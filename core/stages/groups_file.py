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
    from core.data.dataset import DataSet
    from core.data.splits import SplitName
    from core.engine.context import StageContext
    from core.finding.table import SplitRows


@dataclass(frozen=True)
class TakeGroups(Stage):
    """Read the pseudo-group of every training image, and of validation images if there, from a table.

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
        from core.finding.pseudo_groups import PseudoGroups, conflict_samples
        from core.finding.table import read_groups
        from core.models.files import digest

        context.emit(StageStarted(context.stage, 1))
        file = Path(self.find.file)
        rows = split_rows(self.data, lambda: context.data)
        read = read_groups(file, rows)
        if digest(file) != self.content["content"]:
            raise StageError(f"{file} has changed since the run began", "start a new run with it")
        k = len(read.names)
        if read.renumbered:
            shown = ", ".join(f"{number} is '{name}'" for number, name in enumerate(read.names[:8]))
            context.emit(Logged(f"pseudo-groups are renumbered: {shown}{', …' if k > 8 else ''}"))
        conflicts = conflict_samples(read.train, rows[0].labels, k, len(rows[0].label_names))
        PseudoGroups(f"from {file.name}", read.names, read.train, conflicts, read.validation).save(context.directory)
        context.progress(1, 1)


def split_rows(settings: DataSettings, load: "Callable[[], DataSet]") -> "tuple[SplitRows, SplitRows]":
    """Labels and paths of training and validation images: from the table of a data set in a folder, else from itself.

    Args:
        settings: of the data set.
        load: loads it; called only if it is not in a folder.

    Raises:
        InputError: the table of the data set cannot be read.
    """
    import numpy as np

    from core.data.table import read_table
    from core.finding.table import SplitRows

    if not isinstance(settings, Photos):
        data = load()
        train, validation = (
            SplitRows(name, data.splits[name].labels, data.label_names) for name in ("train", "validation")
        )
        return train, validation
    table = read_table(settings)

    def rows(name: "SplitName", number: int) -> "SplitRows":
        where = np.flatnonzero(table.splits == number)
        paths = tuple(table.paths[row] for row in where)
        return SplitRows(name, table.labels[where], table.label_names, paths, Path(settings.root))

    return rows("train", 0), rows("validation", 1)
