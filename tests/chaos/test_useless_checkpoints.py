"""A checkpoint that cannot be used: the one before it is, and the log of the run says so."""

import shutil

import pytest
import torch

from core.events import Logged, StageStarted
from core.runs.folder import earlier
from tests.chaos.lab import assert_intact, fork_at
from tests.engine.lab import After, events, go_on


@pytest.fixture
def stopped(whole, monkeypatch):
    """An ERM run that was stopped after three steps, with checkpoints after the second and the third."""
    monkeypatch.setattr("core.engine.context.CHECKPOINT_EVERY", 0.0)
    folder = fork_at(whole("erm"), "erm")
    assert go_on(folder, After(1 + 3), fresh=True) == "stopped"
    return folder


def truncated(path, _):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path, _):
    path.write_bytes(b"")


def garbage(path, _):
    path.write_bytes(bytes(range(256)) * 100)


def of_another_stage(path, _):
    torch.save(torch.load(path, weights_only=True) | {"stage": "best"}, path)


def of_another_run(path, _):
    torch.save(torch.load(path, weights_only=True) | {"run": "another"}, path)


def weights(path, _):
    torch.save({"weight": torch.zeros(3)}, path)


def a_list(path, _):
    torch.save([1, 2], path)


def with_code(path, folder):
    class Evil:
        def __reduce__(self):
            return (folder.path / "ran").mkdir, ()

    torch.save({"format": Evil()}, path)


def starts(folder):
    return [e.start for e in events(folder) if isinstance(e, StageStarted) and e.stage == "erm"]


def told(folder):
    return [e.text for e in events(folder) if isinstance(e, Logged) and "checkpoint" in e.text]


DAMAGES = (
    *(truncated, of_another_run, with_code),
    *(pytest.param(d, marks=pytest.mark.chaos) for d in (empty, garbage, of_another_stage, weights, a_list)),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_checkpoint_before_a_useless_one_is_used_and_that_is_said(stopped, whole, damage, tried):
    damage(stopped.checkpoint("erm"), stopped)
    assert go_on(stopped, fresh=True) == "finished"
    assert starts(stopped) == [0, 2]
    (sentence,) = told(stopped)
    assert sentence.startswith("erm: checkpoint erm.pt is ")
    assert sentence.endswith("; the stage continues from the checkpoint before it")
    assert not (stopped.path / "ran").exists()
    assert_intact(stopped, whole("erm"))
    tried["checkpoint truncated, foreign or with code"] += 1


def test_without_any_useful_checkpoint_the_stage_starts_over_and_that_is_said(stopped, whole, tried):
    last = stopped.checkpoint("erm")
    truncated(last, stopped)
    shutil.copy(last, earlier(last))
    assert go_on(stopped, fresh=True) == "finished"
    assert starts(stopped) == [0, 0]
    assert told(stopped) == ["erm: checkpoint erm.pt is damaged and erm.earlier.pt is damaged; the stage starts over"]
    assert_intact(stopped, whole("erm"))
    tried["both checkpoints truncated"] += 1


def test_a_run_between_two_checkpoints_continues_from_the_one_before(stopped, whole, tried):
    stopped.checkpoint("erm").unlink()
    assert go_on(stopped, fresh=True) == "finished"
    assert starts(stopped) == [0, 2]
    assert told(stopped) == []
    assert_intact(stopped, whole("erm"))
    tried["crash between two checkpoints"] += 1
