"""Networks, representations and masks on torch's `meta` device, and on a GPU of torch's fake tensors."""

from contextlib import nullcontext

import pytest
import torch
from torch._subclasses import FakeTensorMode
from torch.nn import functional as F

from core.models.networks import build, outline
from core.models.representation import Representation
from core.pruning.contrast import contrastive_loss
from core.pruning.masks import MaskedNetwork

NETWORKS = ["digits-cnn", "mlp", "mnist-cnn", "small-field", "resnet18", "mobilenet_v2", "vit_b_16"]
SIDES = {"vit_b_16": 224}


@pytest.fixture(params=["meta", "cuda"])
def make(request):
    """Makes networks without values on a device; everything else in the test is real unless it is asked for there."""
    # Backward passes in this thread, as torch has threads of their own only for GPUs that it has found.
    mode = FakeTensorMode() if request.param == "cuda" else nullcontext()
    with mode, torch.autograd.set_multithreading_enabled(False):
        yield lambda *wanted: (build if request.param == "cuda" else outline)(*wanted).to(request.param)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_makes_a_tensor_elsewhere(make, name):
    side = SIDES.get(name, 32)
    network = make(name, 2, 3, (side, side))
    device = next(network.parameters()).device
    logits, representation = Representation(network)(torch.zeros(2, 3, side, side, device=device))
    F.cross_entropy(logits, torch.zeros(2, dtype=torch.int64, device=device)).backward()
    assert logits.device == representation.device == device
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_masks_and_their_losses_make_no_tensor_elsewhere(make):
    network = make("resnet18", 2)
    device = network.fc.weight.device
    masked = MaskedNetwork(network)
    weights = {name: torch.zeros(shape, device=device) for name, shape in masked.shapes.items()}
    logits, z = masked.under(weights, torch.zeros(4, 3, 32, 32, device=device))
    labels = torch.zeros(4, dtype=torch.int64, device=device)
    loss, _ = contrastive_loss(z, labels, labels, 0.1, "same-cluster-other-class")
    hard, _ = masked.hard(torch.zeros(4, 3, 32, 32, device=device))
    assert logits.device == loss.device == hard.device == device
