"""Which checkpoint is handed on."""

from dataclasses import replace

import pytest
import torch

from core.groups import Group
from core.training.selection import RULES, Selection

# Step → correct of 10 for (a red, a green, b red, b green).
LOOKS = {
    1: (5, 5, 5, 5),  # average 50, worst class 50, worst group 50
    2: (10, 4, 8, 8),  # average 75, worst class 70, worst group 40
    3: (9, 3, 10, 10),  # average 80, worst class 60, worst group 30
    4: (10, 2, 10, 10),  # average 80, worst class 60, worst group 20
    5: (6, 6, 5, 9),  # average 65, worst class 60, worst group 50
    6: (7, 4, 9, 6),  # average 65, worst class 55, worst group 40
}
TAKEN = {
    "last": (6, 0.0),
    "average": (4, 0.8),
    "worst-class": (2, 0.7),
    "worst-cell": (3, 0.9),
    "worst-group": (5, 0.5),
}
CELLS = {1: (5, 7), 2: (9, 8), 3: (9, 10), 4: (10, 6), 5: (3, 3), 6: (8, 8)}
"""Step → correct of 10 for two cells; a third one is too small to count."""


class Network:
    """One weight that says at which step it was taken, and changes in place as an optimiser changes it."""

    def __init__(self):
        self.weight = torch.zeros(1, requires_grad=True)
        self.asked = 0

    def move_to(self, step):
        with torch.no_grad():
            self.weight.fill_(step)

    def tensors(self, member):
        self.asked += 1
        return {"weight": self.weight}


def offered(rule, evaluation, steps=LOOKS, selection=None, network=None, *, cells=True):
    selection, network = selection or Selection(rule), network or Network()
    for step in steps:
        network.move_to(step)
        found = evaluation(*LOOKS[step])
        if cells:
            counted = [Group("a", {"pseudo-group": "any"}, 10, correct) for correct in CELLS[step]]
            found = replace(found, cells=(*counted, Group("b", {"pseudo-group": "rare"}, 9, 0)))
        selection.offer(step, [found], network.tensors)
    return selection, network


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_takes_its_best_step_and_the_later_of_two_alike(rule, evaluation):
    selection, network = offered(rule, evaluation)
    network.move_to(99)  # what happens to the network later does not reach the copy
    assert selection.step == TAKEN[rule][0]
    assert selection.network["weight"].item() == TAKEN[rule][0]
    assert not selection.network["weight"].requires_grad
    assert {name: (p["step"], pytest.approx(p["value"])) for name, p in selection.picks.items()} == TAKEN


def test_the_network_is_asked_for_only_when_it_is_taken(evaluation):
    assert offered("worst-class", evaluation)[1].asked == 2
    assert offered("last", evaluation)[1].asked == len(LOOKS)


def test_only_the_rule_of_the_worst_group_uses_attributes(evaluation):
    selection, _ = offered("last", evaluation)
    assert {name for name, pick in selection.picks.items() if "attributes" in pick["uses"]} == {"worst-group"}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_selection_goes_on_from_its_state(rule, cut, evaluation):
    steps = list(LOOKS)
    first, network = offered(rule, evaluation, steps[:cut])
    other = Selection(rule)
    other.load_state_dict(first.state_dict())
    network.move_to(99)
    other, _ = offered(rule, evaluation, steps[cut:], other)
    whole, _ = offered(rule, evaluation)
    assert (other.step, other.picks) == (whole.step, whole.picks)
    assert torch.equal(other.network["weight"], whole.network["weight"])


def test_picks_are_a_copy(evaluation):
    selection, _ = offered("last", evaluation)
    selection.picks["last"]["step"] = -1
    assert selection.step == 6


def test_without_pseudo_groups_the_rule_of_the_worst_cell_falls_back_to_the_last_step(evaluation):
    selection, _ = offered("worst-cell", evaluation, cells=False)
    assert (selection.rule, selection.step) == ("last", 6)
    assert selection.network["weight"].item() == 6
    assert set(selection.picks) == set(RULES) - {"worst-cell"}


@pytest.mark.parametrize("cells", [True, False])
def test_the_rule_of_the_worst_cell_goes_on_from_a_stop_before_or_after_its_fallback(evaluation, cells):
    steps = list(LOOKS)
    whole, _ = offered("worst-cell", evaluation, cells=cells)
    for cut in range(len(steps)):
        first, _ = offered("worst-cell", evaluation, steps[:cut], cells=cells)
        other = Selection("worst-cell")
        if cut:
            other.load_state_dict(first.state_dict())
        other, _ = offered("worst-cell", evaluation, steps[cut:], other, cells=cells)
        assert (other.rule, other.step, other.picks) == (whole.rule, whole.step, whole.picks)
        assert torch.equal(other.network["weight"], whole.network["weight"])
