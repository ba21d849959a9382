"""Do no harm: notice, without group labels, a network that is worse than ERM or predicts one class for everything."""

from pathlib import Path

import torch
from torch import Tensor

from core.artifacts import predictions_file
from core.clustering.composition import Finding
from core.data.dataset import DataSet
from core.groups import Evaluation
from core.tensors import load_tensors
from core.training.images import Images
from core.training.predict import count_groups

ONE_CLASS = 0.98
"""Share of one class in the predictions from which on a network predicts one class for everything (ours)."""


def one_class(predicted: Tensor, labels: Tensor, names: tuple[str, ...], stage: str) -> Finding | None:
    """Notice a network that predicts one class for nearly everything.

    Args:
        predicted: classes, [n].
        labels: true classes, [n].
        names: of the classes.
        stage: of the network.
    """
    counts, true = (torch.bincount(of, minlength=len(names)) for of in (predicted, labels))
    top = int(counts.argmax())
    share, own = float(counts[top]) / len(predicted), float(true[top]) / len(labels)
    if share < ONE_CLASS or own >= ONE_CLASS:
        return None
    return Finding(
        "one-class",
        f"The network of stage '{stage}' predicts '{names[top]}' for {share:.1%} of the validation images "
        f"({own:.1%} are): it is broken. "
        "Prune less (prune.steps, prune.lr, prune.sparsity_weight), or leave sensitive layers alone (prune.exclude).",
    )


def worse_than_erm(now: Evaluation, erm: Evaluation, stage: str) -> Finding | None:
    """Notice a network that is worse than ERM in average, worst class and, if known, worst cell on validation."""
    pairs = [("average", now.average, erm.average), ("worst class", now.worst_class_accuracy, erm.worst_class_accuracy)]
    if now.worst_cell is not None and erm.worst_cell is not None:
        pairs.append(("worst cell", now.worst_cell.accuracy, erm.worst_cell.accuracy))
    if any(ours >= theirs for _, ours, theirs in pairs):
        return None
    listed = ", ".join(f"{name} {ours:.1%} instead of {theirs:.1%}" for name, ours, theirs in pairs)
    return Finding(
        "worse-than-erm",
        f"Keep the network of ERM rather than that of stage '{stage}', which is worse in everything that can be seen "
        f"without group labels ({listed}; validation).",
    )


def harm(predicted: Tensor, images: Images, data: DataSet, erm: Path, stage: str) -> list[Finding]:
    """Return reasons not to use a treated network.

    Args:
        predicted: its classes for the validation images, [n].
        images: the validation split.
        data: the data set.
        erm: artifacts of stage `erm`.
        stage: of the network.
    """
    file = predictions_file(erm, "validation")
    if not file.exists():
        return []
    before = load_tensors(file)["classes"].to(images.device)
    now, then = (count_groups(classes, images, data, "validation") for classes in (predicted, before))
    found = [one_class(predicted, images.labels, data.label_names, stage), worse_than_erm(now, then, stage)]
    return [finding for finding in found if finding]
