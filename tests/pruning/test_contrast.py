import math

import pytest
import torch
from torch.nn import functional as F

from core.models.networks import build
from core.pruning.contrast import contrastive_loss
from core.pruning.masks import MaskedNetwork

OPTIONS = ["same-cluster-other-class", "same-cluster", "other-class"]


def plain_loss(z, labels, clusters, temperature, negatives):
    """The definition, read aloud: one anchor, one positive and one negative at a time, in Python numbers."""
    rows = [[v / math.sqrt(sum(x * x for x in row)) for v in row] for row in z.tolist()]
    y, c = labels.tolist(), clusters.tolist()
    everyone = range(len(rows))

    def exp_s(i, j):
        return math.exp(sum(a * b for a, b in zip(rows[i], rows[j], strict=True)) / temperature)

    losses = []
    for i in everyone:
        positives = [j for j in everyone if y[j] == y[i] and c[j] != c[i]]
        if negatives == "same-cluster-other-class":
            others = [j for j in everyone if c[j] == c[i] and y[j] != y[i]]
        elif negatives == "same-cluster":
            others = [j for j in everyone if c[j] == c[i] and j != i]
        else:
            others = [j for j in everyone if y[j] != y[i]]
        if positives and others:
            total = sum(exp_s(i, j) for j in others) + sum(exp_s(i, j) for j in positives)
            losses.append(sum(-math.log(exp_s(i, p) / total) for p in positives) / len(positives))
    return (sum(losses) / len(losses) if losses else 0.0), len(losses)


def random_case(seed, n=14, d=5, classes=3, clusters=4):
    g = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n, d, dtype=torch.float64, generator=g),
        torch.randint(classes, (n,), generator=g),
        torch.randint(clusters, (n,), generator=g),
    )


@pytest.mark.parametrize("negatives", OPTIONS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_it_equals_the_plain_double_loop(negatives, seed, temperature):
    case = random_case(seed)
    loss, anchors = contrastive_loss(*case, temperature, negatives)
    expected, count = plain_loss(*case, temperature, negatives)
    assert loss.item() == pytest.approx(expected, abs=1e-10)
    assert anchors.item() == count > 0


@pytest.mark.parametrize("negatives", OPTIONS)
def test_anchors_without_positive_or_negative_are_left_out_and_counted(negatives):
    z, _, _ = random_case(9, n=7)
    labels = torch.tensor([0, 0, 1, 1, 2, 3, 3])  # class 2 has no positive, class 3 lives in one cluster
    clusters = torch.tensor([0, 1, 0, 2, 0, 3, 3])
    loss, anchors = contrastive_loss(z, labels, clusters, 0.5, negatives)
    expected, count = plain_loss(z, labels, clusters, 0.5, negatives)
    assert loss.item() == pytest.approx(expected, abs=1e-10)
    assert anchors.item() == count
    assert 0 < count < 7


def test_a_hand_case_has_its_closed_form():
    # Anchor 0 has positive 1 at cosine 0 and negative 2 at cosine 1; anchor 1 has no negative, anchor 2 no positive.
    z = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]], dtype=torch.float64)
    loss, anchors = contrastive_loss(z, torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]), 0.5)
    assert anchors.item() == 1
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2)), abs=1e-12)


@pytest.mark.parametrize("negatives", OPTIONS)
def test_gradcheck_in_double_precision(negatives):
    z, labels, clusters = random_case(2, n=9, classes=2, clusters=2)
    assert torch.autograd.gradcheck(
        lambda z: contrastive_loss(z, labels, clusters, 0.3, negatives)[0], z.requires_grad_()
    )


@pytest.mark.parametrize("negatives", OPTIONS)
def test_the_order_of_samples_and_the_names_of_classes_and_clusters_do_not_matter(negatives):
    z, labels, clusters = random_case(3)
    order = torch.randperm(len(z), generator=torch.Generator().manual_seed(0))
    expected = contrastive_loss(z, labels, clusters, 0.2, negatives)
    permuted = contrastive_loss(z[order], 7 - labels[order], clusters[order] + 5, 0.2, negatives)
    torch.testing.assert_close(permuted, expected, rtol=0, atol=1e-12)


def test_rotation_and_length_of_the_representation_do_not_matter():
    z, labels, clusters = random_case(4)
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    lengths = torch.linspace(0.01, 100, len(z), dtype=torch.float64)[:, None]
    expected = contrastive_loss(z, labels, clusters, 0.2)[0]
    torch.testing.assert_close(contrastive_loss(z @ rotation, labels, clusters, 0.2)[0], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(contrastive_loss(z * lengths, labels, clusters, 0.2)[0], expected, rtol=0, atol=1e-12)


def test_it_does_not_grow_with_the_batch():
    z, labels, clusters = random_case(5, n=40)
    once = contrastive_loss(z, labels, clusters, 0.5, "other-class")[0].item()
    twice = contrastive_loss(z.repeat(2, 1), labels.repeat(2), clusters.repeat(2), 0.5, "other-class")[0].item()
    # Doubling every positive and negative doubles the denominator, which adds log 2; the sum over anchors is a mean.
    assert twice == pytest.approx(once + math.log(2), abs=1e-10)


@pytest.mark.parametrize("negatives", OPTIONS)
def test_without_a_valid_anchor_loss_and_gradient_are_zero(negatives):
    z = torch.randn(4, 3, requires_grad=True)
    loss, anchors = contrastive_loss(
        z, torch.zeros(4, dtype=torch.long), torch.zeros(4, dtype=torch.long), 0.07, negatives
    )
    loss.backward()
    assert (loss.item(), anchors.item()) == (0, 0)
    assert torch.equal(z.grad, torch.zeros(4, 3))


def test_a_tiny_temperature_and_a_zero_vector_stay_finite():
    z, labels, clusters = random_case(6)
    z = z.float()
    z[0] = 0
    loss, _ = contrastive_loss(z.requires_grad_(), labels, clusters, 1e-3)
    loss.backward()
    assert loss.isfinite()
    assert z.grad.isfinite().all()


def test_half_precision_is_computed_in_single():
    z, labels, clusters = random_case(7)
    half = z.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = contrastive_loss(half, labels, clusters, 0.07)
    expected, _ = plain_loss(half.double(), labels, clusters, 0.07, OPTIONS[0])
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_descent_takes_the_cluster_out_and_keeps_the_class():
    labels = torch.tensor([0, 1] * 16)
    clusters = torch.tensor([0, 0, 1, 1] * 8)
    g = torch.Generator().manual_seed(0)
    # At first the representation shows the cluster and nothing else.
    start = F.one_hot(clusters, 2).repeat(1, 2) + 0.05 * torch.randn(32, 4, generator=g)
    z = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        contrastive_loss(z, labels, clusters, 0.1)[0].backward()
        optimizer.step()

    def purity(z, of):
        """Share of nearest neighbours that agree in `of`."""
        unit = F.normalize(z.detach(), dim=1)
        return (of[(unit @ unit.T).fill_diagonal_(-2).argmax(1)] == of).float().mean().item()

    assert purity(start, clusters) == 1
    assert purity(start, labels) < 0.8
    assert purity(z, labels) == 1


def test_the_contrastive_term_alone_reaches_the_mask_logits():
    torch.manual_seed(0)
    masked = MaskedNetwork(build("digits-cnn", 2))
    _, z = masked(torch.randn(16, 3, 12, 12), torch.Generator().manual_seed(0))
    loss, anchors = contrastive_loss(z, torch.arange(16) % 2, torch.arange(16) // 2 % 2, 0.07)
    loss.backward()
    assert anchors.item() == 16
    assert masked.logits.grad.isfinite().all()
    parts = dict(
        zip(masked.shapes, torch.split(masked.logits.grad, [s.numel() for s in masked.shapes.values()]), strict=True)
    )
    assert not parts.pop("head.weight").any()  # the representation lies before the head
    assert all(part.any() for part in parts.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": torch.zeros(3)}, "shapes"),
        ({"clusters": torch.zeros(2, 2)}, "shapes"),
        ({"temperature": 0.0}, "not positive"),
        ({"negatives": "none"}, "unknown negatives"),
    ],
)
def test_misuse_is_refused(changes, message):
    arguments = {"z": torch.randn(2, 3), "labels": torch.zeros(2), "clusters": torch.zeros(2), "temperature": 0.1}
    with pytest.raises(ValueError, match=message):
        contrastive_loss(**(arguments | changes))


@pytest.mark.gpu
@pytest.mark.parametrize("negatives", OPTIONS)
def test_it_is_the_same_on_a_gpu(negatives):
    case = random_case(1)
    on_gpu = contrastive_loss(*(t.cuda() for t in case), 0.07, negatives)
    torch.testing.assert_close(tuple(t.cpu() for t in on_gpu), contrastive_loss(*case, 0.07, negatives))
