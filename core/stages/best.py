"""Stage `best`: keep the network that is best in the worst cell of validation, ERM included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from core.artifacts import MASKED_FILES, MASKS, MODEL, predictions_file
from core.config import Model, Section
from core.engine.artifacts import link_or_copy, read_seal
from core.engine.stage import Stage
from core.events import DoubtSettled, Evaluated, MasksKept, NetworkKept, StageStarted, Warned
from core.groups import LEAST_IN_CELL
from core.words import percent

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from core.clustering.kmeans import Floats
    from core.data.splits import SplitName
    from core.engine.context import StageContext
    from core.groups import Evaluation
    from core.training.images import Images
    from core.training.predict import Predictions


class Best(Section, section="best"):
    """Stage `best`: keep the network with the best worst cell of validation."""

    offsets: bool = True
    """Add to the logits of each treated network the offset for each class with which the worst cell of validation is
    best, if that gains 2 points when it is cross-fitted: masks and fine-tuning on few images may favour a class. It
    uses labels and pseudo-groups, as the choice itself, and no group labels (ours)."""


@dataclass(frozen=True)
class Candidate:
    """What the network of a stage has on validation, and the offsets of its classes, if they help.

    Attributes:
        source: name of the stage.
        evaluation: on validation; with offsets, each half of the images has those that are best for the other half.
        offsets: to add to the logits, [C]; None for none.
        known: predictions of the evaluation, if there are offsets.
    """

    source: str
    evaluation: "Evaluation"
    offsets: "Floats | None" = None
    known: "Predictions | None" = None


@dataclass(frozen=True)
class KeepBest(Stage):
    """Keep the network of one of the earlier stages, chosen on validation without group labels.

    The worst cell decides, or the worst class where no cell is known; of networks within `MARGIN` of the best, the mean
    over cells, or the average. ERM is a candidate, as it is: a treatment that does not help, or not much more than
    guesses that cost as much on average, is not kept, and a warning says so.

    Attributes:
        sources: stages with a network, from the least treated to the most: ties go to the first.
        as_they_are: sources that get no offsets.
    """

    best: Best
    model: Model
    sources: tuple[str, ...]
    as_they_are: tuple[str, ...] = ("erm",)
    name: ClassVar[str] = "best"
    version: ClassVar[int] = 5
    files: ClassVar[Mapping[str, str]] = MASKED_FILES

    @property
    def inputs(self) -> tuple[str, ...]:
        return (*self.sources, "find")

    @property
    def reads(self) -> tuple[str, ...]:
        return ("best", "model.name")

    def run(self, context: "StageContext") -> None:
        from core.pruning.subnetwork import FixedMasks
        from core.training.images import split_images, validation_images

        context.emit(StageStarted(context.stage, len(self.sources)))
        splits: dict[SplitName, Images] = {
            "validation": validation_images(context),
            "test": split_images(context, "test"),
        }
        candidates: list[Candidate] = []
        for source in self.sources:
            candidates.append(self._candidate(context, source, splits["validation"], candidates))
            context.progress(len(candidates), len(self.sources))
        kept = _best(candidates, 1 / len(context.data.label_names))
        numbers = {candidate.source: _numbers(candidate.evaluation) for candidate in candidates}
        reason = _reason(kept, self.sources, context.data.label_names)
        context.emit(NetworkKept(context.stage, kept.source, numbers, reason))
        files = context.input(kept.source)
        if (files / MASKS).exists():
            link_or_copy(files / MASKS, context.directory / MASKS)
            context.emit(MasksKept(context.stage, FixedMasks.load(files / MASKS).keep_ratio()))
        if kept.offsets is None:
            _take(context, files, splits)
        else:
            self._move(context, kept, splits)
        if kept.source == "erm":
            text = "No treatment clearly improves the worst cell of validation for its cost on average, so ERM is kept"
            context.emit(Warned(context.stage, "erm-kept", f"{text}; try another finder."))
        else:
            _weigh(context, candidates[0].evaluation, kept.evaluation)

    def _candidate(
        self, context: "StageContext", source: str, images: "Images", before: "Sequence[Candidate]"
    ) -> Candidate:
        """Judge the network of a stage, with offsets of the classes if they help.

        Judged by cross-fitting, they must gain `MARGIN` in the worst cell, and the network must then be better than
        guesses in place of ERM, the first candidate: offsets make the classes of any network equally likely, even of
        one that has learned nothing.
        """
        from core.finding.quality import MARGIN, TREATED, beats_guessing
        from core.tensors import load_tensors
        from core.training.network import load_network
        from core.training.offsets import best_offsets, cross_fitted_offsets
        from core.training.predict import count_groups, outputs, predictions_of

        files = context.input(source)
        classes = load_tensors(predictions_file(files, "validation"))["classes"].to(images.device)
        candidate = Candidate(source, count_groups(classes, images, context.data, "validation"))
        if not self.best.offsets or source in self.as_they_are or images.pseudo_groups is None:
            return candidate
        network = load_network(self.model, context.data, files / MODEL, context.device)
        logits = outputs(network, images)
        labels, groups = (of.cpu().numpy() for of in (images.labels, images.pseudo_groups[0]))
        fitted = cross_fitted_offsets(logits.numpy(), labels, groups, context.streams.seed("halves"))
        known = predictions_of((logits + logits.new_tensor(fitted)).to(images.device))
        moved = count_groups(known.classes, images, context.data, "validation")
        gain = _rank(moved)[0] - _rank(candidate.evaluation)[0]
        chance = 1 / logits.shape[1]
        if gain < MARGIN or not beats_guessing(_rank(before[0].evaluation), _rank(moved), chance, TREATED):
            return candidate
        offsets = best_offsets(logits.numpy(), labels, groups)
        return Candidate(source, moved, offsets, known) if _moves(network, offsets, images, logits) else candidate

    def _move(self, context: "StageContext", kept: Candidate, splits: "Mapping[SplitName, Images]") -> None:
        """Save the network of a stage with offsets in the bias of its head, and evaluate it."""
        from core.tensors import save_tensors
        from core.training.network import load_network
        from core.training.offsets import add_offsets
        from core.training.predict import final_evaluation

        assert kept.offsets is not None
        assert kept.known is not None
        network = load_network(self.model, context.data, context.input(kept.source) / MODEL, context.device)
        add_offsets(network, kept.offsets)
        save_tensors(context.directory / MODEL, network.state_dict())
        final_evaluation(context, network, 1, splits, {"validation": kept.known})


def _moves(network: "nn.Module", offsets: "Floats", images: "Images", logits: "Tensor") -> bool:
    """Whether the bias of the head moves the logits by as much: it may have none, and layers may follow the head."""
    import torch

    from core.models.representation import find_head
    from core.training.offsets import add_offsets

    if find_head(network)[1].bias is None:
        return False
    add_offsets(network, offsets)
    some = torch.arange(min(8, len(images)))
    with torch.no_grad():
        found = network(images.plain(some)).float().cpu()
    return torch.allclose(found, logits[some] + logits.new_tensor(offsets), rtol=1e-3, atol=1e-3)


def _take(context: "StageContext", files: "Path", splits: "Mapping[SplitName, Images]") -> None:
    """Take the network of a stage as it is, with its predictions."""
    from core.tensors import load_tensors
    from core.training.predict import count_groups

    for name in (MODEL, *(predictions_file(files, split).name for split in splits)):
        link_or_copy(files / name, context.directory / name)
    for split, images in splits.items():
        classes = load_tensors(predictions_file(files, split))["classes"].to(images.device)
        context.emit(Evaluated(context.stage, 1, split, count_groups(classes, images, context.data, split), final=True))


def _best(candidates: Sequence[Candidate], chance: float) -> Candidate:
    """The candidate with the best worst cell; of those that hardly differ in it, the best over all cells.

    A treated network must have gained clearly more than guesses in place of ERM that cost as much on average: where the
    cells are mislabelled samples, it is better in them and worse in everything else.

    Args:
        candidates: ERM, then the others.
        chance: accuracy of guesses.
    """
    from core.finding.quality import MARGIN, TREATED, beats_guessing

    erm, *treated = candidates
    before = _rank(erm.evaluation)
    candidates = [erm, *(c for c in treated if beats_guessing(before, _rank(c.evaluation), chance, TREATED))]
    least = max(_rank(candidate.evaluation)[0] for candidate in candidates) - MARGIN
    near = [candidate for candidate in candidates if _rank(candidate.evaluation)[0] >= least]
    return max(near, key=lambda candidate: _mean(candidate.evaluation))


def _mean(evaluation: "Evaluation") -> float:
    """Mean accuracy over the cells with enough samples; the average if there are none."""
    large = [cell.accuracy for cell in evaluation.cells if cell.n >= LEAST_IN_CELL]
    return sum(large) / len(large) if large else evaluation.average


def _rank(evaluation: "Evaluation") -> tuple[float, float]:
    """Worst-cell accuracy, or that of the worst class if no cell is known, and average."""
    cell = evaluation.worst_cell
    return (cell.accuracy if cell else evaluation.worst_class_accuracy), evaluation.average


def _weigh(context: "StageContext", before: "Evaluation", after: "Evaluation") -> None:
    """Warn if the kept network pays for the worst cell with the average; if it does not, a doubt may be settled.

    Stage `find` doubts pseudo-groups if a refitted head does not improve their worst cell. The representation of ERM
    may not have what such a head needs, whereas that of a network trained on the balanced set has it. Where the cells
    are mislabelled samples, every gain costs more on average.

    Args:
        context: of the stage.
        before: ERM on validation.
        after: the kept network on validation.
    """
    from core.finding.quality import MARGIN, NO_SUPPORT

    if not before.worst_cell:
        return
    (cell, average), (new_cell, new_average) = _rank(before), _rank(after)
    gain = f"{percent(cell)} → {percent(new_cell)} %"
    on_average = f"{percent(average)} → {percent(new_average)} %"
    if average - new_average >= MARGIN:
        text = (
            f"The kept network pays for the worst cell on validation ({gain}) with the average ({on_average}): a good "
            "exchange if the pseudo-groups are those of a shortcut, a bad one if they are hard or mislabelled samples; "
            "look at them before you use it (prusc look RUN --cell worst)."
        )
        context.emit(Warned(context.stage, "costly", text))
        return
    found = read_seal(context.input("find"))
    doubted = found is not None and any(isinstance(e, Warned) and e.code == NO_SUPPORT for e in found.events)
    if doubted and new_cell - cell >= MARGIN:
        reason = (
            f"the pseudo-groups are no longer doubted: their worst cell on validation rises ({gain}) without a loss on "
            f"average ({on_average}), as it would not if they were mislabelled samples"
        )
        context.emit(DoubtSettled(context.stage, NO_SUPPORT, reason))


def _numbers(evaluation: "Evaluation") -> dict[str, Any]:
    cell = evaluation.worst_cell
    return {
        "worst_cell": cell.accuracy if cell else None,
        "worst_class": evaluation.worst_class_accuracy,
        "average": evaluation.average,
    }


def _reason(kept: Candidate, sources: Sequence[str], label_names: Sequence[str]) -> str:
    cell = kept.evaluation.worst_cell
    rank, of = (cell.accuracy, "worst cell") if cell else (kept.evaluation.worst_class_accuracy, "worst class")
    of_all = f"{kept.source} is kept, of {', '.join(sources)}"
    reason = f"{of_all}, by its {of} on validation ({percent(rank)} %; no group labels used)"
    if kept.offsets is None:
        return reason
    pairs = zip(label_names, kept.offsets.tolist(), strict=True)
    return f"{reason}, with these offsets added to its logits: {', '.join(f'{x:+.2f} for {name}' for name, x in pairs)}"
