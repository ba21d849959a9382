"""Pseudo-groups as an artifact, and as they are made from predictions."""

import itertools
import math

import numpy as np
import pytest

from core.errors import InputError
from core.finding.pseudo_groups import PseudoGroups, combined, conflict_samples, from_predictions

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
    assert [groups.names[number].removeprefix("predicted ") for number in groups.train] == [
        "cat · cat",
        "dog · cat",
        "dog · dog",
        "cat · dog",
        "dog · cat",
    ]
    assert groups.conflicts.tolist() == [False, True, False, True, True]  # wrong in at least one of them
    assert groups.validation.tolist() == [0, 1]


def test_the_mistakes_of_one_network_are_the_conflicts():
    labels, predicted = np.array([0, 1, 2, 0]), np.array([0, 2, 2, 1])
    groups = from_predictions("one", [predicted], labels, ("a", "b", "c"), [predicted])
    assert groups.names == ("predicted a", "predicted b", "predicted c")
    assert groups.train.tolist() == predicted.tolist()
    assert groups.conflicts.tolist() == (predicted != labels).tolist()


#               cluster 0: three of label 0, one of 1 | cluster 1: one of 0, four of 1 | cluster 2: label 1 only
CLUSTERS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2])
LABELS = np.array([0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1])


def test_conflict_samples_have_the_minority_label_of_their_cluster():
    assert np.flatnonzero(conflict_samples(CLUSTERS, LABELS, 3, 2)).tolist() == [2, 6]


def test_with_many_classes_all_but_the_majority_are_conflicts_and_a_tie_goes_to_the_first():
    clusters, labels = np.array([0, 0, 0, 0, 1, 1, 3]), np.array([2, 2, 0, 1, 1, 0, 2])
    assert conflict_samples(clusters, labels, 4, 3).tolist() == [False, False, True, True, True, False, False]


def test_relative_to_its_share_a_rare_class_can_be_the_majority():
    clusters = np.repeat([0, 1], [100, 100])
    labels = np.concatenate([np.repeat([0, 1], [98, 2]), np.repeat([0, 1], [70, 30])])
    plain = conflict_samples(clusters, labels, 2, 2)
    relative = conflict_samples(clusters, labels, 2, 2, relative=True)
    assert np.flatnonzero(plain).tolist() == np.flatnonzero(labels == 1).tolist()
    assert np.flatnonzero(relative).tolist() == [98, 99, *range(100, 170)]


def test_samples_that_are_left_out_are_no_conflicts_and_do_not_count():
    groups, labels = np.array([-1, -1, -1, 0, 0, 0, 1]), np.array([1, 1, 1, 0, 0, 1, 0])
    assert conflict_samples(groups, labels, 2, 2).tolist() == [False] * 5 + [True, False]
    found = PseudoGroups("table", ("a", "b"), groups, conflict_samples(groups, labels, 2, 2))
    assert found.used.tolist() == [3, 4, 5, 6]
    assert found.table(labels, 2).tolist() == [[2, 1], [1, 0]]


def test_clusters_of_other_data_are_bad_input():
    with pytest.raises(InputError, match="have 11 samples, but the training split has 9"):
        conflict_samples(CLUSTERS, LABELS[:9], 3, 2)
    with pytest.raises(InputError, match="but there are 2 clusters"):
        conflict_samples(CLUSTERS, LABELS, 2, 2)
