"""Networks from files, evaluated by group: as a plain count says, whatever the file leaves to be said."""

from dataclasses import replace

import pytest
import torch
import torchvision  # noqa: F401  # descriptions name it

import core.models.networks  # noqa: F401  # descriptions name it
from core.data.load import load
from core.errors import InputError
from core.groups import group_titles
from core.tensors import save_tensors
from experiments import bundled
from experiments.data.sets import resolve
from experiments.description import Description
from experiments.evaluate import evaluate, of_file, sizes_for
from experiments.network import network_of

SMALL = ["data.train_size=100", "data.validation_size=40", "data.test_size=80"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def settings():
    return resolve("texture-mnist", SMALL)


@pytest.fixture(scope="module")
def dataset(settings):
    return load(settings, bundled.folder())


def describe(dataset, **changes):
    shape = dataset.splits["train"].images.shape
    about = Description(
        network="digits-cnn",
        outputs=2,
        labels=dataset.label_names,
        channels=shape[1],
        stored=shape[2:],
        crop=shape[2:],
        mean=dataset.mean,
        std=dataset.std,
    )
    return replace(about, **changes)


def made(about):
    torch.manual_seed(0)
    return network_of(about).eval()


def centred(network, dataset, about):
    """Move the bias of the head until both labels are predicted about as often."""
    pixels = torch.from_numpy(dataset.splits["test"].images).float() / 255
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (about.mean, about.std))
    with torch.no_grad():
        logits = network((pixels - mean) / std)
        network.head.bias -= logits.quantile(0.5, dim=0)
        return network, network((pixels - mean) / std)


def counts(predicted, dataset, split="test"):
    """Correct predictions by group, counted one by one."""
    arrays = dataset.splits[split]
    found = {
        (label, tuple(values.values())): 0 for label, values in group_titles(dataset.label_names, dataset.attributes)
    }
    for i, said in enumerate(predicted.tolist()):
        values = [names[arrays.attributes[i, a]] for a, names in enumerate(dataset.attributes.values())]
        if said == arrays.labels[i]:
            found[dataset.label_names[arrays.labels[i]], tuple(values)] += 1
    return list(found.values())


def test_a_network_is_evaluated_with_the_normalisation_of_its_description(tmp_path, settings, dataset):
    about = describe(dataset, mean=(0.5, 0.5, 0.5), std=(0.1, 0.2, 0.3))
    network, logits = centred(made(about), dataset, about)
    wanted = counts(logits.argmax(1), dataset)
    assert 0 < sum(wanted) < 80
    file = tmp_path / "model.safetensors"
    save_tensors(file, network.state_dict())
    said = evaluate(of_file(file, settings, about), "test", CPU)
    assert [group.correct for group in said.groups] == wanted
    assert said.n == 80


def test_labels_are_told_by_name_whatever_their_order_in_the_file(tmp_path, settings, dataset):
    about = describe(dataset)
    network, logits = centred(made(about), dataset, about)
    file = tmp_path / "model.safetensors"
    save_tensors(file, network.state_dict())
    turned = replace(about, labels=about.labels[::-1])
    said = evaluate(of_file(file, settings, turned), "test", CPU)
    assert [group.correct for group in said.groups] == counts(1 - logits.argmax(1), dataset)


def test_a_state_dict_with_one_output_is_the_logit_of_label_one(tmp_path, settings, dataset):
    about = describe(dataset, network="mnist-cnn", outputs=1)
    network, logits = centred(made(about), dataset, about)
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}, tmp_path / "x.pt"
    )
    said = evaluate(of_file(tmp_path / "x.pt", settings, None, "mnist-cnn"), "test", CPU)
    assert [group.correct for group in said.groups] == counts((logits > 0).long(), dataset)


@pytest.mark.parametrize(
    ("changes", "network", "sentence"),
    [
        ({"labels": ("cat", "dog")}, None, "predicts cat, dog, but.*0–4, 5–9"),
        ({"channels": 2}, None, "images of 2 channels, but the data has 3"),
        (None, None, "model.json.*--network"),
        (None, "digit-cnn", "'digits-cnn'"),
        (None, "resnet18", "does not match the network"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, settings, dataset, changes, network, sentence):
    about = describe(dataset)
    file = tmp_path / "model.safetensors"
    save_tensors(file, made(about).state_dict())
    told = None if changes is None else replace(about, **changes)
    with pytest.raises(InputError, match=sentence):
        evaluate(of_file(file, settings, told, network), "test", CPU)


def test_images_have_the_size_that_the_network_was_trained_on_unless_told_otherwise(dataset):
    about = describe(dataset, stored=(40, 40), crop=(36, 36))
    assert resolve("waterbirds").size == 224
    ours = resolve("waterbirds", sizes=sizes_for(about))
    assert (ours.size, ours.stored) == (36, 40)
    told = resolve("waterbirds", ["data.size=32"], sizes=sizes_for(about))
    assert (told.size, told.stored) == (32, 40)


@pytest.mark.parametrize(
    ("network", "outputs"),
    [("digits-cnn", 2), ("mnist-cnn", 1), ("mlp", 1), ("resnet18", 2), ("mobilenet_v2", 5), ("googlenet", 2)],
)
def test_a_description_is_read_back_and_builds_the_network_that_the_weights_fit(tmp_path, dataset, network, outputs):
    import orjson

    about = describe(dataset, network=network, outputs=outputs, hidden=30 if network == "mlp" else 0)
    (tmp_path / "best.json").write_bytes(orjson.dumps({"run": "abcd2345", **about.to_json()}))
    assert Description.read(tmp_path / "best.safetensors") == about
    torch.manual_seed(0)
    built = eval(about.build)
    # Strict: every tensor has its place, and every place its tensor.
    built.load_state_dict(network_of(about).state_dict())
    assert ("torchvision" in about.build) == (network not in ("digits-cnn", "mnist-cnn", "mlp"))


@pytest.mark.parametrize("text", ["[]", "{", '{"network": "resnet18"}'])
def test_a_broken_description_is_refused(tmp_path, text):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.json: is not a description"):
        Description.read(tmp_path / "model.pt")
