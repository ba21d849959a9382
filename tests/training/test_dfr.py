"""DFR: balanced draws, and what their mean head is."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.artifacts import MODEL
from core.config import Model
from core.errors import StageError
from core.stages.dfr import Dfr, RefitOnGroups
from core.tensors import save_tensors
from core.training.dfr import Grouped, fit_on_draw, group_balanced, halves, worst_group
from core.training.head import fit_head
from core.training.network import new_network
from tests.training.stage_lab import context_of, random_data, run_folder


@pytest.fixture
def toy():
    """A core and a spurious feature; groups of 400, 40, 60 and 300; group = 2 · label + attribute."""
    random = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2, 3], [400, 40, 60, 300])
    labels = groups // 2
    signs = np.stack([2 * labels - 1, 2 * (groups % 2) - 1], axis=1)
    features = (signs * [0.8, 2.0] + random.normal(size=(800, 2))).astype(np.float32)
    return Grouped(features, labels, groups)


def test_a_draw_has_as_many_of_each_group_as_the_smallest_and_no_sample_twice():
    groups = np.repeat([0, 2, 3, 7], [50, 4, 9, 4])
    drawn = group_balanced(groups, np.random.default_rng(0))
    assert np.bincount(groups[drawn]).tolist() == [4, 0, 4, 4, 0, 0, 0, 4]
    assert len(np.unique(drawn)) == 16


def test_halves_have_the_same_groups():
    groups = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [20, 7, 1]))
    first, second = halves(groups, np.random.default_rng(0))
    assert np.bincount(groups[first]).tolist() == [10, 4, 1]
    assert np.bincount(groups[second]).tolist() == [10, 3]
    assert np.array_equal(np.sort(np.concatenate([first, second])), np.arange(28))


def test_on_groups_of_equal_size_it_is_the_plain_logistic_regression(toy):
    even = toy.at(group_balanced(toy.groups, np.random.default_rng(3)))
    plain = fit_head(even.features, even.labels, np.ones(160), 1e-2)
    for one, other in zip(fit_on_draw(even, 1e-2, np.random.default_rng(0)), plain, strict=True):
        assert np.array_equal(one, other)


def test_the_mean_of_many_draws_is_the_logistic_regression_weighted_by_the_inverse_group_size(toy):
    features, labels, groups = toy.features, toy.labels, toy.groups
    heads = [fit_on_draw(toy, 1e-2, np.random.default_rng(seed)) for seed in range(60)]
    weight, bias = (np.mean([head[part] for head in heads], axis=0) for part in (0, 1))
    inverse = (1 / np.bincount(groups))[groups]
    expected, offset = fit_head(features, labels, inverse / inverse.mean(), 1e-2)
    assert np.abs(weight - expected).max() < 0.05 * np.abs(expected).max()
    assert np.abs(bias - offset).max() < 0.05 * np.abs(expected).max()
    # Plain logistic regression leans on the spurious feature instead.
    plain = LogisticRegression(C=100).fit(features, labels).coef_[0]
    assert plain[1] / plain[0] > 3 * abs(expected[1, 1] / expected[1, 0])


def test_the_worst_group_of_the_balanced_head_is_better_than_that_of_the_plain_one(toy):
    plain = fit_head(toy.features, toy.labels, np.ones(len(toy.labels)), 1e-2)
    assert worst_group(fit_on_draw(toy, 1e-2, np.random.default_rng(0)), toy) > worst_group(plain, toy) + 0.15


def test_the_worst_group_is_counted_over_groups_that_have_samples():
    head = np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32), np.zeros(2, np.float32)
    features = np.array([[1, 0], [-1, 0], [1, 0], [1, 0]], np.float32)
    assert worst_group(head, Grouped(features, np.array([1, 1, 1, 0]), np.array([5, 5, 5, 9]))) == 0
    assert worst_group(head, Grouped(features[:3], np.array([1, 1, 1]), np.array([5, 5, 7]))) == 0.5


def test_a_split_without_a_class_is_refused_in_one_sentence(tmp_path):
    data = replace(random_data(), label_names=("a", "b", "c"))
    folder, model = run_folder(tmp_path), Model(name="mlp")
    save_tensors(folder.artifacts("erm") / MODEL, new_network(model, data).state_dict())
    with pytest.raises(StageError, match=r"validation split has no image of class 'c'; use data with every class"):
        RefitOnGroups(Dfr(draws=1), model, "validation").run(context_of(folder, data, stage="head"))
