"""The stages of invariant learning in whole runs of a second: what they say, what they keep, what they refuse."""

import numpy as np
import pytest
import torch

from core.artifacts import ENVIRONMENTS
from core.errors import InputError
from core.events import EnvironmentsMade, Evaluated, Restarts, Scalars, Warned
from core.invariance.environments import load_environments
from core.runs.home import Home
from experiments.launch import check, create_run
from experiments.plan import make_plan
from tests.engine.lab import After, events, finished, go_on, pipeline_of, plan_of
from tests.threads import one_thread  # noqa: F401  # for every test here


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for all runs, so that those that begin alike share their beginning."""
    return Home.open(tmp_path_factory.mktemp("invariant"))


def told(folder, kind, stage):
    return [e for e in events(folder) if isinstance(e, kind) and e.stage == stage]


def environments_of(folder):
    return load_environments(folder.artifacts("environments") / ENVIRONMENTS)


def train_split(folder):
    from experiments.plan import config_of

    return pipeline_of(config_of(folder.record())).load_data().splits["train"]


def test_what_is_said_of_the_environments_is_what_is_kept(home):
    folder = finished(home, "irm")
    (said,) = told(folder, EnvironmentsMade, "environments")
    kept, split = environments_of(folder), train_split(folder)
    assert said.names == list(kept.names) == ["minority", "balance"]
    assert (said.total, said.used) == (600, len(kept.used))
    for samples, row, group_row in zip(kept.samples, said.table, said.group_table, strict=True):
        assert row == np.bincount(split.labels[samples], minlength=2).tolist()
        assert group_row == np.bincount(2 * split.labels[samples] + split.attributes[samples, 0], minlength=4).tolist()
    minority = kept.samples[0]
    assert said.conflicts == {
        "found": len(minority),
        "true": int((split.labels != split.attributes[:, 0]).sum()),
        "hits": int((split.labels != split.attributes[:, 0])[minority].sum()),
    }
    assert said.groups == ["0–4 · red", "0–4 · green", "5–9 · red", "5–9 · green"]


def test_random_environments_keep_sizes_and_labels_and_change_who_is_in_them(home):
    ours, random = (finished(home, recipe) for recipe in ("irm", "irm-random"))
    (a,), (b,) = (told(folder, EnvironmentsMade, "environments") for folder in (ours, random))
    assert (a.names, a.table, a.used) == (b.names, b.table, b.used)
    assert b.conflicts == {}
    mine, drawn = environments_of(ours), environments_of(random)
    assert all((x != y).any() for x, y in zip(mine.samples, drawn.samples, strict=True))
    assert random.record().stage("cluster").key == ours.record().stage("cluster").key


@pytest.mark.parametrize(("recipe", "names"), [("erm-balance", {"balance"}), ("erm-pooled", {"all"})])
def test_a_control_without_penalty_trains_on_one_environment_alone(home, recipe, names):
    folder = finished(home, recipe)
    values = told(folder, Scalars, "train")[0].values
    assert {name.removeprefix("risk ") for name in values if name.startswith("risk ")} == names
    assert set(values) == {"loss", *(f"risk {name}" for name in names)}
    assert not told(folder, Warned, "environments")


def test_all_restarts_are_told_at_every_look_and_for_every_split_at_the_end(home):
    folder = finished(home, "irm", "train.restarts=3", "train.penalty_weights=[10,1000]")
    spread = told(folder, Restarts, "train")
    looks = [e for e in spread if not e.final]
    assert [e.step for e in looks] == [3, 6]
    assert {e.split for e in looks} == {"validation"}
    assert [e.split for e in spread if e.final] == ["train", "validation", "test"]
    for event in spread:
        assert event.weights == [10, 10, 10, 1000, 1000, 1000]
        assert event.restarts == [0, 1, 2, 0, 1, 2]
        assert len(event.average) == len(event.worst) == 6
    last = [e for e in spread if e.final]
    assert [e.n for e in last] == [600, 80, 80]
    stage = folder.record().stage("train")
    for event in last:
        assert stage.restarts[event.split]["average"] == event.average
    handed_on = {e.split: e.evaluation for e in told(folder, Evaluated, "train") if e.final}
    for event in last[1:]:
        assert handed_on[event.split].average == event.average[event.chosen]
        assert handed_on[event.split].worst_group.accuracy == event.worst[event.chosen]


def test_the_rule_chooses_step_and_member_on_validation(home):
    folder = finished(home, "irm", "train.restarts=4", "select.rule=worst-group", "select.looks=6", "train.lr=0.01")
    looks = [e for e in told(folder, Restarts, "train") if not e.final]
    best = [max(e.worst[i] for e in looks) for i in range(4)]
    final = {e.split: e for e in told(folder, Restarts, "train") if e.final}["validation"]
    assert final.worst == best  # each member at its own best step
    assert best[final.chosen] == max(best)
    assert folder.record().stage("train").selection["picks"]["worst-group"]["member"] == final.chosen


def test_the_worst_cell_chooses_step_and_member_and_needs_no_group_labels(home):
    settings = ("train.restarts=4", "select.looks=6", "train.lr=0.01")
    ours, free = (finished(home, "irm", *settings, f"select.rule={rule}") for rule in ("worst-cell", "last"))
    assert ours.record().attributes_used == "none"
    picks = [folder.record().stage("train").selection["picks"]["worst-cell"] for folder in (ours, free)]
    assert picks[0] == picks[1]  # what the rule would have chosen is said with any rule
    (kept,) = [e.evaluation for e in told(ours, Evaluated, "train") if e.final and e.split == "validation"]
    assert kept.worst_cell.accuracy == picks[0]["value"]
    assert ours.record().stage("train").selection["rule"] == "worst-cell"


@pytest.mark.parametrize("recipe", ["eiil", "eiil-attribute"])
def test_eiil_parts_the_mistakes_of_its_reference_from_the_rest(home, recipe):
    folder = finished(home, recipe, "environments.eiil_steps=3000", "environments.eiil_lr=0.05")
    (said,) = told(folder, EnvironmentsMade, "environments")
    assert said.used == said.total == sum(map(sum, said.table)) == 600
    penalties = [e.values["EIIL penalty"] for e in told(folder, Scalars, "environments")]
    assert penalties[-1] > penalties[0]
    if recipe == "eiil-attribute":  # its mistakes are the true conflicts
        assert said.conflicts["found"] == said.conflicts["true"] == said.conflicts["hits"]


def test_several_classes_are_trained_with_a_logit_for_each(home):
    settings = ("data.classes=5", "cluster.min_skew=0", "cluster.candidates=[5,8]")
    folder = finished(home, "irm", *settings, data="colored-mnist")
    evaluation = folder.record().final_evaluation("test")
    assert len(evaluation["groups"]) == 25
    (said,) = told(folder, EnvironmentsMade, "environments")
    assert len(said.table[0]) == 5


@pytest.mark.parametrize("data", ["colored-mnist", "texture-mnist", "patch-mnist", "multi-mnist"])
def test_irm_runs_on_every_bundled_data_set(home, data):
    folder = finished(home, "irm", "cluster.min_skew=0", data=data)
    (said,) = told(folder, EnvironmentsMade, "environments")
    # Where there are two attributes, none is the one to be in conflict with.
    assert set(said.conflicts) == ({"found"} if data == "multi-mnist" else {"found", "true", "hits"})
    assert set(folder.record().stage("train").restarts) == {"train", "validation", "test"}


@pytest.mark.parametrize(
    ("reference", "network"), [("mlp", "mnist-cnn"), ("digits-cnn", "mlp"), ("resnet18", "mnist-cnn")]
)
def test_reference_and_network_are_any_that_have_a_representation(home, reference, network):
    settings = (f"model.name={reference}", f"train.network={network}", "train.batch_size=50", "train.steps=2")
    few = ("data.train_size=100", "represent.checkpoints=last", "cluster.min_skew=0", "erm.epochs=0.5")
    check(plan_of("irm", *settings, *few, data="colored-mnist").config)
    folder = finished(home, "irm", *settings, *few, data="colored-mnist")
    assert len(folder.record().stage("train").restarts["test"]["average"]) == 2


@pytest.mark.gpu
def test_invariant_training_runs_on_a_gpu_and_goes_on_after_a_stop(tmp_path):
    home, device = Home.open(tmp_path), torch.device("cuda:0")
    for recipe in ("irm", "eiil", "vrex", "group-dro-inferred"):
        folder = create_run(home, plan_of(recipe))
        assert go_on(folder, After(3), device=device) == "stopped"
        assert go_on(folder, device=device) == "finished"
        assert len(folder.record().stage("train").restarts["test"]["worst"]) == 2


def test_a_reference_that_is_never_wrong_leaves_nothing_to_infer_and_says_what_to_try(home):
    settings = ("data.correlation=1", "data.saturation=1", "erm.epochs=6", "erm.keep_epochs=[6]")
    folder = create_run(home, plan_of("irm", *settings, "erm.schedule=constant", data="colored-mnist"))
    assert go_on(folder) == "failed"
    assert "reference-fits" in [w.code for w in told(folder, Warned, "cluster")]
    assert "fewer than two environments have samples" in folder.record().reason
    assert "earlier reference" in folder.record().reason


def test_a_penalty_that_explodes_raises_the_alarm_once_in_the_run(home):
    folder = create_run(home, plan_of("irm", "train.lr=0.5", "train.rescale=false", "train.steps=40"))
    go_on(folder)
    alarms = [w for w in told(folder, Warned, "train") if w.code == "penalty-explodes"]
    assert len(alarms) == 1
    assert "train.lr" in alarms[0].text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("irm-given", "demo"), "has no given training environments"),
        (("irm-given", "cmnist-eta25", "data.environment_noise=[0.15]"), "only one environment"),
        (("irm", None, "train.penalty=multi-class", "train.head=binary"), "needs a logit for every class"),
        (("irm", None, "train.penalty=binary", "train.head=multi-class"), "needs the one logit"),
        (("irm", "demo", "data.classes=10", "train.head=binary"), "the data has 10"),
        (("irm", None, "train.network=resnet18"), "BatchNorm"),
        (("irm", None, "train.network=mpl"), "unknown network 'mpl'; did you mean 'mlp'"),
        (("erm-grey", "demo"), "is for data set cmnist"),
        (("erm-balance", None, "environments.rule=shares"), "fixes it to minority-balance"),
        (("irm", None, "train.objective=vrex"), "fixes it to irm"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence_before_anything_is_written(words, sentence):
    recipe, data, *overrides = words
    with pytest.raises(InputError, match=sentence):
        check(make_plan(recipe, data=data, overrides=overrides).config)


def test_shares_that_are_alike_are_refused(home):
    folder = create_run(home, plan_of("irm", "environments.rule=shares", "environments.shares=[0.1,0.1]"))
    assert go_on(folder) == "failed"
    assert "two different shares" in folder.record().reason
