"""Accuracy by group of any trained network: of a run, exported, or trained by another program."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from core.config import DataSettings
from core.data.dataset import DataSet
from core.data.load import load
from core.data.splits import SplitName
from core.errors import InputError
from core.groups import Evaluation
from core.models.checkpoint import fit, load_foreign
from core.models.files import read_states
from core.models.networks import check_name
from core.runs.folder import RunFolder
from core.training.images import Images
from core.training.predict import count_groups, predict
from experiments import bundled
from experiments.description import Description, describe, for_images, stage_with_network
from experiments.network import all_logits, network_of
from experiments.plan import config_of
from experiments.pseudo_groups import read_groups


@dataclass(frozen=True)
class Subject:
    """A network, by the file of its weights and its description, and the data to evaluate it on.

    The data set has the normalisation of the network.
    """

    file: Path
    about: Description
    settings: DataSettings
    dataset: DataSet


def sizes_for(about: Description) -> dict[str, int]:
    """Default sizes of images in a folder for a network: those that it was trained on."""
    return {"size": min(about.crop), "stored": max(min(about.stored), min(about.crop))}


def of_file(file: Path, settings: DataSettings, about: Description | None, network: str | None = None) -> Subject:
    """The network of a file, as `core.models.checkpoint.load_foreign` reads them, as a subject.

    Without a description, the name of the network is needed, and it takes the images as they are. Raises InputError if
    the network is unknown, or does not fit the data.
    """
    if file.suffix == ".onnx":
        raise InputError(f"--model {file}: is a graph, not weights; evaluate the model.safetensors next to it")
    name = network or (about.network if about is not None else None)
    if name is None:
        raise InputError(
            f"--model {file}: no {file.with_suffix('.json').name} next to it says which network this is; "
            "name it with --network"
        )
    check_name(name)
    dataset = load(settings, bundled.folder())
    if about is None or name != about.network:
        about = _guess(file, name, dataset, about)
    return Subject(file, about, settings, _fitted(dataset, about, file))


def of_run(folder: RunFolder, stage: str | None = None) -> Subject:
    """The final network of a run, or that of one of its stages, as a subject.

    Raises InputError if it has none, or the data is gone.
    """
    config = config_of(folder.record())
    stage = stage_with_network(folder, stage)
    dataset = load(config.data, bundled.folder())
    file = folder.artifacts(stage) / "model.safetensors"
    return Subject(file, describe(config, dataset, stage), config.data, dataset)


def by_pseudo_group(subject: Subject, folder: RunFolder) -> Subject:
    """Replace the attributes by the pseudo-groups of a run, for the training images.

    Raises:
        InputError: the run has no pseudo-groups.
    """
    train = subject.dataset.splits["train"]
    found = read_groups(folder, train.labels)
    if found is None:
        raise InputError(f"--by-group: run '{folder.record().name}' has no pseudo-groups")
    out, names = found.train < 0, found.names
    numbers = np.where(out, len(names), found.train)
    train = replace(train, attributes=numbers[:, None])
    names = (*names, "left out") if out.any() else names
    dataset = replace(subject.dataset, attributes={"pseudo-group": names}, splits={"train": train})
    return replace(subject, dataset=dataset)


def evaluate(subject: Subject, split: SplitName, device: torch.device) -> Evaluation:
    """Count the correct predictions on a split by group; raises InputError if the weights do not fit the network."""
    about = subject.about
    network = network_of(about)
    load_foreign(subject.file, network)
    network.to(device).to(memory_format=torch.channels_last).eval()
    # Labels are matched by name: their order in the file may differ from the data.
    order = [about.labels.index(label) for label in subject.dataset.label_names]
    images = Images(subject.dataset, split, device)
    predictions = predict(lambda pixels: all_logits(network, pixels, about.outputs)[:, order], images)
    return count_groups(predictions.classes, images, subject.dataset, split)


def _guess(file: Path, name: str, dataset: DataSet, about: Description | None) -> Description:
    """Describe a network of which only the name is known, assuming that it fits these images."""
    if about is not None:
        return replace(about, network=name)
    guess = for_images(dataset, name, len(dataset.label_names))
    return replace(guess, outputs=1) if guess.outputs == 2 and _has_one_output(file, guess) else guess


def _has_one_output(file: Path, about: Description) -> bool:
    with torch.device("meta"):
        network = network_of(about)
    best = min((fit(state, network, file) for _, state in read_states(file)), key=lambda one: one.problems)
    head = f"{best.head}.weight"
    return head in best.misshapen and best.misshapen[head][0][0] == 1


def _fitted(dataset: DataSet, about: Description, file: Path) -> DataSet:
    channels = dataset.splits["train"].images.shape[1]
    if channels != about.channels:
        raise InputError(f"--model {file}: takes images of {about.channels} channels, but the data has {channels}")
    if sorted(about.labels) != sorted(dataset.label_names):
        ours, theirs = (", ".join(labels) for labels in (about.labels, dataset.label_names))
        raise InputError(f"--model {file}: predicts {ours}, but the labels of '{dataset.name}' are {theirs}")
    return replace(dataset, mean=about.mean, std=about.std)
