"""Pseudo-groups as an artifact, and as they are made from predictions."""

import itertools
import math

import numpy as np
import pytest

from core.finding.pseudo_groups import PseudoGroups, combined, from_predictions

TRAIN = np.array([0, 1, 1, 0, 2])
CONFLICTS = np.array([False, True, False, False, True])


@pytest.mark.parametrize("validation", [None, np.array([2, 0, 1])])
@pytest.mark.parametrize("epoch", [0.25, float("nan")])
def test_pseudo_groups_are_read_as_they_were_saved(tmp_path, validation, epoch):
    saved = PseudoGroups("clusters, k = 3", ("rot", "grün", "blau · 2"), TRAIN, CONFLICTS, validation, True, epoch)
    saved.save(tmp_path)
    read = PseudoGroups.load(tmp_path)
    assert (read.source, read.names, read.per_class) == (saved.source, saved.names, True)
    assert read.epoch == epoch or (math.isnan(read.epoch) and math.isnan(epoch))
    assert read.train.dtype == np.int64
    assert read.conflicts.dtype == np.bool_
    assert read.train.tolist() == TRAIN.tolist()
    assert read.conflicts.tolist() == CONFLICTS.tolist()
    assert (read.validation is None) == (validation is None)
    assert validation is None or read.validation.tolist() == validation.tolist()


def test_the_table_counts_the_classes_of_every_pseudo_group():
    groups = PseudoGroups("any", ("a", "b", "c", "empty"), TRAIN, CONFLICTS)
    assert groups.table(np.array([0, 1, 1, 1, 0]), 2).tolist() == [[1, 1], [0, 2], [1, 0], [0, 0]]


def test_tuples_of_attributes_are_numbered_in_the_order_of_their_product():
    sizes = [3, 2, 4]
    tuples = np.array(list(itertools.product(*map(range, sizes))))
    assert combined(tuples.T, sizes).tolist() == list(range(24))
    assert combined([TRAIN], [3]).tolist() == TRAIN.tolist()


def test_the_predictions_of_two_networks_are_a_pair_of_attributes():
    labels = np.array([0, 0, 1, 1, 1])
    first, second = np.array([0, 1, 1, 0, 1]), np.array([0, 0, 1, 1, 0])
    groups = from_predictions("two", [first, second], labels, ("cat", "dog"), [labels[:2], labels[1:3]])
    assert groups.names == (
        "predicted cat · cat",
        "predicted cat · dog",
        "predicted dog · cat",
        "predicted dog · dog",
    )
    of_train = [groups.names[number] for number in groups.train]
    assert of_train == [
        f"predicted {['cat', 'dog'][a]} · {['cat', 'dog'][b]}" for a, b in zip(first, second, strict=False)
    ]
    assert groups.conflicts.tolist() == [False, True, False, True, True]  # wrong in at least one of them
    assert groups.validation.tolist() == [0, 1]


def test_the_mistakes_of_one_network_are_the_conflicts():
    labels, predicted = np.array([0, 1, 2, 0]), np.array([0, 2, 2, 1])
    groups = from_predictions("one", [predicted], labels, ("a", "b", "c"), [predicted])
    assert groups.names == ("predicted a", "predicted b", "predicted c")
    assert groups.train.tolist() == predicted.tolist()
    assert groups.conflicts.tolist() == (predicted != labels).tolist()
