"""Every recipe, end to end on a few hundred images: it finishes and reports what it promises."""

import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_tensors

from core.artifacts import MODEL
from core.engine.engine import Engine
from core.runs.home import Home
from experiments.launch import check, create_run
from experiments.plan import build_pipeline, config_of, make_plan
from experiments.recipes import RECIPES


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for all recipes, so that those that begin alike share their beginning."""
    return Home.open(tmp_path_factory.mktemp("recipes"))


@pytest.fixture
def run(home, tiny):
    def run(recipe, *overrides, data=None):
        free = [text for text in tiny if text.partition("=")[0] not in RECIPES[recipe].fixed]
        plan = make_plan(recipe, data=data, overrides=[*free, *overrides])
        check(plan.config)
        folder = create_run(home, plan)
        job = Engine(build_pipeline).submit(folder, plan.config, torch.device("cpu"))
        job.wait()
        assert job.error is None
        record = folder.record()
        assert record.status == "finished", record.reason
        return folder, record

    return run


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_finishes_and_reports_what_it_promises(run, recipe):
    folder, record = run(recipe)
    stages = RECIPES[recipe].stages(config_of(record))
    assert record.attributes_used == RECIPES[recipe].supervision
    names = [stage.name for stage in stages]
    with_network = [stage.name for stage in stages if (folder.artifacts(stage.name) / MODEL).exists()]
    assert [stage.name for stage in record.stages] == names
    assert [stage.name for stage in record.stages if stage.evaluations] == with_network
    for stage in record.stages:
        assert stage.status == "done"
        if stage.evaluations:
            assert set(stage.evaluations) == {"validation", "test"}
        assert (stage.keep_ratio is not None) == ("prune" in names[: 1 + names.index(stage.name)])


def test_recipes_that_begin_alike_share_their_beginning(run):
    _, first = run("prusc")
    for recipe in ("finetune-only", "last-layer", "prune-only"):
        _, record = run(recipe)
        for name in ("erm", "represent", "cluster", "find", "balance"):
            assert record.stage(name).key == first.stage(name).key
            assert record.stage(name).reused is not None
    _, random = run("prusc-random-clusters")
    assert random.stage("erm").key == first.stage("erm").key
    assert random.stage("find").key != first.stage("find").key


def test_without_the_contrast_only_the_masks_and_what_follows_are_made_anew(run):
    _, first = run("prusc")
    _, record = run("prusc-no-contrast")
    differs = [s.name for s in record.stages if s.key != first.stage(s.name).key]
    assert differs == ["prune", "finetune", "head", "best"]


def test_the_oracles_train_another_network_than_erm_does(run):
    networks = [
        load_file(run(recipe)[0].artifacts("erm") / "model.safetensors")["head.weight"]
        for recipe in ("erm", "group-balanced", "group-dro")
    ]
    for i, one in enumerate(networks):
        for other in networks[i + 1 :]:
            assert (one != other).any()


def test_refitting_the_head_leaves_the_representation_as_it_was(run):
    folder, _ = run("last-layer")
    before, after = (load_tensors(folder.artifacts(stage) / "model.safetensors") for stage in ("erm", "head"))
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor) != name.startswith("head."), name


def test_masks_alone_change_no_weight_that_they_keep(run):
    folder, _ = run("prune-only", "prune.lr=0.8", "prune.batchnorm=frozen")
    before, after = (load_tensors(folder.artifacts(stage) / "model.safetensors") for stage in ("erm", "prune"))
    masks = load_tensors(folder.artifacts("prune") / "masks.safetensors")
    for name, tensor in before.items():
        kept = masks.get(name)
        assert torch.equal(after[name], tensor if kept is None else tensor * kept), name


def test_selecting_by_the_worst_group_says_that_it_used_the_validation_attributes(run):
    _, record = run("erm", "select.rule=worst-group")
    assert record.attributes_used == "validation"
    assert record.selection == "worst-group"
    assert record.stage("erm").selection["rule"] == "worst-group"


@pytest.mark.parametrize("data", ["patch-mnist", "texture-mnist", "multi-mnist"])
def test_the_method_runs_on_every_bundled_data_set(run, data):
    _, record = run("prusc", data=data)
    assert record.data == data
    groups = record.final_evaluation("test")["groups"]
    assert len(groups) == (8 if data == "multi-mnist" else 4)
