"""Recipe `sparse`: every point once, with the shares asked for, also after stops in the middle of a point."""

import orjson
import pytest
import torch
from safetensors.torch import load_file

from core.events import SparsityPoint, StageStarted
from core.runs.folder import RunFolder
from tests.engine.lab import After, assert_same_results, events, forked_after, go_on, plan_of

SHARES = ("sparse.shares=[0.1,1.0,0.5]",)
WAYS = ("masks", "magnitude", "magnitude-tuned", "random")


def points(folder: RunFolder) -> list[SparsityPoint]:
    return [event for event in events(folder) if isinstance(event, SparsityPoint)]


@pytest.fixture(scope="module")
def curve(whole: RunFolder) -> RunFolder:
    folder = forked_after(whole, "balance", plan_of("sparse", *SHARES))
    assert go_on(folder, fresh=True) == "finished"
    return folder


def test_every_way_has_every_share_to_within_one_weight(curve):
    found = points(curve)
    assert [(p.way, p.share) for p in found] == [("dense", 1.0), *((way, s) for s in (0.5, 0.1) for way in WAYS)]
    weights = sum(t.numel() for name, t in load_file(curve.artifacts("erm") / "model.safetensors").items()
                  if name.endswith("weight") and t.dim() > 1)  # fmt: skip
    for point in found:
        assert abs(point.kept - point.share) < 1 / weights
        assert point.test.n == point.validation.n == 80
        assert point.validation.cells
    assert orjson.loads((curve.artifacts("sparse") / "sparsity.json").read_bytes())[1]["way"] == "masks"
    assert "sparse: masks, 50 % of weights kept: test: worst group" in found[1].line()


def test_the_network_of_the_stage_is_the_dense_point(curve):
    record, dense = curve.record().stage("sparse"), points(curve)[0]
    assert record.evaluations["test"] == dense.test.to_json()
    assert record.keep_ratio is None


@pytest.mark.parametrize("boundaries", [2, 13, 25])
def test_a_stopped_curve_goes_on_to_the_same_points_and_repeats_none(curve, whole, boundaries):
    folder = forked_after(whole, "balance", plan_of("sparse", *SHARES))
    assert go_on(folder, After(1 + boundaries), fresh=True) == "stopped"
    assert folder.checkpoint("sparse").exists()
    assert go_on(folder, fresh=True) == "finished"
    assert points(folder) == points(curve)
    assert len([e for e in events(folder) if isinstance(e, StageStarted) and e.stage == "sparse"]) == 2
    assert_same_results(folder, curve)


def test_masks_of_stage_prune_reach_the_target_exactly_whatever_is_selected(whole):
    folder = forked_after(whole, "balance", plan_of("prune-only", "prune.keep=0.3", "select.rule=worst-class"))
    assert go_on(folder, fresh=True) == "finished"
    masks = load_file(folder.artifacts("prune") / "masks.safetensors").values()
    total = sum(mask.numel() for mask in masks)
    assert sum(int(mask.sum()) for mask in masks) == round(0.3 * total)
    assert folder.record().stage("prune").selection["step"] == 6
    assert torch.stack([mask.any() for mask in masks]).any()
