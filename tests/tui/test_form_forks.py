"""The form of a run that goes on from another: what is taken over, and which recipes and stages are offered."""

import pytest

from core.errors import InputError
from core.runs.record import StageRecord
from experiments.fork import fork_at
from experiments.plan import make_plan
from prusc_tui.screens.new_run.form import Form
from tests.tui import lab
from tests.tui.form_lab import fields, parsed

FOUND = {
    *("irm", "vrex", "group-dro-inferred", "erm-balance", "irm-random", "cnc", "dcwp", "jtt", "lff", "spare"),
    *("group-balanced-pseudo", "group-dro-pseudo", "last-layer-validation"),
}
"""Recipes that begin with pseudo-groups and draw no balanced set from the training images."""


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
    masks = {"prusc", "prusc-finetune", "prusc-head", "prusc-finetune-head", "prusc-no-contrast"}
    controls = {"finetune-only", "finetune-head", "last-layer", "prusc-unpruned", "permuted-mask", "permuted-mask-head"}
    assert offered == {*masks, "prune-only", "sparse"} | controls
    form.set("stage", "find")
    assert set(fields(form)["recipe"].setting.choices) == offered | FOUND
    form.set("stage", "balance")
    assert fields(form)["stage"].setting.choices == lab.STAGES
    form.set("recipe", "finetune-only")
    assert parsed(form.command_line())["target"] == "finetune-only"
    with pytest.raises(InputError, match="does not begin with erm, represent, cluster, find, balance, prune"):
        form.set("stage", "prune")
    assert fields(form)["stage"].text == "balance"


def done(name, recipe, *overrides):
    """A record of a finished run of any recipe."""
    plan = make_plan(recipe, overrides=overrides)
    return lab.record_of(
        name,
        recipe=recipe,
        data=plan.config.data.name,
        config=plan.config.model_dump(mode="json"),
        stages=tuple(StageRecord(stage, "done") for stage in plan.recipe.stage_names(plan.config)),
    )


def test_invariant_learning_goes_on_from_the_clusters_of_prusc_on_its_data(home):
    source = lab.put(home, lab.record_of("first"))
    form = Form("irm", fork_at(home, "first:cluster"))
    assert form.command_line() == ["prusc", "run", "irm", "--from", f"{source.id}:cluster", "--detach"]
    plan = form.check().plan
    assert (plan.config.data.name, plan.config.model.name, plan.config.train.objective) == (
        "colored-mnist",
        "digits-cnn",
        "irm",
    )
    found = fields(form)
    assert all(found[key].fixed for key in ("data.correlation", "erm.lr", "cluster.k", "select.rule"))
    assert not any(found[key].fixed for key in ("environments.rule", "train.steps", "train.penalty_weights"))
    with pytest.raises(InputError, match="has no given training environments, which recipe irm-given needs"):
        form.set("recipe", "irm-given")
    assert form.recipe == "irm"


def test_the_environments_of_irm_go_on_to_the_recipes_that_make_them_in_the_same_way(home):
    lab.put(home, done("ours", "irm", "environments.rule=shares"))
    form = Form(fork=fork_at(home, "ours"))
    assert form.fork.stage == "environments"
    found = fields(form)
    assert set(found["recipe"].setting.choices) == {"irm", "vrex", "group-dro-inferred"}  # the balanced one has no rule
    assert (found["environments.rule"].text, found["environments.rule"].origin) == ("shares", "taken over")
    assert (found["train.penalty_weights"].origin, found["train.hidden"].origin) == ("source", "default")
    form.set("recipe", "vrex")
    assert form.check().plan.config.train.objective == "vrex"
    with pytest.raises(InputError, match="'irm-random' computes stage 'environments' unlike 'irm'"):
        form.set("recipe", "irm-random")
    form.set("stage", "find")
    form.set("recipe", "irm-random")
    assert not fields(form)["environments.rule"].fixed
    assert "prusc" in fields(form)["recipe"].setting.choices


def test_what_the_reference_of_eiil_was_trained_with_is_taken_over_and_the_rest_of_the_training_is_free(home):
    lab.put(home, done("rival", "eiil"))
    form = Form(fork=fork_at(home, "rival:reference"))
    found = fields(form)
    assert all(found[f"train.{key}"].fixed for key in ("network", "hidden", "steps", "batch_size", "lr", "l2"))
    assert not any(found[f"train.{key}"].fixed for key in ("penalty_weights", "anneal_until", "restarts"))
    assert not found["environments.eiil_steps"].fixed
    form.set("train.restarts", "9")
    form.set("train.lr", "0.1")
    plan = form.check().plan
    assert (plan.config.train.restarts, plan.config.train.lr) == (9, make_plan("eiil").config.train.lr)
    form.set("stage", "environments")
    assert fields(form)["environments.eiil_steps"].fixed


def test_a_fork_without_a_stage_begins_where_there_is_something_left_to_do(home):
    lab.put(home, lab.record_of("first"))
    assert fork_at(home, "first").stage == "prune"
    lab.put(home, lab.record_of("empty", "stopped"))
    with pytest.raises(InputError, match="no finished stage to reuse"):
        fork_at(home, "empty")
