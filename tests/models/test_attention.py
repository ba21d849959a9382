"""Class-activation maps: against a network whose map is known, and against the definition, written out slowly."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.errors import InputError
from core.models.attention import grad_cam


class Toy(nn.Module):
    """Two feature maps that are the channels of the image, pooled to their means, and a head."""

    def __init__(self, weights):
        super().__init__()
        self.features = nn.Conv2d(2, 2, 1, bias=False)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(2, len(weights), bias=False)
        with torch.no_grad():
            self.features.weight.copy_(torch.eye(2)[:, :, None, None])
            self.head.weight.copy_(torch.tensor(weights))

    def forward(self, images):
        return self.head(self.pool(self.features(images)).flatten(1))


def test_a_class_that_takes_one_channel_looks_where_that_channel_is():
    image = torch.zeros(1, 2, 4, 4)
    image[0, 0, 1, 2], image[0, 1, 3, 0] = 3.0, 5.0
    network = Toy([[2.0, 0.0], [0.0, 1.0]])
    for label, place in ((0, (1, 2)), (1, (3, 0))):
        expected = torch.zeros(4, 4)
        expected[place] = 1.0
        torch.testing.assert_close(grad_cam(network, image, torch.tensor([label]))[0], expected)


def test_what_speaks_against_a_class_is_left_out_and_nothing_gives_nothing():
    image = torch.rand(1, 2, 4, 4)
    network = Toy([[1.0, -1.0], [-1.0, -2.0]])
    difference = (image[0, 0] - image[0, 1]).relu()
    torch.testing.assert_close(grad_cam(network, image, torch.tensor([0]))[0], difference / difference.max())
    assert grad_cam(network, image, torch.tensor([1])).abs().max() == 0


def slow_grad_cam(features, rest, image, label, step=1e-6):
    """Equations 1 and 2 by central differences, one activation at a time."""
    maps = features(image[None])[0]
    total = torch.zeros(maps.shape[1:], dtype=maps.dtype)
    for k in range(len(maps)):
        slopes = []
        for place in range(maps[k].numel()):
            ends = []
            for sign in (1, -1):
                moved = maps.clone()
                moved[k].view(-1)[place] += sign * step
                ends.append(rest(moved[None])[0, label].item())
            slopes.append((ends[0] - ends[1]) / (2 * step))
        total += sum(slopes) / len(slopes) * maps[k]
    large = F.interpolate(total.clamp(min=0)[None, None], image.shape[-2:], mode="bilinear", align_corners=False)[0, 0]
    return (large / large.max().clamp(min=1e-300)).float()


def small_network():
    torch.manual_seed(3)
    features = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(4, 5, 3), nn.Tanh()
    )
    rest = nn.Sequential(nn.Flatten(), nn.Linear(5 * 2 * 2, 6), nn.Tanh(), nn.Linear(6, 3))
    return features.double().eval(), rest.double().eval()


def test_it_is_what_its_equations_say():
    features, rest = small_network()
    images, classes = torch.rand(4, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 1])
    found = grad_cam(nn.Sequential(features, rest), images, classes)
    assert (found.amax(dim=(1, 2)) == 1).sum() >= 2  # for the others nothing speaks for the class
    for image, label, drawn in zip(images, classes, found, strict=True):
        with torch.no_grad():
            slow = slow_grad_cam(features, rest, image, int(label))
        torch.testing.assert_close(drawn, slow, atol=1e-5, rtol=1e-4)


def test_an_image_has_the_same_map_alone_and_in_a_batch():
    network = nn.Sequential(*small_network())
    images, classes = torch.rand(3, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 2, 1])
    together = grad_cam(network, images, classes)
    alone = torch.cat([grad_cam(network, images[i : i + 1], classes[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone)


def test_the_network_is_left_as_it_was():
    network = nn.Sequential(*small_network())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    grad_cam(network, torch.rand(1, 3, 8, 8, dtype=torch.float64), torch.tensor([0]))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet121", "vgg11_bn"])
def test_networks_of_torchvision_have_maps(name):
    from core.models.networks import build

    torch.manual_seed(0)
    network = build(name, 2, 3, (64, 64)).eval()
    found = grad_cam(network, torch.rand(1, 3, 64, 64), torch.tensor([1]))
    assert found.shape == (1, 64, 64)
    assert found.min() >= 0
    assert found.max() in (0.0, 1.0)


def test_a_network_without_feature_maps_is_refused():
    with pytest.raises(InputError, match="has no feature maps"):
        grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), torch.rand(1, 3, 4, 4), torch.tensor([0]))
