import copy

import pytest
import torch
from torch import nn

from core.models.networks import build
from core.pruning.batchnorm import batches_of, recompute_statistics, training_mode
from core.pruning.masks import MaskedNetwork


@pytest.fixture
def network():
    torch.manual_seed(0)
    network = build("digits-cnn", 2)
    network(3 + torch.randn(8, 3, 10, 10))  # statistics other than the initial ones
    return network.eval()


def batches(*sizes):
    g = torch.Generator().manual_seed(1)
    return [torch.randn(size, 3, 10, 10, generator=g) for size in sizes]


def test_one_full_batch_gives_its_own_mean_and_variance(network):
    (batch,) = batches(32)
    recompute_statistics(network, [batch])
    before_norm = network.features[0][0](batch)
    layer = network.features[0][1]
    torch.testing.assert_close(layer.running_mean, before_norm.mean((0, 2, 3)))
    torch.testing.assert_close(layer.running_var, before_norm.var((0, 2, 3), unbiased=True))
    # With these statistics evaluation mode does what training mode does with the batch (up to n against n − 1).
    evaluated = network(batch)
    torch.testing.assert_close(evaluated, network.train()(batch), rtol=1e-2, atol=1e-3)


def test_several_batches_are_averaged_and_count_the_same(network):
    many = batches(16, 16, 4)
    recompute_statistics(network, iter(many))
    before_norm = [network.features[0][0](batch) for batch in many]
    layer = network.features[0][1]
    torch.testing.assert_close(layer.running_mean, torch.stack([b.mean((0, 2, 3)) for b in before_norm]).mean(0))
    torch.testing.assert_close(layer.running_var, torch.stack([b.var((0, 2, 3)) for b in before_norm]).mean(0))


def test_everything_else_stays_as_it_was(network):
    network.features[1].train()
    modes = [m.training for m in network.modules()]
    before = copy.deepcopy(network.state_dict())
    recompute_statistics(network, batches(8))
    assert [m.training for m in network.modules()] == modes
    assert {m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {n for n in before if "running" in n}


def test_dropout_stays_off_meanwhile():
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(3)).train()
    x = torch.randn(50, 3)
    recompute_statistics(network, [x])
    torch.testing.assert_close(network[1].running_mean, x.mean(0))


def test_without_a_batch_the_statistics_stay_and_it_says_so(network):
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match="no batch"):
        recompute_statistics(network, [])
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert not network.training


def test_a_failing_batch_leaves_the_mode_as_it_was(network):
    with pytest.raises(RuntimeError):
        recompute_statistics(network, [torch.randn(2, 5, 10, 10)])
    assert not any(m.training for m in network.modules())
    assert {m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}


@pytest.mark.parametrize("network", [nn.Linear(3, 2), nn.BatchNorm1d(3, track_running_stats=False)])
def test_a_network_without_running_statistics_is_left_alone(network):
    recompute_statistics(network, [torch.full((1, 99), float("nan"))])
    assert network.training


def test_a_masked_network_is_measured_under_its_hard_mask(network):
    masked = MaskedNetwork(network)
    with torch.no_grad():
        masked.logits.normal_(generator=torch.Generator().manual_seed(2))
    plain = build("digits-cnn", 2)
    plain.load_state_dict(masked.subnetwork_state())
    recompute_statistics(masked, batches(8, 8), masked.hard)
    recompute_statistics(plain, batches(8, 8))
    state = masked.subnetwork_state()
    assert all(torch.equal(state[name], value) for name, value in plain.state_dict().items())


@pytest.mark.parametrize("policy", ["recompute", "train", "frozen"])
def test_frozen_alone_keeps_the_statistics_while_the_rest_trains(network, policy):
    before = copy.deepcopy(network.state_dict())
    training_mode(network, policy)
    network(batches(4)[0])
    kept = all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert kept == (policy == "frozen")
    assert network.training
    assert network.head.training


@pytest.mark.parametrize(
    ("n", "sizes"), [(500, [500]), (1000, [500, 500]), (502, [502]), (1001, [500, 501]), (563, [500, 63]), (3, [3])]
)
def test_a_last_batch_of_a_few_images_does_not_count_as_much_as_a_full_one(n, sizes):
    parts = batches_of(torch.arange(n), 500)
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), torch.arange(n))


def test_statistics_of_single_pixels_are_recomputed_whatever_is_left_for_the_last_batch():
    norm, rows = nn.BatchNorm2d(2), torch.randn(17, 2, 1, 1)
    recompute_statistics(norm, (rows[part] for part in batches_of(torch.arange(17), 16)))
    torch.testing.assert_close(norm.running_mean, rows.mean((0, 2, 3)))
    torch.testing.assert_close(norm.running_var, rows.var((0, 2, 3)))
