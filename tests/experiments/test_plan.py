"""From what a person types to what is run."""

import pytest

from core.config import config_model, differences
from core.data.settings import Photos
from core.engine.stage import Pipeline
from core.errors import InputError
from core.runs.record import RunRecord
from experiments.catalog import get_preset, preset_names
from experiments.identity import identity
from experiments.plan import build_pipeline, config_of, make_plan, resolve
from experiments.recipes import RECIPES
from tests.data import photo_lab


@pytest.mark.parametrize("name", [*RECIPES, *preset_names()])
def test_everything_that_can_be_named_plans_and_builds_the_stages_that_it_promises(name):
    plan = make_plan(name)
    if isinstance(plan.config.data, Photos):
        with pytest.raises(InputError, match=f"{plan.config.data.name} is not bundled.*--data-root"):
            build_pipeline(plan.config)
        stages = plan.recipe.stages(plan.config)
    else:
        pipeline = build_pipeline(plan.config)
        assert isinstance(pipeline, Pipeline)
        stages = pipeline.stages
    assert tuple(stage.name for stage in stages) == plan.recipe.stage_names(plan.config)
    made: set[str] = set()
    for stage in stages:
        assert set(stage.inputs) <= made
        made.add(stage.name)


def test_images_that_are_missing_are_found_before_there_is_a_run(tmp_path):
    photo_lab.plain(tmp_path, n=40)
    config = make_plan("erm", data="folder", overrides=[f"data.root={tmp_path}", "data.split_column=split"]).config
    build_pipeline(config)
    table = (tmp_path / "metadata.csv").read_text().splitlines()
    paths = [table[line - 1].split(",")[0] for line in (5, 8)]
    for path in paths:
        (tmp_path / path).unlink()
    with pytest.raises(InputError) as caught:
        build_pipeline(config)
    assert str(caught.value) == (
        f"{tmp_path}/metadata.csv, line 5: image '{paths[0]}' is missing; bring the file, or remove the row "
        "(1 more; all of them: prusc data check)"
    )


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_with_what_it_fixes_and_refuses_to_have_it_changed(name):
    plan = make_plan(name)
    values = plan.config.model_dump()
    for key, fixed in plan.recipe.fixed.items():
        section, _, setting = key.partition(".")
        assert values[section][setting] == fixed
        fixed = str(fixed).lower() if isinstance(fixed, bool) else fixed
        with pytest.raises(InputError, match=f"--set {key}: recipe '{name}' fixes it to {fixed}"):
            make_plan(name, overrides=[f"{key}=3"])
        assert make_plan(name, overrides=[f"{key}={fixed}"]).config == plan.config


def test_nothing_named_is_the_demo():
    assert make_plan() == make_plan("demo")
    assert make_plan().base_name == "demo"


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_runs_its_recipe_on_its_data_and_differs_from_the_defaults_only_where_it_says(name):
    preset, plan = get_preset(name), make_plan(name)
    assert preset.summary
    assert plan.preset == name
    assert plan.config.recipe == preset.settings["recipe"]
    changed = {key.partition(".")[0] for key in differences(plan.config, config_model()())}
    assert changed <= set(preset.settings)
    assert plan.overrides == {}


def test_a_recipe_runs_on_the_data_that_is_named_and_on_the_demos_without():
    assert make_plan("erm").config.data == get_data("demo")
    assert make_plan("erm", data="patch-mnist").config.data.name == "patch-mnist"
    assert make_plan("erm", data="patch-mnist").config.recipe == "erm"


def get_data(preset):
    return make_plan(preset).config.data


def test_a_run_is_called_after_its_preset_unless_another_recipe_runs_on_it():
    assert make_plan("patch-mnist").base_name == "patch-mnist"
    assert make_plan("erm", data="patch-mnist").base_name == "erm"


def test_overrides_win_over_the_preset_and_later_ones_over_earlier_ones():
    plan = make_plan("patch-mnist", overrides=["data.patch_size=3", "prune.lr=0.5", "prune.lr=0.25"])
    assert plan.config.data.patch_size == 3
    assert plan.config.prune.lr == 0.25
    assert plan.overrides == {"data.patch_size": 3, "prune.lr": 0.25}


def test_the_seed_is_the_runs_and_not_the_datas():
    plan = make_plan("erm", seed=7)
    assert plan.config.seed == 7
    assert plan.config.data.seed == 0
    assert plan.overrides == {"seed": 7}
    assert build_pipeline(plan.config).fingerprint == build_pipeline(make_plan("erm").config).fingerprint
    other = make_plan("erm", overrides=["data.seed=7"]).config
    assert build_pipeline(other).fingerprint != build_pipeline(plan.config).fingerprint


def test_recipe_and_default_preset_share_every_setting_of_their_common_stages():
    sections = ("data", "model", "erm", "find", "represent", "cluster", "balance", "prune", "finetune", "select")
    demo = make_plan("demo").config
    for name in ("erm", "prusc", "prune-only", "finetune-only", "last-layer"):
        config = make_plan(name).config
        assert [getattr(config, section) for section in sections] == [getattr(demo, section) for section in sections]


ORACLES = {
    "group-balanced": "train",
    "group-dro": "train",
    "eiil-attribute": "train",
    "dfr-train": "train",
    "dfr-validation": "validation",
    "last-layer-validation": "labels",
    "irm-given": "environments",
    "erm-grey": "shortcut",
}


@pytest.mark.parametrize("name", RECIPES)
def test_every_plan_says_what_it_uses_of_the_attributes(name):
    supervision = ORACLES.get(name, "none")
    for rule in ("last", "average", "worst-class", "worst-group"):
        plan = make_plan(name, overrides=[f"select.rule={rule}"])
        selecting = "validation" if rule == "worst-group" and supervision in ("none", "labels") else supervision
        assert plan.recipe.attributes_used(plan.config) == selecting


@pytest.mark.parametrize(
    ("target", "options", "sentence"),
    [
        ("prusk", {}, "unknown recipe or preset 'prusk'.*'prusc'"),
        ("erm", {"data": "demoo"}, "no preset or data set 'demoo'.*'demo'"),
        ("demo", {"data": "patch-mnist"}, "with its own data"),
        ("erm", {"overrides": ["recipe=prusc"]}, "prusc run RECIPE"),
        ("erm", {"overrides": ["data.name=patch-mnist", "data.saturation=1"]}, "'data.saturation'.*patch-mnist"),
        ("erm", {"seed": -1}, "seed = -1"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(target, options, sentence):
    with pytest.raises(InputError, match=sentence):
        make_plan(target, **options)


def test_planning_leaves_the_settings_it_was_given_alone():
    settings = {"recipe": "erm", "data": {"name": "patch-mnist"}}
    plan = resolve(settings, ["data.patch_size=3", "erm.lr=0.5"], seed=2)
    assert (plan.config.data.patch_size, plan.config.erm.lr, plan.config.seed) == (3, 0.5, 2)
    assert settings == {"recipe": "erm", "data": {"name": "patch-mnist"}}


@pytest.mark.parametrize("recipe", ["erm", "prusc", "prusc-finetune", "last-layer"])
def test_a_run_of_a_version_without_a_setting_is_what_it_was(recipe):
    plan = make_plan(recipe)
    settings = plan.config.model_dump(mode="json")
    del settings["biased"]["second_opinion"], settings["best"]
    old = config_of(RunRecord(id="abcdefgh", name="old", recipe=recipe, data="demo", config=settings))
    assert (old.model_dump()["biased"]["second_opinion"], old.model_dump()["best"]["offsets"]) == (False, False)
    assert (identity(old) == identity(plan.config)) == (recipe == "erm")
    now = config_of(
        RunRecord(id="abcdefgh", name="new", recipe=recipe, data="demo", config=plan.config.model_dump(mode="json"))
    )
    assert now == plan.config
    assert identity(now) == identity(plan.config)
