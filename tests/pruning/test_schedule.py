import numpy as np
import pytest
import torch

from core.pruning.criteria import keep_largest, magnitudes, random_scores
from core.pruning.masks import MaskedNetwork
from core.pruning.schedule import count_of, keep_exactly_, scheduled_share


def logits(n=1000, *, tied=0):
    values = torch.randn(n, generator=torch.Generator().manual_seed(0))
    values[torch.arange(tied) * 3] = 0.3
    return values


def test_the_share_falls_from_1_to_the_target_on_a_cubic_curve():
    shares = [scheduled_share(0.1, step, 50) for step in range(51)]
    assert shares[0] == 1
    assert shares[-1] == 0.1
    assert shares[25] == pytest.approx(0.1 + 0.9 / 8)
    assert np.allclose(np.diff(shares, 4), 0)
    assert (np.diff(shares) < 0).all()


@pytest.mark.parametrize("tied", [0, 300])
@pytest.mark.parametrize("count", [1, 5, 200, 400, 999, 1000])
def test_exactly_the_asked_number_is_kept_and_it_is_the_largest(count, tied):
    before = logits(tied=tied)
    after = before.clone()
    keep_exactly_(after, count)
    kept = after >= 0
    assert kept.sum() == count
    assert before[kept].min() >= before[~kept].max() if count < 1000 else True
    order = np.argsort(-before.numpy(), kind="stable")  # of equal ones the first
    assert set(np.flatnonzero(kept.numpy())) == set(order[:count])


def test_all_logits_are_shifted_alike_and_not_at_all_if_the_number_is_right():
    before = logits()
    after = before.clone()
    keep_exactly_(after, 100)
    shift = before - after
    torch.testing.assert_close(shift, shift[:1].expand_as(shift))
    again = after.clone()
    keep_exactly_(again, 100)
    assert torch.equal(again, after)
    fine = logits() + 10
    keep_exactly_(fine, 1000)
    assert torch.equal(fine, logits() + 10)


def test_the_threshold_is_the_quantile_of_the_logits():
    before = logits(1001)
    after = before.clone()
    keep_exactly_(after, 251)
    assert before[0] - after[0] == pytest.approx(torch.quantile(before, 0.75).item(), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1001])
def test_a_number_out_of_range_is_refused(count):
    with pytest.raises(ValueError, match=f"{count} of 1000"):
        keep_exactly_(logits(), count)


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
        keep_exactly_(masked.logits, count_of(0.5, len(masked.logits)))
    assert masked.keep_ratio() == 0.5


def test_random_masks_depend_on_the_seed_alone_and_smaller_ones_are_parts_of_larger_ones():
    network = torch.nn.Linear(50, 50)
    small, large = (keep_largest(random_scores(network, 1), share).masks["weight"] for share in (0.1, 0.4))
    assert (small.sum(), large.sum()) == (250, 1000)
    assert not (small & ~large).any()
    assert torch.equal(small, keep_largest(random_scores(network, 1), 0.1).masks["weight"])
    assert not torch.equal(small, keep_largest(random_scores(network, 2), 0.1).masks["weight"])
