"""Heads on balanced sets of a split, and predictions by heads that have not seen the images."""

import numpy as np
import pytest

from core.artifacts import MODEL
from core.config import Balance, Model
from core.errors import StageError
from core.finding.pseudo_groups import PseudoGroups
from core.stages.head import Head, RefitHead
from core.tensors import save_tensors
from core.training.head import fit_head
from core.training.network import new_network
from core.training.refit import Represented, cross_fitted, logits_of
from tests.training.stage_lab import context_of, random_data, run_folder


def nothing() -> None:
    pass


def noise(n: int = 120, d: int = 300) -> Represented:
    """More features than samples, and labels that depend on none of them."""
    random = np.random.default_rng(0)
    return Represented(np.arange(n), random.normal(size=(n, d)).astype(np.float32), random.integers(0, 2, n))


def test_samples_are_named_by_their_numbers_in_the_split():
    whole = noise()
    some = np.arange(10, 90, 2)
    samples = Represented(some, whole.features[some], whole.labels[some])
    entries = np.concatenate([[12, 12, 40, 88], some])
    weights = np.linspace(0.5, 1.5, len(entries)).astype(np.float32)
    plain = fit_head(whole.features[entries], whole.labels[entries], weights, 0.1)
    for ours, theirs in zip(samples.fit((entries, weights), 0.1), plain, strict=True):
        assert np.array_equal(ours, theirs)


def test_the_mean_head_is_the_mean_and_every_fit_is_told():
    samples, told = noise(), []
    draws = [(np.arange(start, 120, 3), np.ones(40, np.float32)) for start in range(3)]
    weight, bias = samples.mean_head(draws, 0.1, lambda: told.append(1))
    heads = [samples.fit(draw, 0.1) for draw in draws]
    assert len(told) == 3
    np.testing.assert_allclose(weight, np.mean([head[0] for head in heads], axis=0))
    np.testing.assert_allclose(bias, np.mean([head[1] for head in heads], axis=0))


def test_cross_fitted_predictions_of_noise_are_at_chance_although_the_head_knows_its_images_by_heart():
    samples = noise()
    halves = np.arange(0, 120, 2), np.arange(1, 120, 2)
    heads = [samples.mean_head([(rows, np.ones(60, np.float32))], 1e-3, nothing) for rows in halves]
    whole = samples.fit((samples.rows, np.ones(120, np.float32)), 1e-3)
    assert (logits_of(samples.features, whole).argmax(1) == samples.labels).all()
    assert 0.35 < (cross_fitted(samples, halves, heads).argmax(1) == samples.labels).mean() < 0.65


def test_each_half_is_predicted_by_the_head_of_the_other():
    samples = noise(4, 2)
    halves = np.array([0, 3]), np.array([1, 2])
    heads = [(np.zeros((2, 2), np.float32), np.array(bias, np.float32)) for bias in ([1, 0], [0, 1])]
    assert cross_fitted(samples, halves, heads).argmax(1).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        (None, r"the finder \(a table\) has no pseudo-groups for the validation images; take another finder"),
        ("by label", r"no pseudo-group has validation images of all 2 classes; take another finder"),
    ],
)
def test_validation_that_cannot_be_balanced_is_one_sentence(tmp_path, validation, said):
    data, model = random_data(), Model(name="mlp")
    folder, train = run_folder(tmp_path), data.splits["train"]
    save_tensors(folder.artifacts("erm") / MODEL, new_network(model, data).state_dict())
    groups = data.splits["validation"].labels if validation else None
    found = PseudoGroups("a table", ("one", "two"), train.labels, train.labels > 1, groups)
    folder.artifacts("find").mkdir(parents=True)
    found.save(folder.artifacts("find"))
    with pytest.raises(StageError, match=said):
        RefitHead(Head(split="validation"), Balance(), model).run(context_of(folder, data, stage="head"))
