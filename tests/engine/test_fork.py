"""A run that starts from stages of another run."""

import pytest

from core.errors import InputError
from core.events import StageReused
from core.runs.folder import RunFolder
from experiments.launch import create_run, plan_fork, read_fork
from tests.engine.lab import After, events, finished, go_on, plan_of, tensor_files

HEAD = ("erm", "represent", "cluster", "balance")


def test_a_fork_takes_over_the_stages_up_to_the_one_named(copy_of_whole: RunFolder) -> None:
    home, source = copy_of_whole.home, copy_of_whole
    fork = read_fork(home, f"{source.id}:balance")
    folder = create_run(home, plan_fork(fork, None, ["prune.lr=0.2"], None), fork=fork)
    assert go_on(folder) == "finished"
    record = folder.record()
    assert record.forked_from == f"{source.id}:balance"
    assert {s.name: s.reused for s in record.stages} == {
        **dict.fromkeys(HEAD, source.id),
        "prune": None,
        "finetune": None,
    }
    assert [e.stage for e in events(folder) if isinstance(e, StageReused)] == list(HEAD)


def test_a_fork_under_another_recipe_keeps_the_source_settings(copy_of_whole: RunFolder) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:balance")
    plan = plan_fork(fork, "finetune-only", ["finetune.steps=2"], None)
    assert plan.config.data == plan_of().config.data
    folder = create_run(copy_of_whole.home, plan, fork=fork)
    assert go_on(folder, fresh=True) == "finished"
    assert folder.record().recipe == "finetune-only"
    assert [s.reused for s in folder.record().stages] == [copy_of_whole.id] * 4 + [None]


def test_stages_are_taken_over_whatever_their_key(copy_of_whole: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    fork = read_fork(copy_of_whole.home, f"{copy_of_whole.id}:cluster")
    plan = plan_fork(fork, None, [], None)
    monkeypatch.setattr("core.training.erm.TrainErm.version", 1_000)
    folder = create_run(copy_of_whole.home, plan, fork=fork)
    assert go_on(folder, fresh=True) == "finished"
    ours, theirs = tensor_files(folder), tensor_files(copy_of_whole)
    assert ours["erm/model.safetensors"].samefile(theirs["erm/model.safetensors"])


def test_what_follows_a_fork_hangs_on_the_keys_of_what_was_taken_over(
    copy_of_whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.erm.TrainErm.version", 1_000)
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
        InputError, match=r"'finetune-only' does not begin with erm, represent, cluster, balance, prune"
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
