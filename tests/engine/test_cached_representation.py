"""Work on a frozen network takes the representation that is there, and comes to what the images would give."""

import pytest
import torch

from core.artifacts import MODEL, features_file, kept_file, predictions_file
from core.runs.home import Home
from core.stages.find import FindPseudoGroups
from core.tensors import load_tensors, save_tensors
from core.training import head
from core.training.head import final_features
from core.training.images import Images
from core.training.network import load_network
from core.training.predict import predict
from experiments.plan import config_of
from tests.engine.lab import CPU, assert_same_results, finished, pipeline_of
from tests.training.stage_lab import context_of, run_folder

CLUSTERED = ("represent.batch_size=500", "cluster.candidates=[2]")
"""Batches as those in which `find` looks at images, for the same bits."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return Home.open(tmp_path_factory.mktemp("shared"))


def test_after_clusters_no_training_image_is_looked_at_again(shared, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(FindPseudoGroups, "_passed", None)
        patch.setattr(head, "represent", None)
        short = finished(shared, "last-layer", *CLUSTERED)
    monkeypatch.setattr(head, "final_features", lambda *_, **__: None)
    assert_same_results(short, finished(shared, "last-layer", *CLUSTERED, fresh=True))


@pytest.mark.parametrize("recipe", ["last-layer", "dfr-train", "dfr-validation", "afr"])
def test_what_a_new_head_predicts_on_validation_is_what_the_network_predicts(shared, recipe):
    folder = finished(shared, recipe, *CLUSTERED)
    config = config_of(folder.record())
    data, made = pipeline_of(config).load_data(), folder.artifacts("head")
    network = load_network(config.model, data, made / MODEL, CPU)
    for split in ("validation", "test"):
        expected, found = predict(network, Images(data, split, CPU)), load_tensors(predictions_file(made, split))
        assert torch.equal(found["classes"], expected.classes)
        assert torch.equal(found["probabilities"], expected.probabilities)


@pytest.mark.parametrize(
    ("kept", "precision", "names", "exact", "there"),
    [
        (None, "fp32", ("features", "validation"), True, True),
        (1.0, "fp32", ("features", "validation"), True, True),
        (2.0, "fp32", ("features", "validation"), True, False),
        (None, "bf16", ("features", "validation"), False, True),
        (None, "bf16", ("features", "validation"), True, False),
        (None, "fp32", ("features",), True, False),
    ],
    ids=["not kept", "kept", "another one was selected", "in bf16", "in bf16, exact", "of an earlier version"],
)
def test_only_the_representation_of_the_final_network_is_taken(tmp_path, kept, precision, names, exact, there):
    folder = run_folder(tmp_path)
    erm, represent = folder.artifacts("erm"), folder.artifacts("represent")
    context = context_of(folder, stage="none")
    assert final_features(context) is None
    save_tensors(erm / MODEL, {"weight": torch.ones(3)})
    save_tensors(kept_file(erm, 0.5), {"weight": torch.zeros(3)})
    if kept is not None:
        save_tensors(kept_file(erm, 2.0), {"weight": torch.full((3,), kept)})
    for epoch in (0.5, 2.0):
        tensors = {name: torch.full((2, 3), epoch) for name in names}
        save_tensors(features_file(represent, epoch), tensors, {"precision": precision})
    found = final_features(context, exact=exact)
    assert (found is not None) == there
    if found is not None:
        assert found["features"].unique().tolist() == [2.0]
