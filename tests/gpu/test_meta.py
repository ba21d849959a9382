"""Networks, representations and masks on torch's `meta` device, and forward passes on a GPU of torch's fake tensors."""

from contextlib import contextmanager
from unittest.mock import patch

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F

from core.models.networks import build, outline
from core.models.representation import Representation
from core.pruning.contrast import contrastive_loss
from core.pruning.masks import MaskedNetwork

LONG = [pytest.param(name, marks=pytest.mark.simulated_gpu) for name in ("digits-cnn", "mobilenet_v2", "vit_b_16")]
NETWORKS = ["mlp", "mnist-cnn", "small-field", "resnet18", *LONG]
SIDES = {"vit_b_16": 224}


NEEDS_FAKE_CUDA = pytest.mark.skipif(
    not hasattr(torch._C, "_ensureCUDADeviceGuardSet") and not torch.cuda.is_available(),
    reason="this version of torch has no fake CUDA tensors where there is no GPU",
)


@contextmanager
def fake_gpu():
    """Tensors are fake; networks are made on the GPU, without initial values that are read while they are drawn."""
    with FakeTensorMode(), patch("torch.nn.init.trunc_normal_", lambda tensor, *_, **__: tensor):
        yield torch.device("cuda", 0)


def built(*wanted):
    with torch.device("cuda", 0):
        return build(*wanted)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_makes_a_tensor_off_the_device_of_its_images(name):
    side = SIDES.get(name, 32)
    network = outline(name, 2, 3, (side, side))
    logits, representation = Representation(network)(torch.zeros(2, 3, side, side, device="meta"))
    F.cross_entropy(logits, torch.zeros(2, dtype=torch.int64, device="meta")).backward()
    assert {tensor.device.type for tensor in (logits, representation, *network.parameters())} == {"meta"}
    assert all(parameter.grad is not None for parameter in network.parameters())


@NEEDS_FAKE_CUDA
@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_makes_a_tensor_off_the_gpu(name):
    side = SIDES.get(name, 32)
    with fake_gpu() as device:
        network = built(name, 2, 3, (side, side))
        logits, representation = Representation(network)(torch.zeros(2, 3, side, side, device=device))
    assert logits.device == representation.device == device


@NEEDS_FAKE_CUDA
def test_masks_and_their_losses_make_no_tensor_off_the_gpu():
    with fake_gpu() as device:
        masked = MaskedNetwork(built("resnet18", 2))
        weights = {name: torch.zeros(shape, device=device) for name, shape in masked.shapes.items()}
        logits, z = masked.under(weights, torch.zeros(4, 3, 32, 32, device=device))
        labels = torch.zeros(4, dtype=torch.int64, device=device)
        loss, _ = contrastive_loss(z, labels, labels, 0.1, "same-cluster-other-class")
        hard, _ = masked.hard(torch.zeros(4, 3, 32, 32, device=device))
    assert logits.device == loss.device == hard.device == device


@NEEDS_FAKE_CUDA
def test_a_tensor_of_the_cpu_or_a_number_that_is_read_in_a_forward_pass_is_noticed():
    with fake_gpu() as device:
        network, images = built("resnet18", 2), torch.zeros(2, 3, 32, 32, device=device)
        for slip in (lambda out: out + torch.zeros(out.shape), lambda out: out * out.sum().item()):
            kept = network.layer1.register_forward_hook(lambda _, __, out, slip=slip: slip(out))
            with pytest.raises(Exception, match=r"device|_local_scalar_dense"):
                network(images)
            kept.remove()
        assert network(images).device == device
