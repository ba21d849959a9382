import copy

import pytest
import torch
from torch import nn

from core.errors import InputError
from core.models.networks import build
from core.models.representation import Representation, find_head


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build("digits-cnn", 3).eval()


@pytest.fixture
def images():
    return torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "head", "width"),
    [("digits-cnn", "head", 64), ("resnet18", "fc", 512), ("mobilenet_v2", "classifier.1", 1280)],
)
def test_the_head_is_the_last_linear_layer(name, head, width):
    found, layer = find_head(build(name, 3))
    assert (found, layer.in_features, layer.out_features) == (head, width, 3)


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(InputError, match="no linear layer"):
        find_head(nn.Sequential(nn.Conv2d(3, 2, 1)))


def test_the_head_applied_to_the_representation_gives_the_logits(network, images):
    logits, z = Representation(network)(images)
    assert z.shape == (4, 64)
    assert torch.equal(logits, network(images))
    assert torch.equal(logits, network.head(z))


def test_gradients_flow_through_both_outputs(network, images):
    logits, z = Representation(network)(images)
    by_z = torch.autograd.grad(z.square().sum(), network.features[0][0].weight, retain_graph=True)[0]
    by_logits = torch.autograd.grad(logits.square().sum(), network.features[0][0].weight)[0]
    assert by_z.abs().sum() > 0
    assert by_logits.abs().sum() > 0


def test_other_weights_are_used_in_place_of_the_networks_own(network, images):
    other = build("digits-cnn", 3).eval()
    logits, z = Representation(network)(images, other.state_dict())
    expected_logits, expected_z = Representation(other)(images)
    assert torch.equal(logits, expected_logits)
    assert torch.equal(z, expected_z)


def test_nothing_is_left_on_the_network(network, images):
    before = copy.deepcopy(network)
    representation = Representation(network)
    representation(images)
    with pytest.raises(RuntimeError):
        representation(images[:, :2])
    assert not network.head._forward_pre_hooks
    assert list(network.state_dict()) == list(before.state_dict())
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), before.state_dict().values(), strict=True)
    )


def test_a_head_that_sees_more_than_one_vector_per_image_is_refused():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(2), nn.Linear(16, 2))
    with pytest.raises(ValueError, match=r"the head '2' received \[\(5, 4, 16\)\]"):
        Representation(network)(torch.randn(5, 3, 4, 4))


def test_a_head_that_is_never_called_is_refused():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(ValueError, match=r"the head 'idle' received \[\]"):
        Representation(Idle())(torch.randn(5, 3))


@pytest.mark.gpu
def test_the_representation_is_the_same_on_a_gpu(network, images):
    logits, z = Representation(network)(images)
    on_gpu = Representation(copy.deepcopy(network).cuda())(images.cuda())
    torch.testing.assert_close((logits, z), tuple(t.cpu() for t in on_gpu), rtol=1e-3, atol=1e-3)
