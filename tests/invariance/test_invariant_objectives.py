import pytest
import torch

from core.invariance.objectives import Annealing, Objective, irm, mean_risk, rescale, vrex

RISKS = torch.tensor([[0.5, 0.9, 7.0], [0.2, 0.2, 7.0]])
PENALTIES = torch.tensor([[0.1, 0.3, 7.0], [0.0, 0.4, 7.0]])
PRESENT = torch.tensor([True, True, False])
ALL = slice(0, 2)


def test_absent_environments_do_not_count():
    assert mean_risk(RISKS, PRESENT).tolist() == pytest.approx([0.7, 0.2])
    assert mean_risk(RISKS, torch.zeros(3, dtype=torch.bool)).tolist() == [0, 0]


def test_irm_and_vrex_by_hand_with_a_weight_for_every_member():
    weight = torch.tensor([10.0, 0.5])
    assert irm(RISKS, PENALTIES, PRESENT, weight).tolist() == pytest.approx([0.7 + 10 * 0.2, 0.2 + 0.5 * 0.2])
    assert vrex(RISKS, PRESENT, weight).tolist() == pytest.approx([0.7 + 10 * 0.04, 0.2])
    assert rescale(weight).tolist() == [10, 1]


def test_the_penalty_weight_rises_at_its_step():
    annealing = Annealing((0.0, 9100.0), until=3)
    assert [annealing.at(step) for step in (0, 2, 3, 9)] == [(1.0, 1.0)] * 2 + [(0.0, 9100.0)] * 2
    with pytest.raises(ValueError, match="negative"):
        Annealing((-1.0,))


def test_what_has_no_penalty_is_not_divided():
    annealing = Annealing((100.0, 100.0))
    for kind, expected in (("irm", 100), ("vrex", 100), ("erm", 1), ("group-dro", 1)):
        objective = Objective(kind, annealing, 3)
        assert objective.divisor(objective.weights(0, RISKS)).tolist() == [expected] * 2
    plain = Objective("irm", annealing, 3, rescaled=False)
    assert plain.divisor(plain.weights(0, RISKS)).tolist() == [1, 1]


def test_group_dro_follows_its_algorithm_for_every_member():
    objective = Objective("group-dro", Annealing((0.0, 0.0)), 2, dro_step_size=0.5)
    risks = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    none = torch.zeros(2)
    q = torch.full((2, 2), 0.5)
    for _ in range(3):
        q = q * torch.exp(0.5 * risks)
        q = q / q.sum(1, keepdim=True)
        loss = objective(risks, risks, PRESENT[:2], none, ALL)
        torch.testing.assert_close(loss, (q * risks).sum(1))
    again = Objective("group-dro", Annealing((0.0, 0.0)), 2, dro_step_size=0.5)
    again.load_state_dict(objective.state_dict())
    torch.testing.assert_close(again.environment_weights, q)


def test_an_unknown_objective_is_misuse():
    with pytest.raises(ValueError, match="unknown objective"):
        Objective("mean", Annealing((0.0,)), 2)
