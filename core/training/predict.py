"""Predictions of a network on a split, and their evaluation by group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from core.artifacts import predictions_file
from core.data.dataset import DataSet, training_shares
from core.data.splits import SplitName
from core.events import Evaluated, Warned
from core.groups import Evaluation, Group, group_titles
from core.parallel import team
from core.tensors import save_tensors
from core.training.images import Images

if TYPE_CHECKING:
    from core.engine.context import StageContext

BATCH = 500
"""Maximum number of images per forward pass."""
PIXELS = 1 << 22
"""Maximum number of pixels per forward pass: 83 images of 224×224."""


def batch_size(images: Images) -> int:
    """Number of images per forward pass without gradient."""
    _, height, width = images.shape
    return max(1, min(BATCH, PIXELS // (height * width)))


@dataclass(frozen=True)
class Predictions:
    """Predictions for every sample of a split.

    Attributes:
        classes: int64 [n], predicted class.
        probabilities: float32 [n], softmax probability of that class.
    """

    classes: Tensor
    probabilities: Tensor


def predict(logits_of: Callable[[Tensor], Tensor], images: Images) -> Predictions:
    """Run a network on a split in order; in a team, each process on its share of every batch.

    Args:
        logits_of: maps pixels [batch, channels, height, width] to logits [batch, classes]; in evaluation mode.
        images: the split.
    """
    parts = []
    with torch.no_grad():
        for rows, pixels in images.in_order(batch_size(images)):
            found = predictions_of(logits_of(pixels))
            parts.append(tuple(team().joined(of, rows) for of in (found.classes, found.probabilities)))
    return Predictions(*(torch.cat(of) for of in zip(*parts, strict=True)))


def outputs(of: Callable[[Tensor], Tensor], images: Images) -> Tensor:
    """What a function of the pixels, such as a network, returns for every sample of a split, float32 [n, …] on the CPU.

    Args:
        of: maps pixels [batch, channels, height, width] to [batch, …]; in evaluation mode.
        images: the split; in a team, each process computes its share of every batch.
    """
    with torch.no_grad():
        batches = images.in_order(batch_size(images))
        return torch.cat([team().joined(of(pixels).float(), rows).cpu() for rows, pixels in batches])


def predictions_of(logits: Tensor) -> Predictions:
    """Predictions by logits [n, classes]."""
    top = logits.float().softmax(1).max(1)
    return Predictions(top.indices, top.values)


def count_groups(predicted: Tensor, images: Images, dataset: DataSet, split: str) -> Evaluation:
    """Count correct predictions [n] by group, and by cell if the images have pseudo-groups."""
    right = predicted == images.labels
    groups = _count(right, images.groups, dataset.label_names, dataset.attributes)
    cells: tuple[Group, ...] = ()
    if images.pseudo_groups is not None:
        numbers, names = images.pseudo_groups
        known = numbers >= 0
        index = (images.labels * len(names) + numbers)[known]
        cells = _count(right[known], index, dataset.label_names, {"pseudo-group": names})
    return Evaluation(split, groups, training_shares(dataset), cells)


def _count(
    right: Tensor, index: Tensor, labels: Sequence[str], attributes: Mapping[str, Sequence[str]]
) -> tuple[Group, ...]:
    titles = group_titles(labels, attributes)
    sizes = torch.bincount(index, minlength=len(titles)).tolist()
    hits = torch.bincount(index[right], minlength=len(titles)).tolist()
    return tuple(Group(*title, n, correct) for title, n, correct in zip(titles, sizes, hits, strict=True))


def final_evaluation(
    context: "StageContext",
    logits_of: Callable[[Tensor], Tensor],
    step: int,
    splits: Mapping[SplitName, Images],
    known: Mapping[str, Predictions] | None = None,
) -> None:
    """Evaluate the final network of a stage, save its predictions as artifacts, and warn if it is worse than ERM.

    Args:
        context: of the stage.
        logits_of: the network, in evaluation mode.
        step: of the network's checkpoint.
        splits: `validation` and `test`.
        known: predictions of the network for some of the splits, which spare a pass over their images.
    """
    known = known or {}
    for split, images in splits.items():
        predictions = known[split] if split in known else predict(logits_of, images)
        evaluation = count_groups(predictions.classes, images, context.data, split)
        context.emit(Evaluated(context.stage, step, split, evaluation, final=True))
        save_tensors(
            predictions_file(context.directory, split),
            {"classes": predictions.classes, "probabilities": predictions.probabilities},
        )
        if split == "validation" and context.stage != "erm":
            from core.training.harm import harm

            for finding in harm(predictions.classes, images, context.data, context.input("erm"), context.stage):
                context.emit(Warned(context.stage, finding.code, finding.text))
