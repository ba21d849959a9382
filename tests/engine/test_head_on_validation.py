"""The head refitted on validation images: with no training image, and judged on images that it has not seen."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.artifacts import MODEL, predictions_file
from core.config import Balance
from core.finding.balanced import draw_balanced
from core.finding.pseudo_groups import PseudoGroups
from core.models.representation import find_head
from core.training.head import fit_head, represent
from core.training.images import Images
from core.training.network import load_network
from core.training.predict import predict
from experiments.plan import config_of, make_plan
from experiments.recipes import get_recipe
from tests.engine.lab import CPU, finished, pipeline_of


@pytest.mark.parametrize("finder", ["groups", "random"])
def test_it_is_fitted_on_balanced_validation_images_and_judged_by_cross_fitting(home, finder):
    folder = finished(home, "last-layer-validation", "head.draws=40", "head.penalty=0.1", f"find.by={finder}")
    config = config_of(folder.record())
    data, made = pipeline_of(config).load_data(), folder.artifacts("head")
    labels, groups = data.splits["validation"].labels, PseudoGroups.load(folder.artifacts("find"))
    network = load_network(config.model, data, folder.artifacts("erm") / MODEL, CPU)
    features = represent(network, Images(data, "validation", CPU), torch.arange(len(labels)))

    # All samples, weighted, are what the mean of many draws comes to.
    of_validation = PseudoGroups("", groups.names, groups.validation, groups.validation < 0, groups.validation)
    whole = draw_balanced(of_validation, labels, 2, Balance(rule="weights"), 0)
    weight, bias = fit_head(features[whole.indices], labels[whole.indices], whole.weights, 0.1)
    state, name = load_file(made / MODEL), find_head(network)[0]
    scale = np.abs(weight).max()
    assert np.abs(state[f"{name}.weight"].numpy() - weight).max() < 0.15 * scale
    assert np.abs(state[f"{name}.bias"].numpy() - bias).max() < 0.3 * scale

    network = load_network(config.model, data, made / MODEL, CPU)
    judged = load_file(predictions_file(made, "validation"))["classes"]
    itself = predict(network, Images(data, "validation", CPU)).classes
    right = torch.from_numpy(labels)
    assert (judged == itself).float().mean() > 0.7
    assert (judged == right).float().mean() <= (itself == right).float().mean()
    test = load_file(predictions_file(made, "test"))["classes"]
    assert torch.equal(test, predict(network, Images(data, "test", CPU)).classes)


def test_it_needs_no_set_of_training_images_and_no_attributes():
    recipe = get_recipe("last-layer-validation")
    assert "balance" not in recipe.stage_names()
    assert recipe.attributes_used(recipe.config()) == "labels"
    with_masks = get_recipe("prusc")
    (head,) = [stage for stage in with_masks.stages(with_masks.config()) if stage.name == "head"]
    assert "balance" in head.inputs


@pytest.mark.parametrize(
    ("recipe", "override", "used"),
    [
        ("last-layer-validation", "select.rule=worst-group", "validation"),
        ("last-layer-validation", "find.by=groups", "train"),
        ("prusc-finetune-head", "head.split=validation", "labels"),
    ],
)
def test_what_a_result_rests_on_is_the_strongest_of_what_was_used(recipe, override, used):
    plan = make_plan(recipe, overrides=[override])
    assert plan.recipe.attributes_used(plan.config) == used
