"""Stage `best`: keep the network that is best in the worst cell of validation, ERM included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from core.artifacts import MASKED_FILES, MASKS, MODEL, predictions_file
from core.engine.artifacts import link_or_copy
from core.engine.stage import Stage
from core.events import Evaluated, MasksKept, NetworkKept, StageStarted, Warned
from core.words import percent

if TYPE_CHECKING:
    from core.engine.context import StageContext
    from core.groups import Evaluation


@dataclass(frozen=True)
class KeepBest(Stage):
    """Keep the network of one of the earlier stages, chosen on validation without group labels.

    The worst cell decides, or the worst class where no cell is known; then the average. ERM is a candidate: a treatment
    that does not help is not kept, and a warning says so.

    Attributes:
        sources: stages with a network, from the least treated to the most: ties go to the first.
    """

    sources: tuple[str, ...]
    name: ClassVar[str] = "best"
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.sources, "find")

    def run(self, context: "StageContext") -> None:
        from core.pruning.subnetwork import FixedMasks
        from core.tensors import load_tensors
        from core.training.images import Images, validation_images
        from core.training.predict import count_groups

        context.emit(StageStarted(context.stage, 1))
        splits = {"validation": validation_images(context), "test": Images(context.data, "test", context.device)}
        found: dict[str, Evaluation] = {}
        images = splits["validation"]
        for source in self.sources:
            classes = load_tensors(predictions_file(context.input(source), "validation"))["classes"]
            found[source] = count_groups(classes.to(images.device), images, context.data, "validation")
        kept = max(self.sources, key=lambda source: _rank(found[source]))
        candidates = {source: _numbers(evaluation) for source, evaluation in found.items()}
        context.emit(NetworkKept(context.stage, kept, candidates, _reason(kept, self.sources, found[kept])))
        files = context.input(kept)
        for name in (MODEL, MASKS, *(predictions_file(files, split).name for split in splits)):
            if (files / name).exists():
                link_or_copy(files / name, context.directory / name)
        if (files / MASKS).exists():
            context.emit(MasksKept(context.stage, FixedMasks.load(files / MASKS).keep_ratio()))
        for split, images in splits.items():
            classes = load_tensors(predictions_file(files, split))["classes"].to(images.device)
            context.emit(
                Evaluated(context.stage, 1, split, count_groups(classes, images, context.data, split), final=True)
            )
        if kept == "erm":
            text = "No treatment improves the worst cell of validation: the network of ERM is kept; try another finder."
            context.emit(Warned(context.stage, "erm-kept", text))
        context.progress(1, 1)


def _rank(evaluation: "Evaluation") -> tuple[float, float]:
    cell = evaluation.worst_cell
    return (cell.accuracy if cell else evaluation.worst_class_accuracy), evaluation.average


def _numbers(evaluation: "Evaluation") -> dict[str, Any]:
    cell = evaluation.worst_cell
    return {
        "worst_cell": cell.accuracy if cell else None,
        "worst_class": evaluation.worst_class_accuracy,
        "average": evaluation.average,
    }


def _reason(kept: str, sources: Sequence[str], evaluation: "Evaluation") -> str:
    cell = evaluation.worst_cell
    rank, of = (cell.accuracy, "worst cell") if cell else (evaluation.worst_class_accuracy, "worst class")
    of_all = f"{kept} is kept, of {', '.join(sources)}"
    return f"{of_all}: it has the best {of} on validation ({percent(rank)} %; no group labels used)"
