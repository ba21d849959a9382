"""The form of a new run as data: its fields come from the config model, its command line does what it says."""

import subprocess
import sys

import pytest
import typer

from core.config import Config, flatten
from core.errors import InputError
from core.runs.home import Home
from experiments.plan import make_plan, preset_names
from experiments.recipes import RECIPES
from prusc_tui.cli.app import app
from prusc_tui.work.data_sets import data_sets
from prusc_tui.work.fields import settings_of
from prusc_tui.work.fork import fork_at
from prusc_tui.work.form import Form
from prusc_tui.work.order import shown
from tests.tui import lab


def fields(form):
    return {field.setting.key: field for field in form.fields()}


def parsed(words):
    """What the command line's own parser makes of the words."""
    command = typer.main.get_command(app).commands["run"]
    return command.make_context("run", list(words[2:])).params


def planned(words):
    """The plan that `prusc run` makes of the words."""
    given = parsed(words)
    return make_plan(given["target"], data=given["data"], overrides=given["overrides"] or (), seed=given["seed"])


def test_every_setting_of_the_model_is_a_field_with_its_value_and_a_help():
    config = Config()
    values = dict(flatten(config.model_dump(mode="json")))
    settings = {setting.key: setting for setting in settings_of(Config, type(config.data))}
    assert settings.keys() == values.keys()
    shown_fields = fields(Form("prusc"))
    assert values.keys() <= shown_fields.keys()
    for key, setting in settings.items():
        if key not in ("data.name", "recipe"):
            assert setting.help, key
            assert shown_fields[key].origin in ("default", "recipe")


@pytest.mark.parametrize(
    ("key", "kind", "unit", "choices", "expects"),
    [
        ("erm.epochs", "number", "epochs", (), "a number > 0"),
        ("data.correlation", "number", "share", (), "a number 0 … 1"),
        ("data.train_size", "whole", "images", (), "a whole number 100 … 59,000"),
        ("seed", "whole", "", (), "a whole number ≥ 0"),
        ("erm.optimizer", "choice", "", ("sgd", "adam", "adamw"), "sgd, adam, adamw"),
        ("cluster.k", "whole", "", ("auto",), "a whole number 2 … 512 or auto"),
        ("cluster.per_class", "switch", "", (), "on or off"),
        ("erm.keep_epochs", "list", "epochs", (), "numbers > 0 with commas between"),
        ("prune.exclude", "list", "", (), "names with commas between"),
        ("model.name", "text", "", (), "a name"),
    ],
)
def test_kind_unit_and_bounds_are_those_of_the_model(key, kind, unit, choices, expects):
    setting = fields(Form("group-dro" if key == "erm.dro_step_size" else "prusc"))[key].setting
    assert (setting.kind, setting.unit, setting.choices, setting.expects) == (kind, unit, choices, expects)


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_recipe_does_not_read_is_no_field_and_what_it_fixes_cannot_be_set(name):
    form = Form(name)
    sections = {field.setting.section for field in form.fields()}
    stages = set(RECIPES[name].stage_names)
    assert {"erm", "represent", "cluster", "balance", "prune", "finetune"} & sections == stages
    assert {"data", "model", "select", ""} <= sections
    for key in RECIPES[name].fixed:
        assert (fields(form)[key].origin, fields(form)[key].fixed) == ("recipe", True)
        form.set(key, "random")
    assert form.command_line() == ["prusc", "run", name, "--detach"]


def test_values_say_where_they_come_from():
    form = Form("multi-mnist")
    form.set("prune.steps", "300")
    found = fields(form)
    assert (found["cluster.k"].text, found["cluster.k"].origin) == ("8", "preset")
    assert (found["prune.steps"].text, found["prune.steps"].base, found["prune.steps"].origin) == (
        "300",
        "200",
        "person",
    )
    assert found["erm.lr"].origin == "default"
    assert found["cluster.method"].origin == "recipe"
    assert form.differences() == {"prune.steps": ("300", "200")}


@pytest.mark.parametrize(
    ("target", "edits"),
    [
        (None, {}),
        ("demo", {"prune.steps": "300", "seed": "7", "erm.optimizer": "adam"}),
        ("erm", {"erm.keep_epochs": "0.5, 1", "erm.epochs": "1"}),
        ("erm", {"preset": "patch-mnist", "data.patch_size": "3"}),
        ("demo", {"recipe": "prune-only", "prune.exclude": "fc, conv1"}),
        ("demo", {"prune.exclude": '["a, b"]', "represent.checkpoints": "last"}),
        ("demo", {"represent.checkpoints": "0.5, 1"}),
        ("multi-mnist", {"cluster.k": "auto", "data.test_size": "400"}),
        ("prusc", {"data.name": "texture-mnist", "data.contrast": "0.25"}),
        ("demo", {"cluster.per_class": "true", "prune.negatives": "other-class"}),
        ("demo", {"name": "--odd 'name'", "tags": "a,b c, a", "device": "cpu", "fresh": "true"}),
        ("demo", {"seed": "1_000", "start": "in this process"}),
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
    assert (given["name"], given["tags"], given["device"]) == ("-odd 'name'", ["a", "b", "c"], "cuda:1")
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
        ("cluster.k", "1"),
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


def test_what_was_entered_comes_back_with_the_recipe_that_reads_it():
    form = Form("demo")
    form.set("prune.steps", "300")
    form.set("erm.lr", "0.1")
    form.set("recipe", "erm")
    assert form.command_line() == ["prusc", "run", "erm", "--set", "erm.lr=0.1", "--detach"]
    form.set("recipe", "prusc")
    assert form.differences() == {"erm.lr": ("0.1", "0.05"), "prune.steps": ("300", "200")}


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


@pytest.fixture
def home(tmp_path):
    return Home.open(tmp_path / "home")


def test_a_fork_takes_over_stages_with_their_settings(home):
    source = lab.put(home, lab.record_of("first"))
    form = Form(fork=fork_at(home, "first:balance"))
    found = fields(form)
    for key in ("seed", "data.correlation", "model.name", "erm.lr", "cluster.k", "balance.rule", "select.rule"):
        assert (found[key].origin, found[key].fixed) == ("taken over", True), key
    assert not any(found[key].fixed for key in ("prune.steps", "finetune.lr", "recipe", "stage", "deterministic"))
    form.set("prune.steps", "9")
    form.set("erm.lr", "9")
    assert form.command_line() == [
        "prusc",
        "run",
        "--from",
        f"{source.id}:balance",
        "--set",
        "prune.steps=9",
        "--detach",
    ]
    assert form.check().plan.config.prune.steps == 9
    form.set("stage", "erm")
    assert not fields(form)["cluster.k"].fixed
    assert fields(form)["erm.lr"].fixed


def test_a_fork_offers_the_recipes_and_stages_that_can_go_on(home):
    lab.put(home, lab.record_of("first"))
    form = Form(fork=fork_at(home, "first:balance"))
    offered = set(fields(form)["recipe"].setting.choices)
    assert offered == {"prusc", "prusc-no-contrast", "prune-only", "finetune-only", "last-layer"}
    assert fields(form)["stage"].setting.choices == lab.STAGES
    form.set("recipe", "finetune-only")
    assert parsed(form.command_line())["target"] == "finetune-only"
    with pytest.raises(InputError, match="does not begin with erm, represent, cluster, balance, prune"):
        form.set("stage", "prune")
    assert fields(form)["stage"].text == "balance"


def test_a_fork_without_a_stage_begins_where_there_is_something_left_to_do(home):
    lab.put(home, lab.record_of("first"))
    assert fork_at(home, "first").stage == "prune"
    lab.put(home, lab.record_of("empty", "stopped"))
    with pytest.raises(InputError, match="no stage that is done"):
        fork_at(home, "empty")


def test_the_form_imports_neither_torch_nor_the_command_line():
    code = (
        "import sys; from prusc_tui.work.form import Form; f = Form('demo'); f.fields(); f.command_line(); "
        "print(*sorted({'torch', 'typer', 'numpy', 'pandas'} & {m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
