"""Warnings for networks that are worse than ERM, or that say one class for everything; no group label is used."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.artifacts import predictions_file
from core.events import Warned
from core.groups import Evaluation, Group
from core.tensors import save_tensors
from core.training.harm import one_class, worse_than_erm
from core.training.images import Images
from core.training.predict import final_evaluation
from tests.training.stage_lab import CPU, context_of, random_data, run_folder

NAMES = ("cat", "dog")
HALF = torch.tensor([0, 1] * 50)


def says(n_dogs, n=100):
    return torch.tensor([1] * n_dogs + [0] * (n - n_dogs))


@pytest.mark.parametrize(("dogs", "broken"), [(50, False), (97, False), (98, True), (100, True), (2, True), (3, False)])
def test_a_network_that_says_one_class_for_nearly_everything_is_broken(dogs, broken):
    finding = one_class(says(dogs), HALF, NAMES, "prune")
    assert (finding is not None) == broken
    if finding:
        top, share = ("dog", dogs) if dogs > 50 else ("cat", 100 - dogs)
        assert finding.code == "one-class"
        assert f"of stage 'prune' predicts '{top}' for {share}.0% of the validation images (50.0% are)" in finding.text


def test_one_class_is_no_problem_where_nearly_all_images_have_it():
    assert one_class(says(100), says(99), NAMES, "prune") is None


def evaluation(cats, dogs, cells=()):
    groups = (Group("cat", {}, 50, cats), Group("dog", {}, 50, dogs))
    return Evaluation(
        "validation", groups, (0.5, 0.5), tuple(Group("cat", {"pseudo-group": "0"}, 20, c) for c in cells)
    )


ERM = evaluation(45, 40, cells=(10,))


@pytest.mark.parametrize(
    ("now", "worse"),
    [
        (evaluation(40, 39, cells=(9,)), True),
        (evaluation(40, 39, cells=(11,)), False),  # better worst cell
        (evaluation(40, 39, cells=(10,)), False),  # the same worst cell
        (evaluation(39, 41, cells=(9,)), True),
        (evaluation(41, 41, cells=(9,)), False),  # better worst class
        (evaluation(50, 39, cells=(9,)), False),  # better average
        (evaluation(40, 39), True),  # cells are unknown
        (ERM, False),
    ],
)
def test_a_network_is_worse_only_if_it_is_worse_in_everything(now, worse):
    finding = worse_than_erm(now, ERM, "prune")
    assert (finding is not None) == worse
    if finding:
        assert finding.code == "worse-than-erm"
        assert "rather than that of stage 'prune'" in finding.text
        assert f"worst class {now.worst_class_accuracy:.1%} instead of 80.0%" in finding.text
        assert ("worst cell 45.0% instead of 50.0%" in finding.text) == bool(now.cells)


def warned(tmp_path, stage, says_now, said_by_erm):
    """Codes of the warnings of a final evaluation, for networks that predict fixed classes."""
    data = random_data()
    labels = np.arange(16) % 2
    data = replace(data, splits={**data.splits, "validation": replace(data.splits["validation"], labels=labels)})
    folder = run_folder(tmp_path)
    if said_by_erm is not None:
        folder.artifacts("erm").mkdir(parents=True)
        saved = {"classes": torch.tensor(said_by_erm), "probabilities": torch.ones(16)}
        save_tensors(predictions_file(folder.artifacts("erm"), "validation"), saved)
    events = []
    context = context_of(folder, data, stage=stage, events=events)
    logits = torch.eye(2)[torch.tensor(says_now)]
    final_evaluation(context, lambda pixels: logits[: len(pixels)], 1, {"validation": Images(data, "validation", CPU)})
    return [event.code for event in events if isinstance(event, Warned)]


RIGHT, FLAT = [0, 1] * 8, [1] * 16


@pytest.mark.parametrize(
    ("stage", "now", "erm", "codes"),
    [
        ("prune", FLAT, RIGHT, ["one-class", "worse-than-erm"]),
        ("prune", [1, 1] + [0, 1] * 7, RIGHT, ["worse-than-erm"]),
        ("prune", RIGHT, FLAT, []),
        ("prune", FLAT, FLAT, ["one-class"]),
        ("erm", FLAT, None, []),
        ("train", FLAT, None, []),  # a recipe without ERM has nothing to compare with
    ],
)
def test_the_final_evaluation_of_a_treated_network_warns(tmp_path, stage, now, erm, codes):
    assert warned(tmp_path, stage, now, erm) == codes
