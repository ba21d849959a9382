"""What the networks of a run look at: images of a group or a cell, most confident mistakes first, and their maps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.artifacts import MODEL, predictions_file
from core.data.dataset import DataSet, Integers, groups
from core.data.load import load
from core.data.sample import rgb
from core.data.splits import SplitName
from core.errors import InputError, nearest
from core.explore.look import Bytes, Kind, Look, Seen, read_look, write_look
from core.groups import group_names
from core.models.attention import grad_cam
from core.models.checkpoint import load_foreign
from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.tensors import load_tensors
from core.training.augment import middle
from core.training.images import Images
from experiments import bundled
from experiments.description import Description, describe
from experiments.onnx import network_of
from experiments.plan import config_of
from experiments.pseudo_groups import read_groups

WAITS = 600.0
"""Seconds to wait for another process that computes the same maps."""
BATCH = 16
"""Images per pass with gradient."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the network of a stage says of every image of a split: classes and their probabilities, [n]."""

    stage: str
    classes: Integers
    confidence: NDArray[np.float32]


def look(
    folder: RunFolder,
    *,
    group: str | None = None,
    cell: str | None = None,
    stages: Sequence[str] = (),
    by: str | None = None,
    n: int = 8,
    device: torch.device | None = None,
) -> tuple[Look, Path]:
    """Return the images of a group with the maps of the networks, and the file that keeps them.

    What was computed before is read from the folder `views` of the run; nothing else of the run changes.

    Args:
        folder: of the run.
        group: a group of the test split, or an unambiguous part of its name; by default the worst one of `by`.
        cell: a label with a pseudo-group, of the validation split; `worst` for the worst one of `by`.
        stages: whose networks to compare; by default the first and the last that were evaluated.
        by: stage whose mistakes come first; by default the first of `stages`.
        n: maximum number of images.
        device: of the computation; the CPU by default.

    Raises:
        InputError: the run has no network yet, a name is unknown, or the data is gone.
    """
    kind: Kind = "group" if cell is None else "cell"
    split: SplitName = "test" if cell is None else "validation"
    dataset = load(config_of(folder.record()).data, bundled.folder())
    said = _networks(folder, split, stages)
    names = [one.stage for one in said]
    if by is not None and by not in names:
        raise InputError(f"--by {by}: is not one of the stages shown, {' and '.join(names)}")
    first = said[names.index(by)] if by is not None else said[0]
    numbers, titles = _numbers(folder, dataset, split, kind)
    labels = dataset.splits[split].labels
    wanted = cell if kind == "cell" and cell != "worst" else group
    chosen = _named(wanted, titles, f"--{kind}") if wanted else _worst(first.classes == labels, numbers, titles)
    rows = np.flatnonzero(numbers == chosen)
    if not len(rows):
        raise InputError(f"--{kind}: '{titles[chosen]}' has no image on the {split} split")
    key = "-".join(["look", split, *names, first.stage, kind, str(chosen)])
    file = folder.path / "views" / f"{key}.safetensors"
    file.parent.mkdir(exist_ok=True)
    with locked(file.with_suffix(".lock"), f"the maps of run '{folder.record().name}'", timeout=WAITS):
        known = read_look(file)
        if known is None or len(known.seen) < min(n, len(rows)):
            known = _computed(folder, dataset, split, kind, titles[chosen], said, first, rows, n, device)
            write_look(file, known)
    return known.first(n), file


def _networks(folder: RunFolder, split: SplitName, stages: Sequence[str]) -> list[Said]:
    """Predictions of the stages whose networks are compared."""
    record = folder.record()
    able = [
        stage.name
        for stage in record.stages
        if (folder.artifacts(stage.name) / MODEL).exists()
        and predictions_file(folder.artifacts(stage.name), split).exists()
    ]
    if not able:
        raise InputError(f"run '{record.name}' has no evaluated network yet; it is {folder.status()}")
    for name in stages:
        if name not in able:
            raise InputError(f"--stage {name}: run '{record.name}' has no evaluated network of it{nearest(name, able)}")
    said = []
    for name in dict.fromkeys(stages or (able[0], able[-1])):
        stored = load_tensors(predictions_file(folder.artifacts(name), split))
        said.append(Said(name, stored["classes"].numpy(), stored["probabilities"].numpy()))
    return said


def _numbers(folder: RunFolder, dataset: DataSet, split: SplitName, kind: Kind) -> tuple[Integers, list[str]]:
    """The group or cell of every image of the split, −1 for none, and their names."""
    samples = dataset.splits[split]
    if kind == "group":
        return groups(samples, dataset), group_names(dataset.label_names, dataset.attributes)
    found = read_groups(folder, dataset.splits["train"].labels)
    if found is None or found.validation is None:
        raise InputError(f"--cell: run '{folder.record().name}' has no pseudo-groups of validation images")
    numbers = np.where(found.validation < 0, -1, samples.labels * len(found.names) + found.validation)
    return numbers, group_names(dataset.label_names, {"pseudo-group": found.names})


def _named(wanted: str, titles: Sequence[str], option: str) -> int:
    """Number of the group with that name, or with that part of a name."""
    exact = [i for i, title in enumerate(titles) if title.casefold() == wanted.casefold()]
    parts = exact or [i for i, title in enumerate(titles) if wanted.casefold() in title.casefold()]
    if len(parts) != 1:
        found = ", ".join(f"'{titles[i]}'" for i in parts or range(len(titles)))
        raise InputError(f"{option} {wanted}: {'fits several' if parts else 'is unknown'}; choose one of {found}")
    return parts[0]


def _worst(right: NDArray[np.bool_], numbers: Integers, titles: Sequence[str]) -> int:
    """Number of the group with the lowest accuracy; the first one on a tie."""
    there = [i for i in range(len(titles)) if (numbers == i).any()]
    return min(there, key=lambda i: float(right[numbers == i].mean()))


def _computed(
    folder: RunFolder,
    dataset: DataSet,
    split: SplitName,
    kind: Kind,
    title: str,
    said: Sequence[Said],
    first: Said,
    rows: Integers,
    n: int,
    device: torch.device | None,
) -> Look:
    record, samples = folder.record(), dataset.splits[split]
    labels = samples.labels
    wrong, confidence = first.classes[rows] != labels[rows], first.confidence[rows]
    order = np.lexsort((np.where(wrong, -confidence, confidence), ~wrong))
    shown = rows[order][:n]
    titles = group_names(dataset.label_names, dataset.attributes)
    of = groups(samples, dataset)
    raw = torch.from_numpy(np.array(samples.images[shown]))
    visible = middle(raw, dataset.crop).numpy() if dataset.crop else raw.numpy()
    return Look(
        split=split,
        kind=kind,
        title=title,
        stages=tuple(one.stage for one in said),
        by=first.stage,
        attributes_used=record.attributes_used,
        selection=record.selection,
        total=len(rows),
        correct=tuple(int((one.classes[rows] == labels[rows]).sum()) for one in said),
        labels=dataset.label_names,
        seen=tuple(
            Seen(
                int(i),
                int(labels[i]),
                titles[of[i]],
                tuple(int(one.classes[i]) for one in said),
                tuple(round(float(one.confidence[i]), 4) for one in said),
            )
            for i in shown
        ),
        images=np.stack([rgb(image) for image in visible]),
        maps=np.stack([_maps(folder, dataset, split, one, shown, device or torch.device("cpu")) for one in said]),
    )


def _maps(
    folder: RunFolder, dataset: DataSet, split: SplitName, said: Said, shown: Integers, device: torch.device
) -> Bytes:
    """Maps of the class that a network predicts, uint8 [n, height, width]."""
    about = describe(config_of(folder.record()), dataset, said.stage)
    network = network_of(about)
    load_foreign(folder.artifacts(said.stage) / MODEL, network)
    network.to(device).eval()
    images = Images(dataset, split, device)
    maps = []
    for start in range(0, len(shown), BATCH):
        part = torch.from_numpy(shown[start : start + BATCH])
        classes = torch.from_numpy(said.classes[shown[start : start + BATCH]]).to(device)
        found = grad_cam(network, images.plain(part), classes, _logits(network, about))
        maps.append((255 * found).round().to(torch.uint8).cpu().numpy())
    return np.concatenate(maps)


def _logits(network: nn.Module, about: Description) -> Callable[[Tensor], Tensor]:
    """Logits of all labels; a single output speaks for label 1 and, with the other sign, for label 0."""

    def logits_of(pixels: Tensor) -> Tensor:
        logits: Tensor = network(pixels)
        return torch.stack([-logits.reshape(-1), logits.reshape(-1)], 1) if about.outputs == 1 else logits

    return logits_of
