"""What looks at a network without training it, on a simulated GPU: evaluation of a file, class-activation maps."""

import pytest
import torch

from core.models.attention import grad_cam
from core.models.networks import build
from core.tensors import save_tensors
from experiments.data.sets import resolve
from experiments.description import Description
from experiments.evaluate import evaluate, of_file
from experiments.network import network_of
from tests.gpu.simulated import GPU, POSSIBLE, simulated

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="this torch cannot have devices that are written in Python")
CPU = torch.device("cpu")


@pytest.fixture
def subject(tmp_path):
    """An untrained network in a file, whose labels are not in the order of the data."""
    settings = resolve("texture-mnist", ["data.train_size=100", "data.validation_size=40", "data.test_size=80"])
    about = Description(
        network="digits-cnn",
        outputs=2,
        labels=("5–9", "0–4"),
        channels=3,
        stored=(28, 28),
        crop=(28, 28),
        mean=(0.5, 0.5, 0.5),
        std=(0.2, 0.2, 0.2),
    )
    torch.manual_seed(0)
    file = tmp_path / "model.safetensors"
    save_tensors(file, network_of(about).state_dict())
    return of_file(file, settings, about)


def test_a_network_is_evaluated_on_a_gpu_as_on_a_cpu(subject):
    with simulated() as device:
        there = evaluate(subject, "test", device)
    assert there == evaluate(subject, "test", CPU)


def test_a_map_of_what_a_network_looks_at_is_that_of_the_cpu():
    torch.manual_seed(0)
    network, images, classes = build("digits-cnn", 2, 3, (28, 28)).eval(), torch.rand(4, 3, 28, 28), torch.arange(4) % 2
    here = grad_cam(network, images, classes)
    with simulated() as device:
        there = grad_cam(network.to(device), images.to(device), classes.to(device))
        assert there.device == GPU
        there = there.cpu()
    torch.testing.assert_close(there, here)
