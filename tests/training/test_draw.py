"""How often each sample is drawn."""

import torch

from core.training.draw import balanced, every, upweighted
from core.training.order import Order


def drawn(draw, n, passes, batch_size=32):
    """Times that each of n samples is drawn in full batches of whole passes."""
    order = Order(len(draw.rows), batch_size, torch.Generator().manual_seed(0), draw.weights)
    steps = passes * len(draw.rows) // batch_size
    return torch.bincount(torch.cat([draw.rows[order.next()] for _ in range(steps)]), minlength=n)


def test_without_groups_every_sample_is_drawn_once_per_pass():
    assert drawn(every(64), 64, passes=3).tolist() == [3] * 64


def test_conflicts_are_drawn_as_many_times_as_often_and_no_other_sample_is_lost():
    # JTT on Waterbirds: 240 conflicts of 4,795 images; here 32 of 640, λ = 100.
    conflicts = torch.arange(640) % 20 == 0
    counts = drawn(upweighted(conflicts, 100), 640, passes=2)
    assert (counts[conflicts] == 200).all()
    assert (counts[~conflicts] == 2).all()
    share = counts[conflicts].sum() / counts.sum()
    assert share == 32 * 100 / (32 * 100 + 608)


def test_groups_of_any_size_are_drawn_equally_often_and_missing_ones_are_left_out():
    groups = torch.tensor([0] * 900 + [2] * 90 + [5] * 10)
    counts = drawn(balanced(groups), 1000, passes=40)
    sums = torch.zeros(6, dtype=torch.int64).index_add_(0, groups, counts)
    shares = sums[[0, 2, 5]] / sums.sum()
    assert (shares - 1 / 3).abs().max() < 0.01
