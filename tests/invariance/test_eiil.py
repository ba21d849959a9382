import copy

import numpy as np
import pytest
import torch

from core.invariance.eiil import SoftAssignment, split
from core.invariance.penalty import penalties, sample_losses, scale_gradients, shares


def colour_reference(n=2000, seed=0):
    """Logits that know the colour alone, which goes with the label on 85 % of the samples."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    agrees = random.random(n) < 0.85
    colour = np.where(agrees, labels, 1 - labels)
    logits = torch.from_numpy(np.where(colour == 1, 1.7, -1.7))[None]
    return logits, torch.from_numpy(labels), agrees


def random(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_reference_that_knows_the_colour_alone_yields_agreement_and_conflict(seed):
    logits, labels, agrees = colour_reference()
    soft = SoftAssignment(scale_gradients(logits, labels)[0], random(seed), lr=0.05)
    for _ in range(400):
        soft.step()
    found = split(soft.q > 0.5, sample_losses(logits, labels)[0])
    assert found.samples[0].tolist() == np.flatnonzero(~agrees).tolist()
    assert found.samples[1].tolist() == np.flatnonzero(agrees).tolist()


def test_published_settings_get_there_too():
    logits, labels, agrees = colour_reference(n=300)
    soft = SoftAssignment(scale_gradients(logits, labels)[0], random())
    for _ in range(10_000):
        soft.step()
    found = split(soft.q > 0.5, sample_losses(logits, labels)[0])
    assert found.samples[0].tolist() == np.flatnonzero(~agrees).tolist()


def test_a_step_is_that_of_autograd_through_the_penalty():
    logits = torch.randn(1, 50, generator=random(), dtype=torch.float64)
    labels = torch.randint(0, 2, (50,), generator=random())
    g = scale_gradients(logits, labels)[0]
    soft = SoftAssignment(g, random(1), lr=0.01)
    w = torch.randn(50, generator=random(1), dtype=torch.float64).requires_grad_()
    adam = torch.optim.Adam([w], 0.01)
    for _ in range(30):
        soft.step()
        loss = -torch.stack([(q * g).mean() ** 2 for q in (w.sigmoid(), 1 - w.sigmoid())]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    torch.testing.assert_close(soft.q, w.sigmoid().detach(), rtol=0, atol=1e-10)
    assert soft.penalty().item() == pytest.approx(
        torch.stack([(q * g).mean() ** 2 for q in (soft.q, 1 - soft.q)]).mean().item()
    )


def test_steps_raise_the_penalty_that_irm_would_see():
    logits, labels, _ = colour_reference()
    soft = SoftAssignment(scale_gradients(logits, labels)[0], random(), lr=0.05)

    def seen():
        both = torch.stack([soft.q, 1 - soft.q], dim=1)
        return penalties(scale_gradients(logits, labels), shares(both)).mean().item()

    before = seen()
    for _ in range(400):
        soft.step()
    assert seen() > 10 * before


def test_references_side_by_side_are_each_alone():
    g = torch.randn(3, 64, generator=random(), dtype=torch.float64)
    side = SoftAssignment(g, random(5), lr=0.05)
    starts = torch.randn(3, 64, generator=random(5), dtype=torch.float64)
    alone = [SoftAssignment(row, random(), lr=0.05) for row in g]
    for soft, start in zip(alone, starts, strict=True):
        soft.load_state_dict({**soft.state_dict(), "w": start})
    for _ in range(50):
        for soft in (side, *alone):
            soft.step()
    torch.testing.assert_close(side.q, torch.stack([soft.q for soft in alone]), rtol=0, atol=1e-12)
    assert side.penalty().shape == (3,)


def test_the_start_follows_its_seed_and_a_resumed_search_its_path():
    g = torch.randn(64, generator=random())
    one, two, other = (SoftAssignment(g, random(s)) for s in (1, 1, 2))
    assert torch.equal(one.q, two.q)
    assert not torch.equal(one.q, other.q)
    for _ in range(10):
        one.step()
    saved = copy.deepcopy(one.state_dict())
    for _ in range(10):
        one.step()
    other.load_state_dict(saved)
    for _ in range(10):
        other.step()
    assert torch.equal(one.q, other.q)
    assert other.steps == 20


def test_an_empty_side_comes_last():
    found = split(torch.ones(4, dtype=torch.bool), torch.rand(4, generator=random()))
    assert found.sizes == (4, 0)
