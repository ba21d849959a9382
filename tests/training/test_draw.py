"""How often each sample is drawn."""

import torch

from core.training.draw import balanced, by_cluster_size, every, upweighted
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


def test_spare_draws_a_sample_inversely_to_a_power_of_the_size_of_its_cluster_and_classes_equally_often():
    # Class 0 has clusters of 95 and 5, class 1 of 30 and 10 and 10.
    clusters = torch.tensor([0] * 95 + [1] * 5 + [2] * 30 + [3] * 10 + [4] * 10)
    labels = torch.tensor([0] * 100 + [1] * 50)
    for power, of_first, of_second in (
        (1.0, (1 / 2, 1 / 2), (1 / 3, 1 / 3, 1 / 3)),
        (2.0, (5 / 100, 95 / 100), (1 / 7, 3 / 7, 3 / 7)),  # 1/95 : 1/5, and 1/30 : 1/10 : 1/10
    ):
        weights = by_cluster_size(clusters, labels, power).weights
        assert weights is not None
        p = weights / weights.sum()
        mass = torch.zeros(5, dtype=torch.float64).index_add_(0, clusters, p)
        expected = torch.tensor([*of_first, *of_second], dtype=torch.float64) / 2
        torch.testing.assert_close(mass, expected)
        assert all(p[clusters == c].unique().numel() == 1 for c in range(5))


def test_with_power_1_spare_draws_like_balanced_cells_if_every_class_has_as_many():
    clusters, labels = torch.tensor([0] * 9 + [1] * 1 + [2] * 5 + [3] * 3), torch.tensor([0] * 10 + [1] * 8)
    one, other = by_cluster_size(clusters, labels, 1.0).weights, balanced(clusters).weights
    assert one is not None
    assert other is not None
    torch.testing.assert_close(one / one.sum(), other / other.sum())
