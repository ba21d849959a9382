import pytest
import torch
import torch.nn.functional as F

from core.config import Compute
from core.models.pair import Pair
from core.stages.lff import Lff
from core.training.images import Images
from core.training.lff import LffLearner, RelativeLosses, difficulty
from tests.training.stage_lab import CPU, context_of, run_folder, shortcut_data


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def slow_weights(labels, batches, decay):
    """Weights of every batch, sample by sample."""
    averages = [{}, {}]
    weights = []
    for drawn, *losses in batches:
        for of, values in zip(averages, losses, strict=True):
            for i, loss in zip(drawn.tolist(), values.tolist(), strict=True):
                of[i] = decay * of[i] + (1 - decay) * loss if i in of else loss
        found = []
        for i in drawn.tolist():
            biased, debiased = (
                of[i] / max(value for j, value in of.items() if labels[j] == labels[i]) for of in averages
            )
            found.append(biased / (biased + debiased + 1e-8))
        weights.append(found)
    return weights


def test_weights_are_those_of_the_slow_plain_version():
    labels = torch.randint(0, 3, (30,), generator=generator())
    fast = [RelativeLosses(labels, 3, 0.7) for _ in range(2)]
    batches = [
        (torch.randperm(30, generator=generator(i))[:8], *torch.rand(2, 8, generator=generator(10 + i)))
        for i in range(12)
    ]
    for (drawn, *losses), expected in zip(batches, slow_weights(labels, batches, 0.7), strict=True):
        weights = difficulty(*(of.update(drawn, loss) for of, loss in zip(fast, losses, strict=True)))
        assert weights.tolist() == pytest.approx(expected, rel=1e-5)


def test_the_hardest_sample_of_each_class_has_a_relative_loss_of_1():
    labels = torch.tensor([0, 0, 1, 1])
    relative = RelativeLosses(labels, 2, 0.7).update(torch.arange(4), torch.tensor([1.0, 4.0, 0.5, 0.1]))
    assert relative.tolist() == pytest.approx([0.25, 1, 1, 0.2])


def test_losses_of_zero_give_finite_weights():
    of = RelativeLosses(torch.zeros(2, dtype=torch.int64), 1, 0.7)
    relative = of.update(torch.arange(2), torch.zeros(2))
    assert difficulty(relative, relative).tolist() == [0, 0]


def linear_pair():
    torch.manual_seed(0)
    return Pair(*(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2)) for _ in range(2)))


def learner_of(tmp_path, pair, settings, data):
    context = context_of(run_folder(tmp_path), data, stage="lff")
    train, validation = (Images(data, name, CPU) for name in ("train", "validation"))
    return LffLearner(context, pair, settings, Compute(), 100, 2, train, validation), train


def test_a_step_is_that_of_the_two_losses_of_the_paper(tmp_path):
    pair = linear_pair()
    settings = Lff(optimizer="sgd", momentum=0.0, lr=0.1, batch_size=32)
    learner, train = learner_of(tmp_path, pair, settings, shortcut_data())
    drawn = learner._order.peek()
    labels, logits = train.labels[drawn], pair(train.pixels(drawn))
    biased, debiased = (F.cross_entropy(logits[..., i], labels, reduction="none") for i in range(2))
    relative = []
    for losses in (biased.detach(), debiased.detach()):
        largest = torch.stack([losses[labels == c].max() for c in range(2)])
        relative.append(losses / largest[labels])
    weights = relative[0] / (relative[0] + relative[1])
    p = logits[..., 0].softmax(1).gather(1, labels[:, None])
    expected = ((1 - p**0.7) / 0.7).mean(), (weights * debiased).mean()
    gradients = [
        torch.autograd.grad(loss, network[1].weight, retain_graph=True)[0]
        for loss, network in zip(expected, (pair.first, pair.second), strict=True)
    ]
    before = [network[1].weight.detach().clone() for network in (pair.first, pair.second)]
    assert learner.step()["loss"].item() == pytest.approx(sum(expected).item(), rel=1e-5)
    for network, weight, gradient in zip((pair.first, pair.second), before, gradients, strict=True):
        torch.testing.assert_close(network[1].weight.detach(), weight - 0.1 * gradient)


def test_conflict_samples_get_larger_weights_and_are_learned_by_the_debiased_network_alone(tmp_path):
    data = shortcut_data(core=20)
    pair = linear_pair()
    learner, train = learner_of(tmp_path, pair, Lff(batch_size=100, lr=0.01), data)
    for _ in range(100):
        learner.step()
    conflicts = torch.from_numpy(data.splits["train"].attributes[:, 0]) != train.labels
    everyone = torch.arange(len(train))
    biased, debiased = (of.averages for of in learner._losses)
    weights = difficulty(biased / biased.max(), debiased / debiased.max())
    assert weights[conflicts].mean() > weights[~conflicts].mean() + 0.5
    right = [(network(train.plain(everyone)).argmax(1) == train.labels)[conflicts] for network in pair.children()]
    assert right[1].float().mean() > right[0].float().mean() + 0.5
    evaluation = learner.look()[0]
    assert evaluation.n == 100
    assert set(learner.network()) == {"1.weight", "1.bias"}
