import numpy as np
import pytest
import torch

from core.pruning.criteria import keep_largest, magnitudes, random_scores
from core.pruning.masks import MaskedNetwork
from core.pruning.schedule import DROPPED, confine_, count_of, largest, next_pressure, scheduled_share


def logits(n=1000, *, tied=0):
    values = torch.randn(n, generator=torch.Generator().manual_seed(0))
    values[torch.arange(tied) * 3] = 0.3
    return values


def test_the_share_falls_from_1_to_the_target_on_a_cubic_curve_that_is_flat_at_both_ends():
    shares = [scheduled_share(0.1, step, 50) for step in range(51)]
    assert shares[0] == 1
    assert shares[-1] == pytest.approx(0.1, abs=1e-12)
    assert shares[25] == pytest.approx(0.55)
    assert np.allclose(np.diff(shares, 4), 0)
    assert (np.diff(shares) < 0).all()
    assert shares[0] - shares[1] < 0.1 * (shares[25] - shares[26])


@pytest.mark.parametrize("tied", [0, 300])
@pytest.mark.parametrize("count", [1, 5, 200, 400, 999, 1000])
def test_exactly_the_asked_number_is_the_largest(count, tied):
    values = logits(tied=tied)
    order = np.argsort(-values.numpy(), kind="stable")  # of equal ones the first
    assert set(np.flatnonzero(largest(values, count).numpy())) == set(order[:count])


@pytest.mark.parametrize("tied", [0, 300])
@pytest.mark.parametrize(("least", "most"), [(1, 1), (200, 200), (900, 900), (1000, 1000), (100, 300), (700, 800)])
def test_as_few_logits_as_possible_change_until_the_number_is_within_its_limits(least, most, tied):
    before = logits(tied=tied)
    after = before.clone()
    confine_(after, least, most)
    kept, there = int((after >= 0).sum()), int((before >= 0).sum())
    assert kept == min(max(there, least), most)
    assert (after != before).sum() == abs(kept - there)
    assert set(after[after != before].tolist()) <= {DROPPED, 0.0}
    assert before[after >= 0].min() >= before[after < 0].max() if kept < 1000 else True


def test_the_pressure_grows_while_too_many_are_kept_and_shrinks_to_its_least_otherwise():
    def after(share, times=1, pressure=1e-5):
        value = torch.tensor(pressure)
        for _ in range(times):
            value = next_pressure(value, torch.tensor(share), 0.2, 200, 1e-6)
        return value.item()

    assert after(0.2) == pytest.approx(1e-5)
    assert after(0.4) == after(0.9) == pytest.approx(1e-5 * np.exp(0.1))
    assert after(0.2 * 2**0.5) == pytest.approx(1e-5 * np.exp(0.05))
    assert after(0.01) == pytest.approx(1e-5 * np.exp(-0.1))
    assert after(0.01, times=100) == pytest.approx(1e-6)


def test_with_one_number_as_both_limits_the_threshold_is_the_quantile_of_the_logits():
    before = logits(1001)
    after = before.clone()
    confine_(after, 251, 251)
    assert torch.equal(after >= 0, before >= torch.quantile(before, 0.75))


@pytest.mark.parametrize("count", [0, 1001])
def test_a_number_out_of_range_is_refused(count):
    with pytest.raises(ValueError, match=f"{count} of 1000"):
        largest(logits(), count)


@pytest.mark.parametrize(("share", "total", "count"), [(0.5, 11, 6), (1.0, 7, 7), (1e-9, 100, 1), (0.02, 1000, 20)])
def test_the_number_for_a_share_is_within_one_weight(share, total, count):
    assert count_of(share, total) == count


def two_layers():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 1, bias=False))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[0.1, -3.0], [0.5, 0.2]]))
        network[1].weight.copy_(torch.tensor([[-1.0, 0.5]]))
    return network


def test_the_largest_weights_are_compared_over_all_layers():
    masks = keep_largest(magnitudes(two_layers()), 0.5).masks
    assert masks["0.weight"].tolist() == [[False, True], [True, False]]
    assert masks["1.weight"].tolist() == [[True, False]]


def test_layers_that_are_excluded_have_no_mask():
    assert list(keep_largest(magnitudes(two_layers(), ["0"]), 0.5).masks) == ["1.weight"]
    masked = MaskedNetwork(two_layers(), exclude=["0"])
    with torch.no_grad():
        confine_(masked.logits, 1, count_of(0.5, len(masked.logits)))
    assert masked.keep_ratio() == 0.5


def test_random_masks_depend_on_the_seed_alone_and_smaller_ones_are_parts_of_larger_ones():
    network = torch.nn.Linear(50, 50)
    small, large = (keep_largest(random_scores(network, 1), share).masks["weight"] for share in (0.1, 0.4))
    assert (small.sum(), large.sum()) == (250, 1000)
    assert not (small & ~large).any()
    assert torch.equal(small, keep_largest(random_scores(network, 1), 0.1).masks["weight"])
    assert not torch.equal(small, keep_largest(random_scores(network, 2), 0.1).masks["weight"])
