"""Finder `random`: random pseudo-groups, a control that shows whether finding matters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from core.artifacts import FINDER_FILES
from core.config import Section
from core.engine.stage import Stage
from core.events import StageStarted

if TYPE_CHECKING:
    from core.engine.context import StageContext


class Random(Section, section="random"):
    """Finder `random`: a control."""

    k: Annotated[int, Field(ge=2, le=512)] = 4
    """Number of random pseudo-groups."""


@dataclass(frozen=True)
class DrawGroups(Stage):
    """Assign random pseudo-groups of equal size to the samples of every split."""

    random: Random
    name: ClassVar[str] = "random-groups"
    files: ClassVar[Mapping[str, str]] = FINDER_FILES

    def run(self, context: "StageContext") -> None:
        from core.clustering.kmeans import random_clusters
        from core.finding.pseudo_groups import PseudoGroups, conflict_samples

        context.emit(StageStarted(context.stage, 1))
        k, splits = self.random.k, context.data.splits
        train, validation = (
            random_clusters(len(splits[name]), k, seed=context.streams.seed(name)) for name in ("train", "validation")
        )
        conflicts = conflict_samples(train, splits["train"].labels, k, len(context.data.label_names))
        names = tuple(f"random {number}" for number in range(k))
        PseudoGroups("random", names, train, conflicts, validation).save(context.directory)
        context.progress(1, 1)
