"""Accuracy by group of any trained network: that of a run, an exported one, or one that was trained elsewhere."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from core.config import DataSettings, Train
from core.data.dataset import DataSet
from core.data.load import load
from core.data.splits import SplitName
from core.errors import InputError, nearest
from core.groups import Evaluation
from core.models.checkpoint import fit, load_foreign
from core.models.files import read_states
from core.models.names import own_names
from core.models.networks import names
from core.models.representation import find_head
from core.runs.folder import RunFolder
from core.tensors import load_tensors
from core.training.images import Images
from core.training.predict import count_groups, predict
from experiments import bundled
from experiments.description import Description, describe
from experiments.export import stage_with_network
from experiments.onnx import all_logits, network_of
from experiments.plan import config_of


@dataclass(frozen=True)
class Subject:
    """A network on data: what is to be evaluated.

    Attributes:
        file: its weights.
        about: the network.
        settings: of the data set.
        dataset: the data set, with the normalisation that the network wants.
    """

    file: Path
    about: Description
    settings: DataSettings
    dataset: DataSet


def sizes_for(about: Description) -> dict[str, int]:
    """Sizes of images in a folder for a network: it sees what it was trained on, unless told otherwise."""
    return {"size": min(about.crop), "stored": max(min(about.stored), min(about.crop))}


def of_file(file: Path, settings: DataSettings, about: Description | None, network: str | None = None) -> Subject:
    """Take the network of a file.

    Args:
        file: its weights, as `core.models.checkpoint.load_foreign` reads them.
        settings: of the data.
        about: its description, where there is one; else it takes the images of the data as they are.
        network: name of the network; needed without a description.

    Raises:
        InputError: the network is not known, or does not go with the data.
    """
    if file.suffix == ".onnx":
        raise InputError(f"--model {file}: is a graph, not weights; evaluate the model.safetensors beside it")
    name = network or (about.network if about is not None else None)
    if name is None:
        raise InputError(
            f"--model {file}: no {file.with_suffix('.json').name} beside it says which network this is; "
            "name it with --network"
        )
    if name not in (known := names()):
        raise InputError(f"network '{name}' is not known{nearest(name, known)}")
    dataset = load(settings, bundled.folder())
    if about is None or name != about.network:
        about = _guess(file, name, dataset, about)
    return Subject(file, about, settings, _fitted(dataset, about, file))


def of_run(folder: RunFolder, stage: str | None = None) -> Subject:
    """Take the network that a run hands on, or that one of its stages does.

    Raises:
        InputError: it has none, or the data is gone.
    """
    config = config_of(folder.record())
    stage = stage_with_network(folder, stage)
    dataset = load(config.data, bundled.folder())
    file = folder.artifacts(stage) / "model.safetensors"
    return Subject(file, describe(config, dataset, stage), config.data, dataset)


def by_cluster(subject: Subject, folder: RunFolder) -> Subject:
    """Look at the clusters of a run in place of the attributes; only its training images have one.

    Raises:
        InputError: the run has no clusters.
    """
    file = folder.artifacts("cluster") / "clusters.safetensors"
    if not file.exists():
        raise InputError(f"--by-cluster: run '{folder.record().name}' has no clusters")
    found = load_tensors(file)
    train = replace(subject.dataset.splits["train"], attributes=found["assignments"].numpy()[:, None])
    numbers = tuple(f"cluster {number}" for number in range(len(found["table"])))
    dataset = replace(subject.dataset, attributes={"cluster": numbers}, splits={"train": train})
    return replace(subject, dataset=dataset)


def evaluate(subject: Subject, split: SplitName, device: torch.device) -> Evaluation:
    """Count the correct predictions on a split by group.

    Raises:
        InputError: the weights do not fit the network.
    """
    about = subject.about
    network = network_of(about)
    load_foreign(subject.file, network)
    network.to(device).to(memory_format=torch.channels_last).eval()
    # Labels are told by name: the file may have them in another order than the data.
    order = [about.labels.index(label) for label in subject.dataset.label_names]
    images = Images(subject.dataset, split, device)
    said = predict(lambda pixels: all_logits(network, pixels, about.outputs)[:, order], images)
    return count_groups(said.classes, images, subject.dataset, split)


def _guess(file: Path, name: str, dataset: DataSet, about: Description | None) -> Description:
    """Describe a network that nothing is known of but its name: it was made for images such as these."""
    channels, height, width = dataset.splits["train"].images.shape[1:]
    guess = Description(
        network=name,
        hidden=Train().hidden if name in own_names() else 0,
        outputs=len(dataset.label_names),
        labels=dataset.label_names,
        channels=channels,
        stored=(height, width),
        crop=(dataset.crop or height, dataset.crop or width),
        mean=dataset.mean,
        std=dataset.std,
    )
    if about is not None:
        return replace(about, network=name)
    return replace(guess, outputs=1) if guess.outputs == 2 and _has_one_output(file, guess) else guess


def _has_one_output(file: Path, about: Description) -> bool:
    with torch.device("meta"):
        network = network_of(about)
    head = f"{find_head(network)[0]}.weight"
    fits = [fit(state, network, key) for key, state in read_states(file)]
    best = min(fits, key=lambda one: one.problems)
    return head in best.misshapen and best.misshapen[head][0][0] == 1


def _fitted(dataset: DataSet, about: Description, file: Path) -> DataSet:
    """Return the data normalised as the network wants it."""
    channels = dataset.splits["train"].images.shape[1]
    if channels != about.channels:
        raise InputError(f"--model {file}: takes images of {about.channels} channels, and the data has {channels}")
    if sorted(about.labels) != sorted(dataset.label_names):
        ours, theirs = (", ".join(labels) for labels in (about.labels, dataset.label_names))
        raise InputError(f"--model {file}: tells {ours} apart, and the labels of '{dataset.name}' are {theirs}")
    return replace(dataset, mean=about.mean, std=about.std)
