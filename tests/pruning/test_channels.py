"""Whole channels: one logit each, zero everywhere when they are dropped, and a smaller network that says the same."""

import pytest
import torch
from torch import nn

from core.errors import InputError
from core.models.networks import build, outline
from core.pruning.channels import channels_of, cut, kept_channels, permuted_channels, with_channels
from core.pruning.masks import MaskedNetwork
from core.pruning.subnetwork import FixedMasks


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Chain(nn.Module):
    """Convolutions in a row and linear layers behind them, as in VGG with its 129 million weights."""

    def __init__(self):
        super().__init__()
        first = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
        second = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(7)
        self.features = nn.Sequential(*first, *second)
        self.classifier = nn.Sequential(nn.Linear(16 * 49, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, 3))

    def forward(self, images):
        return self.classifier(torch.flatten(self.features(images), 1))


def trained(name, outputs=3, size=(28, 28)):
    """A network whose weights and BatchNorm statistics are all different from the initial ones."""
    torch.manual_seed(0)
    network = Chain() if name == "chain" else build(name, outputs, 3, size)
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point():
                tensor.add_(0.1 * torch.rand(tensor.shape, generator=generator(1)))
    return network.eval()


def half_masked(network, seed=2):
    masked = MaskedNetwork(network, structure="channels")
    with torch.no_grad():
        masked.logits.normal_(generator=generator(seed))
    return masked


@pytest.mark.parametrize(("name", "size"), [("digits-cnn", 28), ("resnet18", 64), ("resnet50", 64), ("chain", 64)])
def test_the_smaller_network_says_what_the_masked_one_says(name, size):
    network = trained(name, size=(size, size)).double()
    masked = half_masked(network)
    network.load_state_dict(masked.subnetwork_state())
    small = cut(network, kept_channels(network, masked.hard_masks()))
    images = torch.randn(2, 3, size, size, generator=generator(3), dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(small(images), network(images), rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(network(images), masked.hard(images)[0], rtol=1e-8, atol=1e-8)
    sizes = [sum(p.numel() for p in one.parameters()) for one in (network, small)]
    assert sizes[1] < 0.8 * sizes[0]


def test_a_file_of_the_smaller_network_fits_a_fresh_one_with_the_same_numbers_of_channels():
    network = trained("digits-cnn")
    kept = kept_channels(network, half_masked(network).hard_masks())
    small = cut(network, kept)
    fresh = with_channels(build("digits-cnn", 3), {name: int(rows.sum()) for name, rows in kept.items()}).eval()
    fresh.load_state_dict(small.state_dict())
    images = torch.randn(2, 3, 28, 28, generator=generator(3))
    assert torch.equal(fresh(images), small(images))


def test_one_channel_stays_of_a_layer_that_lost_all():
    network = trained("digits-cnn")
    masked = MaskedNetwork(network, structure="channels")
    with torch.no_grad():
        masked.logits[:16] = -1
    network.load_state_dict(masked.subnetwork_state())
    small = cut(network, kept_channels(network, masked.hard_masks()))
    assert small.features[0][0].out_channels == 1
    images = torch.randn(2, 3, 28, 28, generator=generator(3))
    torch.testing.assert_close(small(images), network(images))


def test_fixed_masks_keep_a_channel_at_zero_through_its_norm_and_count_weights_alone():
    network = trained("digits-cnn")
    masks = FixedMasks(half_masked(network).hard_masks())
    masks.apply_(network)
    dropped = ~masks.masks["features.0.1.weight"]
    assert dropped.any()
    out = network.features[0](torch.randn(2, 3, 28, 28, generator=generator(3)))
    assert not out[:, dropped].any()
    assert list(masks.layer_keep_ratios()) == ["features.0.0", "features.2.0", "features.4.0"]
    kept = [masks.masks[f"features.{i}.0.weight"] for i in (0, 2, 4)]
    assert masks.keep_ratio() == sum(int(m.sum()) for m in kept) / sum(m.numel() for m in kept)


def test_permuted_channels_are_whole_others_and_as_many_in_every_layer():
    network = trained("resnet18", size=(64, 64))
    masks = MaskedNetwork(network, structure="channels", exclude=["layer1"])
    with torch.no_grad():
        masks.logits.normal_(generator=generator(2))
    before = masks.hard_masks()
    after = permuted_channels(network, before, generator(3))
    assert after.keys() == before.keys()
    kept, other = (kept_channels(network, of) for of in (before, after))
    assert len(kept) == 6  # the inner convolutions of three of the four layers
    assert {name: int(rows.sum()) for name, rows in kept.items()} == {n: int(r.sum()) for n, r in other.items()}
    assert all((rows != other[name]).any() for name, rows in kept.items())
    for channels in channels_of(network, exclude=["layer1"]):
        for name, _ in channels.gated(network):
            rows = after[name].flatten(1) if after[name].dim() > 1 else after[name][:, None]
            assert (rows == other[channels.conv][:, None]).all(), name


def test_the_gradient_of_a_channel_is_the_sum_over_its_parameters():
    network = trained("digits-cnn").double()
    masked = half_masked(network)
    upstream = [torch.randn(s, dtype=torch.float64, generator=generator(4)) for s in masked.shapes.values()]
    ours = torch.autograd.grad(list(masked.sample(generator(5)).values()), masked.logits, upstream)[0]
    p = masked.logits.detach().sigmoid()
    expected = torch.zeros_like(ours)
    first = 0
    values = dict(zip(masked.shapes, upstream, strict=True))
    for channels in channels_of(network):
        for name, parameter in channels.gated(network):
            share = (
                (values[name] * parameter.detach()).flatten(1).sum(1)
                if parameter.dim() > 1
                else (values[name] * parameter.detach())
            )
            expected[first : first + len(parameter)] += share
        first += len(parameter)
    torch.testing.assert_close(ours, expected * p * (1 - p))


def test_a_channel_is_kept_or_dropped_as_a_whole_in_every_draw():
    masked = half_masked(trained("digits-cnn"))
    drawn = masked.sample(generator(6))
    on = (drawn["features.0.0.weight"].flatten(1) != 0).float().mean(1)
    assert set(on.tolist()) == {0.0, 1.0}
    assert torch.equal(on > 0, drawn["features.0.1.weight"] != 0)


def test_of_a_residual_network_only_the_inner_convolutions_are_cut():
    found = channels_of(outline("resnet18", 2))
    assert {c.conv for c in found} == {f"layer{i}.{j}.conv1" for i in (1, 2, 3, 4) for j in (0, 1)}
    assert {c.after for c in found} == {f"layer{i}.{j}.conv2" for i in (1, 2, 3, 4) for j in (0, 1)}
    inner = channels_of(outline("resnet50", 2), exclude=["layer1", "layer2.0.conv1"])
    assert not any(c.conv.startswith("layer1") or c.conv == "layer2.0.conv1" for c in inner)


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, images):
        return self.head(self.conv(images).sigmoid().mean((2, 3)))


class Untraceable(Odd):
    def forward(self, images):
        return super().forward(images) if images.sum() > 0 else images


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (Odd, "no channels of Odd can be pruned: no convolution leads to one other layer alone"),
        (Untraceable, "torch.fx cannot trace it"),
        (lambda: build("mlp", 2), "no channels"),
        (lambda: build("mnist-cnn", 2), "no channels"),
    ],
)
def test_other_networks_are_refused_in_one_sentence(network, why):
    with pytest.raises(InputError, match=why) as refused:
        channels_of(network())
    assert "prune.structure=weights" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_words_leave_layers_alone_as_with_masks_of_weights():
    network = outline("vgg16", 2)
    assert channels_of(network)[0].conv == "features.0"
    assert channels_of(network, exclude=["first", "depthwise"]) == channels_of(network)[1:]
    with pytest.raises(InputError, match=r"cannot exclude 'featurs\.0' from pruning.*did you mean 'features\.0'"):
        channels_of(network, exclude=["featurs.0"])
