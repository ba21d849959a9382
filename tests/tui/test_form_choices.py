"""Recipes, presets, finders and files in the New-run form: what a choice shows, hides and brings along."""

import pytest

from core.data.settings import Photos
from core.errors import InputError
from experiments.catalog import preset_names
from experiments.data.sets import data_sets
from experiments.order import shown
from experiments.recipes import RECIPES
from prusc_tui.screens.new_run.form import Form
from tests.tui.form_lab import fields, planned


def test_a_recipe_brings_its_preset_unless_the_person_chose_one():
    form = Form("demo")
    form.set("recipe", "irm")
    assert (form.preset, form.command_line()[2:3]) == ("irm-demo", ["irm-demo"])
    assert form.check().plan.config.data.name == "cmnist"
    form.set("recipe", "erm")
    assert (form.preset, form.command_line()) == ("demo", ["prusc", "run", "erm", "--detach"])
    form.set("recipe", "irm")
    form.set("preset", "demo")
    form.set("recipe", "vrex")
    assert form.command_line() == ["prusc", "run", "vrex", "--data", "demo", "--detach"]
    form.set("recipe", "prusc")
    form.set("recipe", "eiil")
    assert form.preset == "demo"
    form.set("preset", "irm-demo")
    assert form.command_line() == ["prusc", "run", "eiil", "--detach"]
    form.set("recipe", "prusc")
    assert form.preset == "demo"
    other = Form("patch-mnist")
    other.set("recipe", "irm")
    assert other.command_line() == ["prusc", "run", "irm", "--data", "patch-mnist", "--detach"]


def test_every_recipe_and_every_preset_can_be_chosen_and_the_form_says_what_does_not_go_together():
    refused = set()
    kinds = {"texture-mnist", "cmnist-eta05", "waterbirds-mobilenet"}  # digits, digits with environments, photographs
    for preset in preset_names():
        form = Form()
        for name in RECIPES if preset in kinds else ("prusc", "irm"):
            form.set("recipe", name)
            form.set("preset", preset)
            assert (form.recipe, form.preset) == (name, preset)
            assert {"data.name", "recipe"} <= fields(form).keys()
            check = form.check()
            try:
                plan, sentence = planned(form.command_line()), ""
                if isinstance(plan.config.data, Photos):  # fits, but for the folder that only the person knows
                    plan, sentence = None, plan.config.data.missing
            except InputError as error:
                plan, sentence = None, str(error)
                refused.add(name)
            assert check.plan == plan
            assert sentence.removesuffix("; see --data") == check.sentence
    assert refused == {"irm-given", "erm-grey"}


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ("erm-grey", "recipe 'erm-grey' is for data set cmnist, not for 'texture-mnist'"),
        ("irm-given", "data set 'texture-mnist' has no given training environments, which recipe irm-given needs"),
    ],
)
@pytest.mark.parametrize("key", ["preset", "data.name"])
def test_a_recipe_that_does_not_go_with_the_data_leaves_a_form_that_says_so_and_can_be_mended(recipe, sentence, key):
    form = Form(recipe)
    fit = form.check().plan
    form.set(key, "texture-mnist")
    assert form.check().sentence.startswith(sentence)
    assert form.check().errors == {}
    found = fields(form)
    assert found["data.contrast"].text == "0.5"
    assert "data.grey" not in found
    assert (found["train.objective"].text, found["train.objective"].fixed) == (
        RECIPES[recipe].fixed["train.objective"],
        True,
    )
    form.set("train.steps", "9")
    assert form.differences()["train.steps"][0] == "9"
    assert "train.steps=9" in form.command_line()
    form.set("train.steps", "")
    form.set(key, fit.preset if key == "preset" else "")
    assert form.check().plan == fit


def test_a_training_on_one_given_environment_is_refused_in_one_sentence():
    form = Form("irm-given")
    form.set("data.environment_noise", "0.2")
    assert "only one environment" in form.check().sentence
    form.set("data.environment_noise", "0.2, 0.1, 0.3")
    assert form.check().sentence == ""


def test_what_was_entered_comes_back_with_the_recipe_that_reads_it():
    form = Form("demo")
    form.set("prune.steps", "300")
    form.set("erm.lr", "0.1")
    form.set("recipe", "erm")
    assert form.command_line() == ["prusc", "run", "erm", "--set", "erm.lr=0.1", "--detach"]
    form.set("recipe", "prusc")
    assert form.differences() == {"erm.lr": ("0.1", "0.05"), "prune.steps": ("300", "200")}


def test_another_finder_shows_its_settings_and_hides_those_of_the_one_before():
    form = Form("prusc")
    before = fields(form)
    assert {"biased.rounds", "biased.q"} <= before.keys()
    assert before["find.by"].usual
    form.set("find.by", "clusters")
    found = fields(form)
    assert {"cluster.k", "represent.checkpoints"} <= found.keys()
    assert not any(key.startswith(("biased.", "random.")) for key in found)
    form.set("find.by", "auto")
    assert {"biased.rounds", "cluster.k", "errors.epoch"} <= fields(form).keys()
    form.set("find.by", "nonsense")
    assert fields(form).keys() == before.keys()
    assert form.check().errors.keys() == {"find.by"}
    form.set("find.by", "")
    assert fields(form).keys() == before.keys()


def test_presets_and_data_sets_can_be_changed():
    form = Form("demo")
    assert set(fields(form)["preset"].setting.choices) == set(preset_names())
    form.set("preset", "patch-mnist")
    assert form.command_line() == ["prusc", "run", "patch-mnist", "--detach"]
    assert "data.patch_size" in fields(form)
    form.set("preset", "demo")
    assert set(fields(form)["data.name"].setting.choices) == set(data_sets())
    form.set("data.name", "texture-mnist")
    assert "data.contrast" in fields(form)
    assert "data.saturation" not in fields(form)
    assert form.check().plan.config.data.name == "texture-mnist"


def test_data_in_a_folder_wants_to_know_where_it_is(tmp_path):
    form = Form("celeba-resnet18")
    assert fields(form)["data.root"].usual
    assert form.check().plan is None
    assert form.check().errors == {"data.root": form.check().sentence}
    assert "celeba is not bundled" in form.check().sentence
    form.set("data.root", str(tmp_path / "gone"))
    assert form.check().errors == {"data.root": "no such folder"}
    assert form.check().sentence == "data.root: no such folder"
    form.set("data.root", str(tmp_path))
    assert form.check().plan == planned(form.command_line())


@pytest.mark.parametrize("key", ["model.weights", "model.checkpoint", "find.file"])
def test_a_file_that_is_not_there_is_said_before_the_start(tmp_path, key):
    form = Form("demo")
    if key == "find.file":
        form.set("find.by", "file")
    begun = form.differences()
    assert fields(form)[key].setting.expects in ("a path", "none, imagenet or a path")
    form.set(key, str(tmp_path / "gone"))
    assert form.check().errors == {key: "no such file"}
    assert fields(form)[key].error == form.validate_one(key, str(tmp_path / "gone")) == "no such file"
    form.set(key, str(tmp_path))
    assert form.check().errors == {key: "is a folder, not a file"}
    (tmp_path / "there is one").touch()
    form.set(key, str(tmp_path / "there is one"))
    assert form.check().plan == planned(form.command_line())
    assert form.differences() == begun | {key: (str(tmp_path / "there is one"), fields(form)[key].base)}


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("model.checkpoint", {"erm.lr", "erm.epochs", "represent.checkpoints"}),
        ("find.file", {"cluster.k", "cluster.candidates", "cluster.restarts", "represent.batch_size"}),
    ],
)
def test_a_file_that_takes_the_place_of_work_hides_the_settings_of_that_work(tmp_path, key, gone):
    form = Form("demo")
    form.set("find.by", "clusters")
    assert gone <= fields(form).keys()
    before = fields(form).keys()
    form.set("erm.lr", "0.1")
    if key == "find.file":
        form.set("find.by", "file")
    form.set(key, str(tmp_path))
    assert not gone & fields(form).keys()
    assert {"prune.steps", "find.by", "find.problems", "model.name"} <= fields(form).keys()
    assert ("--set erm.lr=0.1" in shown(form.command_line())) == (key != "model.checkpoint")
    form.set(key, "")
    form.set("find.by", "clusters")
    assert fields(form).keys() == before
    assert fields(form)["erm.lr"].text == "0.1"


@pytest.mark.parametrize(
    ("recipe", "hidden"),
    [
        ("group-dro", "model.checkpoint"),
        ("group-balanced", "model.checkpoint"),
        ("prusc-random-clusters", "find.file"),
        ("erm", "find.file"),
        ("eiil", "model.checkpoint"),
    ],
)
def test_recipes_that_take_no_such_file_do_not_ask_for_one(recipe, hidden):
    assert hidden not in fields(Form(recipe))


def test_the_finder_is_a_choice_that_decides_which_settings_there_are(tmp_path):
    form = Form("prusc")
    before = fields(form)["find.by"]
    assert (before.setting.kind, before.usual) == ("choice", True)
    assert {"auto", "biased", "clusters", "file"} <= set(before.setting.choices)
    assert before.setting.help.startswith(f"`{before.text}`: ")
    assert "find.file" not in fields(form)
    form.set("find.by", "clusters")
    assert {"cluster.k", "represent.checkpoints"} <= fields(form).keys()
    assert not any(key.startswith("biased.") for key in fields(form))
    assert fields(form)["find.by"].setting.help.startswith("`clusters`: ")
    form.set("find.by", "file")
    assert form.check().errors == {"find.file": "needs the table of the pseudo-groups"}
    form.set("find.file", str(tmp_path / "gone"))
    assert form.check().errors == {"find.file": "no such file"}
    (tmp_path / "groups.csv").touch()
    form.set("find.file", str(tmp_path / "groups.csv"))
    assert form.check().plan == planned(form.command_line())
    assert "find.by" not in fields(Form("erm"))
