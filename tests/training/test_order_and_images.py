"""Which samples a batch has, and its pixels."""

import numpy as np
import pytest
import torch

from core.data.dataset import groups
from core.training import images as images_module
from core.training.images import Images
from core.training.optimizers import make_optimizer, scheduled_lr, set_lr
from core.training.order import Order

CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("n", "batch_size"), [(10, 3), (10, 10), (7, 20), (1, 4), (12, 4)])
def test_every_position_comes_once_in_a_pass_and_every_batch_is_full(n, batch_size):
    order = Order(n, batch_size, generator())
    batches = [order.next() for _ in range(3 * n)]
    assert {tuple(batch.shape) for batch in batches} == {(batch_size,)}
    drawn = torch.cat(batches).reshape(-1, n)  # 3n batches are a whole number of passes
    assert torch.equal(drawn.sort(1).values, torch.arange(n).expand_as(drawn))
    if n == 10:
        assert len({tuple(row) for row in drawn.tolist()}) > 1


@pytest.mark.parametrize("weights", [None, torch.rand(11, dtype=torch.float64, generator=generator(5))])
def test_an_order_goes_on_where_its_state_was_taken(weights):
    stream = generator()
    order = Order(11, 4, stream, weights)
    for _ in range(4):
        order.next()
    state, stream_state = order.state_dict(), stream.get_state()
    expected = [order.next().tolist() for _ in range(9)]
    other_stream = generator(99)
    other = Order(11, 4, other_stream, weights)
    other.next()
    other.load_state_dict(state)
    other_stream.set_state(stream_state)
    assert [other.next().tolist() for _ in range(9)] == expected


@pytest.mark.parametrize("weights", [None, torch.rand(11, dtype=torch.float64, generator=generator(5))])
@pytest.mark.parametrize("batch_size", [3, 11, 25])
def test_the_batch_that_is_next_can_be_known_and_nothing_changes(weights, batch_size):
    stream, other_stream = generator(), generator()
    order, untouched = Order(11, batch_size, stream, weights), Order(11, batch_size, other_stream, weights)
    for _ in range(12):
        before = order.state_dict()["queue"], stream.get_state()
        peeked = order.peek()
        assert torch.equal(order.state_dict()["queue"], before[0])
        assert torch.equal(stream.get_state(), before[1])
        assert torch.equal(order.peek(), peeked)
        assert torch.equal(order.next(), peeked)
        assert torch.equal(untouched.next(), peeked)


def test_weighted_draws_come_in_proportion():
    weights = torch.tensor([0.0, 1, 2, 3, 10], dtype=torch.float64)
    order = Order(5, 50, generator(), weights)
    counts = torch.cat([order.next() for _ in range(400)]).bincount(minlength=5)
    expected = weights / weights.sum() * 20_000
    assert counts[0] == 0
    chi_square = ((counts[1:] - expected[1:]) ** 2 / expected[1:]).sum()
    assert chi_square < 16.3  # three degrees of freedom: exceeded once in a thousand seeds


def by_hand(dataset, split):
    pixels = dataset.splits[split].images / 255
    mean, std = (np.array(v).reshape(1, -1, 1, 1) for v in (dataset.mean, dataset.std))
    return torch.from_numpy(((pixels - mean) / std).astype(np.float32))


def test_pixels_are_normalised(dataset):
    images = Images(dataset, "train", CPU)
    expected = by_hand(dataset, "train")
    rows = torch.tensor([3, 3, 52, 0])
    torch.testing.assert_close(images.pixels(rows), expected[rows], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(images.pixels(torch.arange(53)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 7, 53, 1000])
def test_in_order_walks_every_row_once(dataset, batch_size):
    images = Images(dataset, "train", CPU)
    walked = list(images.in_order(batch_size))
    assert [i for rows, _ in walked for i in range(rows.start, rows.stop)] == list(range(53))
    assert all(len(pixels) == rows.stop - rows.start <= batch_size for rows, pixels in walked)
    assert torch.equal(torch.cat([pixels for _, pixels in walked]), images.pixels(torch.arange(53)))


def test_labels_and_groups_are_those_of_the_split(dataset):
    images = Images(dataset, "test", CPU)
    assert len(images) == 17
    assert images.labels.tolist() == dataset.splits["test"].labels.tolist()
    assert images.groups.tolist() == groups(dataset.splits["test"], dataset).tolist()


@pytest.mark.gpu
@pytest.mark.parametrize("resident_bytes", [0, 1 << 30])
def test_pixels_on_a_gpu_are_those_of_the_cpu(dataset, monkeypatch, resident_bytes):
    monkeypatch.setattr(images_module, "RESIDENT_BYTES", resident_bytes)
    images = Images(dataset, "train", torch.device("cuda"))
    assert images.travels == (resident_bytes == 0)
    for rows in (torch.tensor([3, 3, 52, 0], device="cuda"), torch.tensor([7, 1])):
        images.ahead(rows)
        expected = by_hand(dataset, "train")[rows.cpu()]
        torch.testing.assert_close(images.pixels(rows).cpu(), expected, rtol=1e-5, atol=1e-5)
    walked = torch.cat([pixels for _, pixels in images.in_order(7)])
    torch.testing.assert_close(walked.cpu(), by_hand(dataset, "train"), rtol=1e-5, atol=1e-5)


def settings(**values):
    from core.config import Erm

    return Erm(lr=0.4, **values)


def test_the_cosine_falls_from_the_rate_through_its_half_to_nothing():
    rates = [scheduled_lr(settings(schedule="cosine"), step, 60) for step in range(61)]
    assert [rates[0], rates[20], rates[30], rates[40]] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert rates[60] == pytest.approx(0, abs=1e-12)
    assert rates == sorted(rates, reverse=True)
    assert {scheduled_lr(settings(schedule="constant"), step, 60) for step in range(60)} == {0.4}


def test_the_cosine_is_torchs():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.4)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)
    for step in range(60):
        assert scheduled_lr(settings(schedule="cosine"), step, 60) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_an_optimizer_has_the_settings_and_takes_a_new_rate(name, kind):
    parameter = torch.zeros(2, requires_grad=True)
    optimizer = make_optimizer([parameter], settings(optimizer=name, weight_decay=0.25, momentum=0.75))
    assert type(optimizer) is kind
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (0.4, 0.25)
    if name == "sgd":
        assert group["momentum"] == 0.75
    set_lr(optimizer, 0.125)
    assert {g["lr"] for g in optimizer.param_groups} == {0.125}
