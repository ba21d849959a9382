from functools import cache

import pytest
import torch
from torch import nn

from core.models.networks import build
from core.pruning.masks import MaskedNetwork, maskable_weights

# Convolutions + linear layers, from the papers: ResNet-50 has 16 blocks of 3, 4 shortcuts and a stem; MobileNetV2 has
# 52 convolutions, 17 of them depthwise; ViT-B/16 a patch embedding and 12 blocks (attention output, two of the MLP).
LAYERS = {
    "resnet18": 20 + 1,
    "resnet34": 36 + 1,
    "resnet50": 53 + 1,
    "mobilenet_v2": 52 + 1,
    "vit_b_16": 1 + 12 * 3 + 1,
}


@pytest.fixture(scope="module")
def known():
    """A network and its masks by name, made once for all tests that only look at them."""
    return cache(pruned)


def exported(name, masked):
    """The plain network with the weights of the masked one; it draws none of its own."""
    with torch.device("meta"):
        plain = build(name, 2)
    plain.load_state_dict(masked.subnetwork_state(), assign=True)
    return plain.eval()


def pruned(name):
    torch.manual_seed(0)
    network = build(name, 2)
    with torch.no_grad():  # ViT starts with a head of zeros, which could not be told from masked weights
        for weight in maskable_weights(network).values():
            weight[weight == 0] = 0.01
    masked = MaskedNetwork(network)
    with torch.no_grad():
        masked.logits.normal_(0.3, generator=torch.Generator().manual_seed(1))
    return network, masked


@pytest.mark.parametrize(("name", "layers"), LAYERS.items())
def test_every_convolution_and_linear_layer_is_masked_and_nothing_else_is_counted(known, name, layers):
    network, masked = known(name)
    modules = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(masked.shapes) == len(modules) == layers
    assert masked.logits.numel() == sum(m.weight.numel() for m in modules)
    # Counted on the exported network itself, over fresh layers found by type.
    plain = exported(name, masked)
    weights = [m.weight for m in plain.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    kept = sum(w.count_nonzero().item() for w in weights)
    assert masked.keep_ratio() == kept / masked.logits.numel()
    assert all((w == 0).any() for w in weights)
    others = {k: v for k, v in plain.state_dict().items() if k not in masked.shapes}
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in others.items())


def test_the_last_convolution_of_every_block_of_resnet50_is_masked_where_the_forward_pass_sees_it():
    network, masked = pruned("resnet50")
    last = [f"{name}.conv3.weight" for name, m in network.named_modules() if hasattr(m, "conv3")]
    assert len(last) == 16
    sampled, hard = masked.sample(torch.Generator().manual_seed(2)), masked.hard_masks()
    for name in last:
        weight = network.get_parameter(name)
        for seen in (sampled[name] != 0, hard[name]):
            assert 0.2 < seen.float().mean() < 0.9, name
        assert torch.equal(sampled[name], torch.where(sampled[name] != 0, weight, 0))
    # And the pass follows: without them, every block is its shortcut alone.
    with torch.no_grad():
        sizes = [shape.numel() for shape in masked.shapes.values()]
        for name, logits in zip(masked.shapes, torch.split(masked.logits, sizes), strict=True):
            if name in last:
                logits.fill_(-1)
    plain = exported("resnet50", masked)
    x = torch.randn(1, 3, 32, 32)
    out = []
    plain.layer4[2].bn3.register_forward_pre_hook(lambda _, inputs: out.append(inputs[0]))
    plain(x)
    assert not out[0].any()


def test_depthwise_convolutions_are_masked(known):
    network, masked = known("mobilenet_v2")
    depthwise = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert len(depthwise) == 17
    assert all(0 < masked.layer_keep_ratios()[name] < 1 for name in depthwise)


@pytest.mark.parametrize(("name", "size"), [("resnet50", 32), ("mobilenet_v2", 32), ("vit_b_16", 224)])
def test_the_hard_forward_is_the_exported_network_bit_for_bit(known, name, size):
    _, masked = known(name)
    masked.eval()
    plain = exported(name, masked)
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert torch.equal(masked.hard(x)[0], plain(x))


@pytest.mark.parametrize(("name", "size"), [("resnet18", 32), ("mobilenet_v2", 32)])
def test_every_masked_layer_gets_a_gradient(name, size):
    _, masked = pruned(name)
    logits, _ = masked(torch.randn(4, 3, size, size), torch.Generator().manual_seed(0))
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 0, 1])).backward()
    parts = torch.split(masked.logits.grad, [shape.numel() for shape in masked.shapes.values()])
    assert all(part.any() and part.isfinite().all() for part in parts)
