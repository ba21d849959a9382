"""A run that starts from stages of another run."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from core.events import StageReused
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.fork import Fork, plan_fork, read_fork
from experiments.launch import create_run
from experiments.plan import make_plan
from tests.data.photo_lab import plain
from tests.engine.lab import After, events, finished, go_on, plan_of, tensor_files

HEAD = ("erm", "represent", "cluster", "find", "balance")


def test_a_fork_takes_over_the_stages_up_to_the_one_named(copy_of_whole: RunFolder) -> None:
    home, source = copy_of_whole.home, copy_of_whole
    fork = read_fork(home, f"{source.id}:balance")
    folder = create_run(home, plan_fork(fork, None, ["prune.lr=0.2"], None), fork=fork)
    assert go_on(folder) == "finished"
    record = folder.record()
    assert record.forked_from == f"{source.id}:balance"
    assert {s.name: s.reused for s in record.stages} == {
        **dict.fromkeys(HEAD, source.id),
        **dict.fromkeys(("prune", "finetune", "head", "best")),
    }
    assert [e.stage for e in events(folder) if isinstance(e, StageReused)] == list(HEAD)


def test_a_fork_under_another_recipe_keeps_the_source_settings(copy_of_whole: RunFolder) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:balance")
    plan = plan_fork(fork, "finetune-only", ["finetune.steps=2"], None)
    assert plan.config.data == plan_of().config.data
    folder = create_run(copy_of_whole.home, plan, fork=fork)
    assert go_on(folder, fresh=True) == "finished"
    assert folder.record().recipe == "finetune-only"
    assert [s.reused for s in folder.record().stages] == [copy_of_whole.id] * 5 + [None]


def test_invariant_learning_goes_on_from_the_clusters_of_prusc_and_its_environments_to_another_objective(
    copy_of_whole: RunFolder,
) -> None:
    home = copy_of_whole.home
    fork = read_fork(home, f"{copy_of_whole.id}:cluster")
    plan = plan_fork(fork, "irm", ["train.penalty_weights=[10]"], None)
    assert (plan.config.data, plan.config.train.objective) == (plan_of().config.data, "irm")
    irm = create_run(home, plan, fork=fork)
    assert go_on(irm, fresh=True) == "finished"
    assert [(s.name, s.reused) for s in irm.record().stages] == [
        *((stage, copy_of_whole.id) for stage in HEAD[:3]),
        ("find", None),
        ("environments", None),
        ("train", None),
    ]
    fork = read_fork(home, f"{irm.id}:environments")
    plan = plan_fork(fork, "vrex", ["train.steps=4"], None)
    vrex = create_run(home, plan, fork=fork)
    assert go_on(vrex, fresh=True) == "finished"
    assert [s.reused for s in vrex.record().stages] == [irm.id] * 5 + [None]
    assert (vrex.record().config["train"]["objective"], vrex.record().attributes_used) == ("vrex", "none")
    ours, theirs = tensor_files(vrex), tensor_files(irm)
    shared = [name for name in theirs if name.startswith("environments/")]
    assert shared
    assert all(ours[name].samefile(theirs[name]) for name in shared)


@pytest.mark.parametrize(
    ("recipe", "stage", "other", "sentence"),
    [
        ("irm", "environments", "irm-random", "'irm-random' computes stage 'environments' unlike 'irm'"),
        ("irm", "environments", "irm-given", "'irm-given' does not begin with erm, represent, cluster, find, env"),
        ("irm", "train", "vrex", "so train cannot change"),
        ("irm", "train", "erm-balance", "'erm-balance' computes stage 'train' unlike 'irm'"),
        ("irm-given", "environments", "erm-pooled", "'erm-pooled' computes stage 'environments' unlike"),
        ("erm-pooled", "environments", "erm-grey", "so data cannot change"),
        ("eiil", "environments", "irm", "'irm' does not begin with reference, environments"),
    ],
)
def test_environments_go_on_to_a_recipe_that_makes_them_in_the_same_way_alone(
    home: Home, recipe: str, stage: str, other: str, sentence: str
) -> None:
    fork = _fork(home, recipe, stage)
    with pytest.raises(InputError, match=f"--from: .*{sentence}"):
        plan_fork(fork, other, [], None)
    assert plan_fork(fork, None, [], None).config == plan_of(recipe).config


def test_a_recipe_that_needs_given_environments_does_not_go_on_with_data_that_brings_none(home: Home) -> None:
    fork = _fork(home, "erm-pooled", "environments", data="demo")
    with pytest.raises(InputError, match="'colored-mnist' has no given training environments"):
        plan_fork(fork, "irm-given", [], None)


def test_the_reference_of_eiil_stays_and_the_rest_of_the_training_can_change(home: Home) -> None:
    fork = _fork(home, "eiil", "environments")
    assert plan_fork(fork, None, ["train.restarts=9"], None).config.train.restarts == 9
    with pytest.raises(InputError, match=r"stage 'reference' .* so train cannot change"):
        plan_fork(fork, None, ["train.lr=1"], None)


def _fork(home: Home, recipe: str, stage: str, data: str | None = None) -> Fork:
    """Where a run of that recipe would be gone on from; only what was asked of it is looked at, so it is not run."""
    record = create_run(home, plan_of(recipe, data=data)).record()
    done = tuple(replace(one, status="done") for one in record.stages)
    return Fork(replace(record, stages=done), stage)


def test_stages_are_taken_over_whatever_their_key(copy_of_whole: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:cluster")
    plan = plan_fork(fork, None, [], None)
    monkeypatch.setattr("core.stages.erm.TrainErm.version", 1_000)
    folder = create_run(copy_of_whole.home, plan, fork=fork)
    assert go_on(folder, fresh=True) == "finished"
    ours, theirs = tensor_files(folder), tensor_files(copy_of_whole)
    assert ours["erm/model.safetensors"].samefile(theirs["erm/model.safetensors"])


def test_what_follows_a_fork_hangs_on_the_keys_of_what_was_taken_over(
    copy_of_whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.stages.erm.TrainErm.version", 1_000)
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:balance")
    folder = create_run(copy_of_whole.home, plan_fork(fork, None, [], None), fork=fork)
    assert go_on(folder) == "finished"
    assert folder.record().stage("prune").reused == copy_of_whole.id


@pytest.mark.parametrize(
    ("overrides", "seed", "word"),
    [
        (["erm.lr=0.01"], None, "erm"),
        (["cluster.restarts=2"], None, "cluster"),
        (["select.looks=3"], None, "select"),
        ([], 7, "seed"),
    ],
)
def test_a_setting_of_a_stage_taken_over_cannot_change(
    copy_of_whole: RunFolder, overrides: list[str], seed: int | None, word: str
) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:balance")
    with pytest.raises(InputError, match=rf"--from: stage .* so {word} cannot change"):
        plan_fork(fork, None, overrides, seed)


def test_other_data_cannot_be_put_under_the_stages_taken_over(copy_of_whole: RunFolder) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:balance")
    with pytest.raises(InputError, match=r"--from: .*data cannot change"):
        plan_fork(fork, None, ["data.correlation=0.6"], None)


def test_a_recipe_with_another_beginning_is_refused(copy_of_whole: RunFolder) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:prune")
    with pytest.raises(
        InputError, match=r"'finetune-only' does not begin with erm, represent, cluster, find, balance, prune"
    ):
        plan_fork(fork, "finetune-only", [], None)


def test_an_oracle_does_not_go_on_from_plain_erm(copy_of_whole: RunFolder) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:erm")
    with pytest.raises(InputError, match="erm"):
        plan_fork(fork, "group-dro", [], None)


def test_a_stage_that_is_not_done_cannot_be_forked_from(copy_of_whole: RunFolder) -> None:
    folder = create_run(copy_of_whole.home, plan_of())
    assert go_on(folder, After(3), fresh=True) == "stopped"
    with pytest.raises(InputError, match=r"stage 'erm' of run .* is not done; resume that run first"):
        read_fork(folder.home, f"{folder.id}:erm")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("last", "expected RUN:STAGE"), ("last:prun", "no stage 'prun'; did you mean 'prune'"), ("zzz:erm", "zzz")],
)
def test_a_fork_that_cannot_be_read_says_why(copy_of_whole: RunFolder, text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_fork(copy_of_whole.home, text)


def test_a_fork_whose_artifacts_are_gone_leaves_no_run_behind(copy_of_whole: RunFolder) -> None:
    import shutil

    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:erm")
    shutil.rmtree(copy_of_whole.artifacts("erm"))
    with pytest.raises(InputError, match=r"artifacts of stage 'erm' .* are gone"):
        create_run(copy_of_whole.home, plan_fork(fork, None, [], None), fork=fork)
    assert [path.name for path in copy_of_whole.home.runs.iterdir()] == [copy_of_whole.id]


def test_a_name_can_be_had_once(copy_of_whole: RunFolder) -> None:
    home = copy_of_whole.home
    create_run(home, plan_of("erm"), name="mine")
    with pytest.raises(InputError, match="mine"):
        create_run(home, plan_of("erm"), name="mine")
    assert finished(home, "erm").record().name != "mine"


def test_data_that_lie_elsewhere_are_no_change(tmp_path: Path) -> None:
    """A folder that was moved, or is decoded as it goes, holds the same data."""
    home = Home.open(tmp_path / "home")
    words = ("data.size=16", "data.stored=16", "erm.epochs=1", "erm.keep_epochs=[]", "data.augment=false")
    settings = (*words, "data.split_column=split")
    first, second = plain(tmp_path / "first", 40), tmp_path / "second"
    source = create_run(home, make_plan("erm", data="folder", overrides=[*settings, f"data.root={first}"]))
    assert go_on(source) == "finished"
    first.rename(second)
    fork = read_fork(home, f"{source.id}:erm")
    plan_fork(fork, None, [f"data.root={second}", "data.cache=false"], None)
    with pytest.raises(InputError, match="data cannot change"):
        plan_fork(fork, None, [f"data.root={second}", "data.size=12"], None)
