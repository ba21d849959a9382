"""The form of a new run as data: its fields come from the config model, its command line does what it says."""

import subprocess
import sys

import pytest

from core.config import config_model, flatten
from core.errors import InputError
from experiments.finders import choices
from experiments.order import shown
from experiments.plan import make_plan
from experiments.recipes import RECIPES
from prusc_tui.schema import settings_of
from prusc_tui.screens.new_run.form import Form
from tests.tui.form_lab import fields, parsed, planned


def test_every_setting_of_the_model_is_a_field_of_a_recipe_with_its_value_and_a_help():
    shown_fields = {}
    finders = [Form("prusc") for _ in choices()]
    for form, by in zip(finders, choices(), strict=True):
        form.set("find.by", by)
        form.set("find.file", __file__)  # only the finder `file` reads it
    for form in (*finders, *map(Form, RECIPES)):
        data = type(form.check().plan.config.data)
        for key, field in fields(form).items():
            shown_fields.setdefault((data, key), field)
    for data in {data for data, _ in shown_fields}:
        settings = {setting.key: setting for setting in settings_of(data)}
        assert settings.keys() == dict(flatten(config_model()(data=data()).model_dump(mode="json"))).keys()
        assert {key for key in settings if key.startswith("data.")} <= {
            key for kind, key in shown_fields if kind == data
        }
        assert settings.keys() - {f"data.{key}" for key in data.model_fields} <= {key for _, key in shown_fields}
        for key, setting in settings.items():
            assert setting.help or key in ("data.name", "recipe"), key
    assert {field.origin for field in shown_fields.values()} == {"default", "preset", "recipe", "person"}


@pytest.mark.parametrize(
    ("key", "kind", "unit", "choices", "expects"),
    [
        ("erm.epochs", "number", "epochs", (), "a number > 0"),
        ("data.correlation", "number", "share", (), "a number 0 … 1"),
        ("data.train_size", "whole", "images", (), "a whole number 100 … 59,000"),
        ("seed", "whole", "", (), "a whole number ≥ 0"),
        ("erm.optimizer", "choice", "", ("sgd", "adam", "adamw"), "sgd, adam, adamw"),
        ("find.by", "choice", "", tuple(choices()), ", ".join(choices())),
        ("cluster.k", "whole", "", ("auto",), "a whole number 2 … 512 or auto"),
        ("cluster.per_class", "switch", "", (), "on or off"),
        ("erm.keep_epochs", "list", "epochs", (), "numbers > 0 separated by commas"),
        ("prune.exclude", "list", "", (), "names separated by commas"),
        ("model.name", "text", "", (), "a name"),
        ("train.batch_size", "whole", "images", ("full",), "a whole number ≥ 1 or full"),
        ("train.penalty_weights", "list", "", (), "numbers ≥ 0 separated by commas"),
        ("train.rescale", "switch", "", (), "on or off"),
        ("environments.shares", "list", "", (), "two numbers 0 … 1 separated by a comma"),
        ("data.environment_noise", "list", "", (), "numbers 0 … 1 separated by commas"),
        ("data.validation_noise", "number", "", (), "a number 0 … 1"),
    ],
)
def test_kind_unit_and_bounds_are_those_of_the_model(key, kind, unit, choices, expects):
    by_clusters = Form("prusc")
    by_clusters.set("find.by", "clusters")
    setting = (fields(by_clusters) | fields(Form("irm")))[key].setting
    assert (setting.kind, setting.unit, setting.choices, setting.expects) == (kind, unit, choices, expects)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_does_not_read_is_no_field_and_what_it_fixes_cannot_be_set(name):
    form = Form(name)
    sections = {field.setting.section for field in form.fields()}
    stages = RECIPES[name].stages(form.check().plan.config)
    read = {key.partition(".")[0] for stage in stages for key in stage.reads}
    assert sections == read | {"data", ""}
    for key in RECIPES[name].fixed:
        assert (fields(form)[key].origin, fields(form)[key].fixed) == ("recipe", True)
        form.set(key, "random")
    assert form.command_line() == ["prusc", "run", name, "--detach"]


FROM_CLUSTERS, BY_EIIL = {"rule", "shares"}, {"reference", "eiil_steps", "eiil_lr"}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("irm", FROM_CLUSTERS),
        ("vrex", FROM_CLUSTERS),
        ("irm-random", FROM_CLUSTERS),
        ("erm-balance", {"rule"}),  # whose rule is fixed to one without shares
        ("eiil", BY_EIIL),
        ("eiil-attribute", BY_EIIL),
        ("irm-given", set()),
        ("erm-pooled", set()),
        ("erm-grey", set()),
    ],
)
def test_of_the_environments_a_recipe_shows_what_its_way_of_making_them_reads(name, settings):
    assert {key for key in fields(Form(name)) if key.startswith("environments.")} == {
        f"environments.{setting}" for setting in settings
    }


@pytest.mark.parametrize(
    ("name", "read", "unread"),
    [
        ("irm", {"penalty_weights", "anneal_until", "rescale", "penalty", "estimator"}, {"dro_step_size"}),
        ("vrex", {"penalty_weights", "anneal_until", "rescale"}, {"dro_step_size"}),
        ("group-dro-inferred", {"dro_step_size"}, {"penalty_weights", "anneal_until", "rescale"}),
        ("erm-pooled", {"network", "steps", "restarts"}, {"penalty_weights", "penalty", "estimator", "dro_step_size"}),
    ],
)
def test_of_the_training_a_recipe_shows_what_its_objective_reads(name, read, unread):
    shown_keys = {key.removeprefix("train.") for key in fields(Form(name)) if key.startswith("train.")}
    assert read <= shown_keys
    assert not unread & shown_keys


def test_values_say_where_they_come_from():
    form = Form("patch-mnist-few")
    form.set("find.by", "clusters")
    form.set("prune.steps", "300")
    found = fields(form)
    assert (found["data.correlation"].text, found["data.correlation"].origin) == ("0.99", "preset")
    assert (found["prune.steps"].text, found["prune.steps"].base, found["prune.steps"].origin) == (
        "300",
        "200",
        "person",
    )
    assert found["erm.lr"].origin == "default"
    assert found["erm.objective"].origin == "recipe"
    assert form.differences() == {"prune.steps": ("300", "200"), "find.by": ("clusters", "biased")}


@pytest.mark.parametrize(
    ("target", "edits"),
    [
        (None, {}),
        ("demo", {"prune.steps": "300", "seed": "7", "erm.optimizer": "adam"}),
        ("erm", {"erm.keep_epochs": "0.5, 1", "erm.epochs": "1"}),
        ("erm", {"preset": "patch-mnist", "data.patch_size": "3"}),
        ("demo", {"recipe": "prune-only", "prune.exclude": "fc, conv1"}),
        ("demo", {"prune.exclude": '["a, b"]', "find.by": "clusters", "represent.checkpoints": "last"}),
        ("demo", {"find.by": "clusters", "represent.checkpoints": "0.5, 1"}),
        ("multi-mnist", {"find.by": "clusters", "cluster.k": "8", "data.test_size": "400"}),
        ("demo", {"find.by": "auto", "biased.rounds": "1", "errors.epoch": "0.5", "cluster.k": "2"}),
        ("demo", {"find.by": "random", "random.k": "3"}),
        ("prusc", {"data.name": "texture-mnist", "data.contrast": "0.25"}),
        ("demo", {"find.by": "clusters", "cluster.per_class": "true", "prune.negatives": "other-class"}),
        ("demo", {"name": "--odd 'name'", "tags": "a,b c, a", "device": "cpu", "fresh": "true"}),
        ("demo", {"seed": "1_000", "start": "in this process"}),
        ("irm", {}),
        ("irm", {"train.batch_size": "100", "train.penalty_weights": "1, 1e3, 91257", "environments.shares": "0.3, 0"}),
        ("irm", {"train.penalty_weights": "10", "train.rescale": "false", "cluster.k": "2"}),
        ("irm-given", {"train.batch_size": "100", "data.environment_noise": "0.3, 0.2, 0.1"}),
        ("cmnist-eta25", {"data.validation_noise": "0.9", "train.network": "mnist-cnn"}),
        ("eiil", {"preset": "cmnist-small-eta10", "environments.eiil_steps": "20"}),
        ("eiil", {"preset": "demo"}),
        ("demo", {"recipe": "irm"}),
        ("demo", {"recipe": "erm-grey", "train.steps": "9"}),
        ("irm-demo", {"recipe": "prusc"}),
        ("patch-mnist", {"recipe": "irm"}),
        ("irm", {"data.name": "texture-mnist"}),
    ],
    ids=repr,
)
def test_the_command_line_runs_what_the_form_says(target, edits):
    form = Form(target)
    for key, text in edits.items():
        form.set(key, text)
    words = form.command_line()
    plan = form.check().plan
    assert planned(words) == plan
    assert plan.overrides.keys() <= edits.keys()
    assert all(plan.overrides.keys() & {key} for key in form.differences())


def test_everything_else_is_said_on_the_command_line_too():
    form = Form("demo")
    for key, text in {"name": "-odd 'name'", "tags": "a,b c, a", "device": "cuda:1", "fresh": "true"}.items():
        form.set(key, text)
    given = parsed(form.command_line())
    assert (given["name"], list(given["tags"]), given["device"]) == ("-odd 'name'", ["a", "b", "c"], "cuda:1")
    assert (given["fresh"], given["detach"]) == (True, True)
    form.set("start", "in this process")
    assert not parsed(form.command_line())["detach"]
    assert shown(form.command_line()).startswith("prusc run demo --name '-odd '\"'\"'name'")


@pytest.mark.parametrize("text", ["0.05", " 5e-2 ", "0.050"])
def test_a_value_that_is_the_same_is_no_change(text):
    form = Form("demo")
    form.set("erm.lr", text)
    assert form.differences() == {}
    assert form.command_line() == ["prusc", "run", "demo", "--detach"]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("erm.lr", "-1"),
        ("erm.lr", "fast"),
        ("seed", "-1"),
        ("data.correlation", "1.5"),
        ("biased.rounds", "9"),
        ("erm.keep_epochs", "1, x"),
        ("prune.steps", "2.5"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_the_words_of_the_command_line(key, text):
    form = Form("demo")
    form.set(key, text)
    check = form.check()
    with pytest.raises(InputError) as refused:
        planned([*form.command_line()])
    assert str(refused.value) == f"--set: {check.sentence}"
    assert check.plan is None
    assert check.errors.keys() == {key}
    assert check.sentence.endswith(check.errors[key])
    assert fields(form)[key].error == form.validate_one(key, text) == check.errors[key]
    form.set(key, "")
    assert form.check().plan == make_plan("demo")


def test_values_that_do_not_go_together_are_refused_as_a_whole():
    form = Form("demo")
    form.set("find.by", "clusters")
    form.set("cluster.per_class", "true")
    assert form.check().errors == {}
    assert "set prune.negatives=other-class" in form.check().sentence
    form.set("represent.checkpoints", "3")
    form.set("erm.keep_epochs", "3")
    form.set("erm.epochs", "3")
    form.set("cluster.per_class", "")
    assert form.check().sentence == ""


def test_a_device_that_no_machine_has_is_refused():
    form = Form("demo")
    form.set("device", "gpu")
    assert form.check().errors == {"device": "--device gpu: expected auto, cpu, cuda or cuda:N"}
    assert form.check().plan is None


def test_a_tuple_and_a_number_or_word_are_refused_where_they_do_not_fit():
    for key, text in {
        "train.batch_size": "half",
        "train.penalty_weights": "1, -1",
        "environments.shares": "0.2",
        "data.environment_noise": "0.1, 2",
    }.items():
        form = Form("irm")
        form.set(key, text)
        check = form.check()
        with pytest.raises(InputError) as refused:
            planned(form.command_line())
        assert str(refused.value) == f"--set: {check.sentence}"
        assert check.errors.keys() == {key}, key


def test_the_form_imports_neither_torch_nor_the_command_line():
    code = (
        "import sys; from prusc_tui.screens.new_run.form import Form; f = Form('demo'); f.fields(); f.command_line(); "
        "print(*sorted({'torch', 'typer', 'numpy', 'pandas'} & {m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
