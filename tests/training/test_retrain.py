"""Training again from scratch on pseudo-groups."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.artifacts import MODEL
from core.config import Compute, Erm, Model, Select
from core.finding.pseudo_groups import PseudoGroups
from core.stages.cnc import Cnc, TrainContrastively
from core.stages.erm import TrainErm
from core.stages.jtt import Jtt, TrainUpweighted
from core.stages.retrain_cells import Dro, TrainOnCells
from core.stages.spare import Spare, TrainBySize
from core.tensors import load_tensors
from core.training.images import Images
from tests.training.stage_lab import context_of, random_data, run_folder

ERM = Erm(epochs=3, batch_size=16, keep_epochs=(1,))
MLP = Model(name="mlp")
LAST = Select(looks=2)


@pytest.fixture
def weights_of(tmp_path):
    """Run a stage on true attributes as pseudo-groups, in a run of its own, and return the weights of its network."""

    def run(stage, name):
        data, folder = random_data(), run_folder(tmp_path / name)
        attributes = {split: data.splits[split].attributes[:, 0] for split in ("train", "validation")}
        conflicts = attributes["train"] != data.splits["train"].labels
        folder.artifacts("find").mkdir(parents=True)
        found = PseudoGroups("groups", ("red", "green"), attributes["train"], conflicts, attributes["validation"])
        found.save(folder.artifacts("find"))
        context = context_of(folder, data)  # the random streams of `erm` for both, so that they can be compared
        stage.run(context)
        return load_tensors(context.directory / MODEL)

    return run


@pytest.mark.parametrize(
    ("objective", "dro", "tolerance"), [("group-balanced", None, 0.0), ("group-dro", Dro(step_size=0.3), 1e-5)]
)
def test_with_the_true_attributes_as_pseudo_groups_it_is_the_oracle(weights_of, objective, dro, tolerance):
    ours = weights_of(TrainOnCells(ERM, MLP, LAST, Compute(), dro), "ours")
    oracle = ERM.model_copy(update={"objective": objective, "dro_step_size": 0.3})
    theirs = weights_of(TrainErm(oracle, MLP, LAST), "oracle")
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, rtol=0, atol=tolerance)


def test_groups_that_are_never_seen_get_no_weight():
    found = PseudoGroups("random", ("a", "b", "c"), np.array([0, 0, 2, 2]), np.zeros(4, dtype=bool))
    draw = TrainOnCells(ERM, MLP, LAST, Compute()).draw(found, torch.tensor([0, 0, 0, 1]))
    assert draw.groups is not None
    assert draw.groups.tolist() == [0, 0, 1, 2]


def test_without_upweighting_jtt_is_erm_and_with_it_it_is_not(weights_of):
    erm = weights_of(TrainErm(ERM, MLP, LAST), "erm")
    jtt = TrainUpweighted(ERM, MLP, LAST, Compute(), Jtt(upweight=1))
    once, often = weights_of(jtt, "once"), weights_of(replace(jtt, jtt=Jtt(upweight=5)), "often")
    assert all(torch.equal(once[name], tensor) for name, tensor in erm.items())
    assert any(not torch.equal(often[name], tensor) for name, tensor in erm.items())


@pytest.mark.parametrize(
    "stage",
    [
        TrainContrastively(ERM, MLP, LAST, Compute(), Cnc()),
        TrainOnCells(ERM, MLP, LAST, Compute()),
        TrainBySize(ERM, MLP, LAST, Compute(), Spare()),
        TrainUpweighted(ERM, MLP, LAST, Compute(), Jtt()),
    ],
    ids=["cnc", "cells", "spare", "jtt"],
)
def test_images_without_a_pseudo_group_are_not_trained_on(tmp_path, monkeypatch, stage):
    data, folder = random_data(), run_folder(tmp_path)
    groups = np.where(np.arange(40) % 5 == 0, -1, data.splits["train"].attributes[:, 0])
    conflicts = (groups >= 0) & (groups != data.splits["train"].labels)
    folder.artifacts("find").mkdir(parents=True)
    PseudoGroups("from a table", ("red", "green"), groups, conflicts).save(folder.artifacts("find"))
    seen, usual = set(), Images.pixels

    def noted(self, indices, *share):
        seen.update(indices.tolist())
        return usual(self, indices, *share)

    monkeypatch.setattr(Images, "pixels", noted)
    stage.run(context_of(folder, data, stage="retrain"))
    assert seen
    assert (groups[list(seen)] >= 0).all()
