import copy

import pytest
import torch
from torch import nn

from core.models.networks import build
from core.pruning.masks import MaskedNetwork
from core.pruning.subnetwork import FixedMasks


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build("digits-cnn", 2)


@pytest.fixture
def masks(network):
    masked = MaskedNetwork(copy.deepcopy(network))
    with torch.no_grad():
        masked.logits.normal_(generator=torch.Generator().manual_seed(1))
    return FixedMasks(masked.hard_masks())


OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.05),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.05, weight_decay=0.1),
}


def train(network, optimizer, masks, steps=5):
    g = torch.Generator().manual_seed(2)
    for _ in range(steps):
        x, y = torch.randn(8, 3, 8, 8, generator=g), torch.randint(2, (8,), generator=g)
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
        if masks:
            masks.apply_(network)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_optimiser_revives_a_weight(network, masks, name):
    optimizer = OPTIMIZERS[name](network.parameters())
    train(network, optimizer, None, steps=2)  # momentum and averages from before the mask
    masks.apply_(network)
    before = copy.deepcopy(network.state_dict())
    twin = copy.deepcopy(network)
    train(network, optimizer, masks)
    for key, mask in masks.masks.items():
        weight = network.get_parameter(key)
        assert not weight[~mask].any()
        assert not torch.equal(weight[mask], before[key][mask])
    # Left to themselves, the same weights do come back.
    train(twin, OPTIMIZERS[name](twin.parameters()), None)
    assert all(twin.get_parameter(key)[~mask].any() for key, mask in masks.masks.items())


def test_applying_gives_the_exported_subnetwork(network, masks):
    masked = MaskedNetwork(copy.deepcopy(network))
    with torch.no_grad():
        masked.logits.copy_(torch.cat([m.flatten().float() - 0.5 for m in masks.masks.values()]))
    masks.apply_(network)
    state = masked.subnetwork_state()
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert masks.keep_ratio() == masked.keep_ratio()
    assert masks.layer_keep_ratios() == masked.layer_keep_ratios()


def test_masks_come_back_from_disk_as_they_were(masks, tmp_path):
    masks.save(tmp_path / "masks.safetensors")
    loaded = FixedMasks.load(tmp_path / "masks.safetensors")
    assert loaded.masks.keys() == masks.masks.keys()
    assert all(torch.equal(mask, masks.masks[name]) for name, mask in loaded.masks.items())


def test_masks_that_do_not_fit_are_refused(network, masks):
    with pytest.raises(ValueError, match="no parameter 'w'"):
        FixedMasks({"w": torch.ones(2, dtype=torch.bool)}).apply_(network)
    with pytest.raises(ValueError, match=r"'head\.weight' of shape"):
        FixedMasks({"head.weight": torch.ones(2, dtype=torch.bool)}).apply_(network)
    with pytest.raises(ValueError, match="boolean"):
        FixedMasks({"w": torch.ones(2)})
    with pytest.raises(ValueError, match="boolean"):
        FixedMasks({})


@pytest.mark.gpu
def test_masks_hold_on_a_gpu(network, masks):
    network.cuda()
    on_gpu = masks.to("cuda")
    on_gpu.apply_(network)
    assert all(not network.get_parameter(key)[~mask].any() for key, mask in on_gpu.masks.items())
    assert on_gpu.keep_ratio() == masks.keep_ratio()


def test_permuted_masks_keep_as_much_of_every_layer_but_other_weights(masks):
    permuted = masks.permuted(torch.Generator().manual_seed(0))
    assert permuted.layer_keep_ratios() == masks.layer_keep_ratios()
    for name, mask in masks.masks.items():
        agreement = (permuted.masks[name] == mask).float().mean().item()
        kept = mask.float().mean().item()
        assert permuted.masks[name].shape == mask.shape
        # Independent masks agree where both keep or both drop a weight.
        assert agreement == pytest.approx(kept**2 + (1 - kept) ** 2, abs=0.12)


def test_the_random_stream_decides_a_permutation(masks):
    once, again, other = (masks.permuted(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(once.masks[name], again.masks[name]) for name in masks.masks)
    assert any(not torch.equal(once.masks[name], other.masks[name]) for name in masks.masks)
