"""What the networks of a run look at: images of a group or a cell, most confident mistakes first, and their maps."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.artifacts import MODEL, predictions_file
from core.data.dataset import DataSet, Integers, Split, groups
from core.data.load import load
from core.data.sample import rgb
from core.errors import InputError, nearest
from core.explore.look import (
    SPLIT,
    Bytes,
    Counts,
    Kind,
    Look,
    Seen,
    before_and_after,
    counts_file,
    evaluated_stages,
    look_file,
    read_look,
    write_counts,
    write_look,
)
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
from experiments.network import network_of
from experiments.plan import config_of
from experiments.pseudo_groups import read_groups

WAITS = 600.0
"""Seconds to wait for another process that computes the same maps."""
BATCH = 16
"""Images per pass with gradient."""


@dataclass(frozen=True, slots=True)
class Said:
    """Predictions of the network of a stage for every image of a split: classes and their probabilities, [n]."""

    stage: str
    classes: Integers
    confidence: NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """All images that can be looked at: those of a split, by group or cell.

    Attributes:
        said: of the stages whose networks are compared.
        numbers: group or cell of every image, −1 for none, [n].
        titles: names of the groups or cells.
    """

    folder: RunFolder
    dataset: DataSet
    kind: Kind
    said: Sequence[Said]
    numbers: Integers
    titles: Sequence[str]

    @classmethod
    def of(cls, folder: RunFolder, dataset: DataSet, kind: Kind, stages: Sequence[str]) -> Self:
        """Read it; raises InputError if a stage has no network yet, or the run has no pseudo-groups of the images."""
        said = _networks(folder, kind, stages)
        return cls(folder, dataset, kind, said, *_numbers(folder, dataset, kind))

    @property
    def samples(self) -> Split:
        """The split."""
        return self.dataset.splits[SPLIT[self.kind]]

    @property
    def stages(self) -> list[str]:
        """Names of the stages, in order."""
        return [one.stage for one in self.said]

    def counts(self) -> Counts:
        """Count the images of every group, and how many of them each network gets right."""
        known = self.numbers >= 0

        def count(chosen: NDArray[np.bool_]) -> tuple[int, ...]:
            return tuple(np.bincount(self.numbers[known & chosen], minlength=len(self.titles)).tolist())

        correct = {one.stage: count(one.classes == self.samples.labels) for one in self.said}
        return Counts(self.kind, tuple(self.titles), count(known), correct)


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
    scene = Scene.of(folder, _dataset(folder), kind, stages)
    if by is not None and by not in scene.stages:
        raise InputError(f"--by {by}: is not one of the stages shown, {' and '.join(scene.stages)}")
    first = scene.said[scene.stages.index(by)] if by is not None else scene.said[0]
    wanted = cell if kind == "cell" and cell != "worst" else group
    chosen = _named(wanted, scene.titles, f"--{kind}") if wanted else scene.counts().worst(first.stage)
    rows = _surest_mistakes_first(np.flatnonzero(scene.numbers == chosen), first, scene.samples.labels)
    if not len(rows):
        raise InputError(f"--{kind}: '{scene.titles[chosen]}' has no image on the {SPLIT[kind]} split")
    file = look_file(folder, kind, chosen, scene.stages, first.stage)
    with _kept(folder, file):
        known = read_look(file)
        there = len(known.seen) if known is not None else 0
        if there < min(n, len(rows)):
            more = _computed(scene, chosen, first, rows[there:n], len(rows), device or torch.device("cpu"))
            known = more if known is None else known.and_then(more)
            write_look(file, known)
    assert known is not None
    return known.part(0, n), file


def count(folder: RunFolder, stages: Sequence[str] = ()) -> dict[Kind, Counts]:
    """Count what the networks of a run get right in every group, and in every cell if the run has any.

    The counts are kept among the views of the run. Raises InputError as `look`.
    """
    dataset = _dataset(folder)
    found = read_groups(folder, dataset.splits["train"].labels)
    kinds: list[Kind] = ["group"] if found is None or found.validation is None else ["group", "cell"]
    counts: dict[Kind, Counts] = {}
    for kind in kinds:
        scene = Scene.of(folder, dataset, kind, stages)
        file = counts_file(folder, kind, scene.stages)
        with _kept(folder, file):
            counts[kind] = scene.counts()
            write_counts(file, counts[kind])
    return counts


@contextmanager
def _kept(folder: RunFolder, file: Path) -> Iterator[None]:
    """Hold the lock of a file of the run's views; another process that computes it is waited for."""
    file.parent.mkdir(exist_ok=True)
    with locked(file.with_suffix(".lock"), f"the maps of run '{folder.record().name}'", timeout=WAITS):
        yield


def _dataset(folder: RunFolder) -> DataSet:
    return load(config_of(folder.record()).data, bundled.folder())


def _networks(folder: RunFolder, kind: Kind, stages: Sequence[str]) -> list[Said]:
    """Predictions of the stages whose networks are compared."""
    record = folder.record()
    able = evaluated_stages(folder, [stage.name for stage in record.stages], kind)
    if not able:
        raise InputError(f"run '{record.name}' has no evaluated network yet; it is {folder.status()}")
    for name in stages:
        if name not in able:
            raise InputError(
                f"--stage {name}: run '{record.name}' has no evaluated network of this stage{nearest(name, able)}"
            )
    said = []
    for name in dict.fromkeys(stages or before_and_after(able)):
        stored = load_tensors(predictions_file(folder.artifacts(name), SPLIT[kind]))
        said.append(Said(name, stored["classes"].numpy(), stored["probabilities"].numpy()))
    return said


def _numbers(folder: RunFolder, dataset: DataSet, kind: Kind) -> tuple[Integers, list[str]]:
    """The group or cell of every image of the split, −1 for none, and their names."""
    samples = dataset.splits[SPLIT[kind]]
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
        raise InputError(f"{option} {wanted}: {'matches several' if parts else 'is unknown'}; choose one of {found}")
    return parts[0]


def _surest_mistakes_first(rows: Integers, said: Said, labels: Integers) -> Integers:
    """Order images: mistakes from the most confident one, then right answers from the least confident one."""
    wrong, confidence = said.classes[rows] != labels[rows], said.confidence[rows]
    return rows[np.lexsort((np.where(wrong, -confidence, confidence), ~wrong))]


def _computed(scene: Scene, chosen: int, first: Said, shown: Integers, total: int, device: torch.device) -> Look:
    """Compute the maps of some images of a group of `total`, in this order."""
    dataset, samples, said, record = scene.dataset, scene.samples, scene.said, scene.folder.record()
    titles = group_names(dataset.label_names, dataset.attributes)
    of = groups(samples, dataset)
    raw = torch.from_numpy(np.array(samples.images[shown]))
    visible = middle(raw, dataset.crop).numpy() if dataset.crop else raw.numpy()
    inside = scene.numbers == chosen
    return Look(
        split=SPLIT[scene.kind],
        kind=scene.kind,
        title=scene.titles[chosen],
        stages=tuple(scene.stages),
        by=first.stage,
        attributes_used=record.attributes_used,
        selection=record.selection,
        total=total,
        correct=tuple(int((one.classes[inside] == samples.labels[inside]).sum()) for one in said),
        labels=dataset.label_names,
        seen=tuple(
            Seen(
                int(i),
                int(samples.labels[i]),
                titles[of[i]],
                tuple(int(one.classes[i]) for one in said),
                tuple(round(float(one.confidence[i]), 4) for one in said),
            )
            for i in shown
        ),
        images=np.stack([rgb(image) for image in visible]),
        maps=np.stack([_maps(scene, one, shown, device) for one in said]),
    )


def _maps(scene: Scene, said: Said, shown: Integers, device: torch.device) -> Bytes:
    """Maps of the class that a network predicts, uint8 [n, height, width]."""
    about = describe(config_of(scene.folder.record()), scene.dataset, said.stage)
    network = network_of(about)
    load_foreign(scene.folder.artifacts(said.stage) / MODEL, network)
    network.to(device).eval()
    images = Images(scene.dataset, SPLIT[scene.kind], device)
    maps = []
    for start in range(0, len(shown), BATCH):
        part = torch.from_numpy(shown[start : start + BATCH])
        classes = torch.from_numpy(said.classes[shown[start : start + BATCH]]).to(device)
        found = grad_cam(network, images.plain(part), classes, _logits(network, about))
        maps.append((255 * found).round().to(torch.uint8).cpu().numpy())
    return np.concatenate(maps)


def _logits(network: nn.Module, about: Description) -> Callable[[Tensor], Tensor]:
    """Logits of all labels; a single output is that of label 1 and, with the other sign, of label 0."""

    def logits_of(pixels: Tensor) -> Tensor:
        logits: Tensor = network(pixels)
        return torch.stack([-logits.reshape(-1), logits.reshape(-1)], 1) if about.outputs == 1 else logits

    return logits_of
