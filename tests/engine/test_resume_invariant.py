"""Invariant training that is stopped and goes on ends at the very bits of one that was left alone."""

import pytest
import torch
from safetensors.torch import load_file

from core.engine.checkpoints import load_checkpoint, save_checkpoint
from core.events import EnvironmentsMade, Restarts, StageStarted
from core.runs.home import Home
from tests.engine.lab import After, assert_same_results, events, finished, forked_after, go_on, plan_of

VARIANTS = {
    "full batch": ("irm",),
    "mini-batches": ("irm", "train.batch_size=16", "train.estimator=pairs", "select.rule=worst-group"),
    "sweep": ("vrex", "train.penalty_weights=[1,100]"),
    "group weights": ("group-dro-inferred",),
    "multi-class": ("irm", "train.head=multi-class"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for all runs, so that those that begin alike share their beginning."""
    return Home.open(tmp_path_factory.mktemp("irm"))


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda name: name.replace(" ", "-"))
def left_alone(request, home):
    recipe, *overrides = VARIANTS[request.param]
    return finished(home, recipe, *overrides), plan_of(recipe, *overrides)


@pytest.mark.parametrize(("asked", "step"), [(1, 1), (3, 3), (5, 4)], ids=["step", "evaluation", "step after it"])
def test_a_stopped_training_goes_on_to_the_same_bits(left_alone, asked, step):
    whole, plan = left_alone
    folder = forked_after(whole, "environments", plan)
    assert go_on(folder, After(1 + asked), fresh=True) == "stopped"
    assert go_on(folder, fresh=True) == "finished"
    assert [e.start for e in events(folder) if isinstance(e, StageStarted) and e.stage == "train"] == [0, step]
    assert_same_results(folder, whole)


def test_eiil_goes_on_to_the_same_bits(home):
    whole = finished(home, "eiil")
    # The second one is preceded by a batch of the reference's predictions.
    for stage, before, asked, step in (("reference", None, 3, 3), ("environments", "reference", 26, 25)):
        folder = forked_after(whole, before, plan_of("eiil"))
        assert go_on(folder, After(1 + asked), fresh=True) == "stopped"
        assert go_on(folder, fresh=True) == "finished"
        assert [e.start for e in events(folder) if isinstance(e, StageStarted) and e.stage == stage] == [0, step]
        assert_same_results(folder, whole)


def test_a_checkpoint_of_another_format_is_left_alone_and_the_stage_begins_anew(home):
    whole = finished(home, "irm")
    folder = forked_after(whole, "environments", plan_of("irm"))
    assert go_on(folder, After(3), fresh=True) == "stopped"
    saved = load_checkpoint(folder.checkpoint("train"))
    folder.drop_checkpoint("train")
    save_checkpoint(folder.checkpoint("train"), {**saved, "format": saved["format"] - 1})
    assert go_on(folder, fresh=True) == "finished"
    assert [e.start for e in events(folder) if isinstance(e, StageStarted) and e.stage == "train"] == [0, 0]
    assert_same_results(folder, whole)


def test_reused_stages_say_again_what_they_are_made_of(tmp_path):
    home = Home.open(tmp_path)
    first = finished(home, "irm")
    again = finished(home, "irm")
    assert again.record().stage("train").reused == first.id
    assert again.record().stage("train").restarts == first.record().stage("train").restarts
    for kind in (EnvironmentsMade, Restarts):
        told = [e for e in events(again) if isinstance(e, kind)]
        assert told == [e for e in events(first) if isinstance(e, kind) and getattr(e, "final", True)]
        assert told


def test_a_member_is_the_same_in_any_company(home):
    one = finished(home, "irm", "train.restarts=1", "train.penalty_weights=[9100]")
    three = finished(home, "irm", "train.restarts=3", "train.penalty_weights=[9100,10]")
    ours, theirs = (folder.record().stage("train") for folder in (one, three))
    assert ours.evaluations == theirs.evaluations  # by rule `last` the first restart of the first weight is handed on
    for split in ("train", "validation", "test"):
        assert len(theirs.restarts[split]["average"]) == 6
        for numbers in ("average", "worst"):
            assert ours.restarts[split][numbers][0] == theirs.restarts[split][numbers][0]
    alone, among = (load_file(f.artifacts("train") / "model.safetensors") for f in (one, three))
    assert all(torch.equal(alone[name], among[name]) for name in alone)
