"""The command line that a report gives to repeat a run makes the same run."""

import shlex

import pytest

from core.runs.record import RunRecord
from experiments.launch import new_record
from experiments.order import Order, again, shown
from experiments.plan import make_plan
from tests.data.photo_lab import plain


def record_of(target, data=None, overrides=(), seed=None):
    plan = make_plan(target, data=data, overrides=overrides, seed=seed)
    return RunRecord(
        id="abcd2345",
        name="x",
        recipe=plan.recipe.name,
        preset=plan.preset,
        data=plan.config.data.name,
        seed=plan.config.seed,
        config=plan.config.model_dump(mode="json"),
        overrides=plan.overrides,
    )


@pytest.mark.parametrize(
    ("target", "data", "overrides", "seed"),
    [
        ("demo", None, (), None),
        ("patch-mnist", None, ("find.by=clusters", "cluster.candidates=[2, 3]", "prune.lr=1e-05"), 3),
        ("finetune-only", "patch-mnist", ("data.seed=2", "compute.compile=true"), 1),
        ("erm", "colored-mnist", ("erm.epochs=1",), None),
    ],
)
def test_it_has_the_same_settings(target, data, overrides, seed):
    record = record_of(target, data, overrides, seed)
    order = again(record)
    plan = make_plan(order.target, data=order.data, overrides=order.overrides, seed=order.seed)
    assert plan.config.model_dump(mode="json") == record.config
    assert (plan.recipe.name, plan.preset) == (record.recipe, record.preset)


def test_a_folder_of_the_user_is_known_by_its_name_and_its_run_can_be_given_again(tmp_path):
    root = plain(tmp_path / "waterbirds", n=20)
    record = new_record(make_plan("erm", data="folder", overrides=[f"data.root={root}", "data.split_column=split"]))
    assert record.data == "waterbirds/"  # with a slash, as there is a data set of that name
    order = again(record)
    plan = make_plan(order.target, data=order.data, overrides=order.overrides, seed=order.seed)
    assert plan.config.model_dump(mode="json") == record.config


def test_text_that_would_be_read_as_a_number_is_quoted():
    record = record_of("demo", overrides=('find.file="1"',))
    assert again(record).overrides == ('find.file="1"',)
    assert shlex.split(shown(again(record).words()))[-3] == 'find.file="1"'


def test_a_fork_names_its_source_and_a_lost_preset_gives_nothing():
    record = record_of("finetune-only", "patch-mnist")
    fields = {name: getattr(record, name) for name in RunRecord.__slots__}
    assert again(RunRecord(**{**fields, "forked_from": "wxyz:erm"})) == Order(
        target="finetune-only", seed=0, fork="wxyz:erm", launcher="local"
    )
    assert again(RunRecord(**{**fields, "preset": "gone"})) is None
