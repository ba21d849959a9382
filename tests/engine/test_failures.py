"""A run that cannot go on says why, keeps what it has, and goes on once the cause is gone."""

import errno
from collections.abc import Callable
from typing import Any

import pytest
from safetensors import SafetensorError

from core.clustering.kmeans import Clusters
from core.events import Event, RunFinished
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.stream import EventWriter
from core.tensors import save_tensors
from experiments.launch import create_run
from tests.engine.lab import After, assert_same_results, events, forked_after, go_on, lines_are_whole, plan_of

FULL = "No space left on device"


def assert_failed(folder: RunFolder, reason: str) -> None:
    record = folder.record()
    assert record.status == "failed"
    assert record.reason == reason
    assert RunLog(folder.home).get(folder.id)["status"] == "failed"  # type: ignore[index]
    assert events(folder)[-1] == RunFinished("failed", reason)
    assert lines_are_whole(folder)


def test_a_loss_that_explodes_fails_the_run_and_says_what_to_try(home: Home) -> None:
    folder = create_run(home, plan_of("prusc", "erm.lr=1e30"))
    assert go_on(folder) == "failed"
    assert_failed(folder, folder.record().reason)
    assert folder.record().reason.startswith("erm: loss became nan at step ")
    assert folder.record().reason.endswith("; try a smaller learning rate")
    assert all(stage.status != "done" for stage in folder.record().stages)


def test_an_empty_balanced_set_fails_the_run_and_says_what_to_try(
    copy_of_whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.stages.cluster.FindClusters._cluster",
        lambda self, context, features, labels, n_classes, k: Clusters(labels, features[:k], k, 0.0, 1, 0),
    )
    folder = forked_after(copy_of_whole, "represent", plan_of())
    assert go_on(folder, fresh=True) == "failed"
    assert_failed(
        folder,
        "balance: the balanced set is empty: no pseudo-group has samples of every class; "
        "try another finder (find.by), or for clusters fewer of them (cluster.k)",
    )
    assert folder.record().stage("cluster").status == "done"


def test_a_defect_fails_the_run_and_leaves_its_traceback(
    copy_of_whole: RunFolder, whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError("by nought")

    folder = forked_after(copy_of_whole, "cluster", plan_of())
    with monkeypatch.context() as patch:
        patch.setattr("core.finding.balanced.draw_balanced", broken)
        assert go_on(folder, fresh=True) == "failed"
    assert_failed(folder, "balance: ZeroDivisionError: by nought; the console log has the traceback")
    assert "in broken" in folder.log.read_text()
    assert go_on(folder, fresh=True) == "finished"
    assert folder.record().reason == ""
    assert_same_results(folder, whole)


def full_disk(*args: Any, **kwargs: Any) -> Any:
    raise OSError(errno.ENOSPC, FULL)


@pytest.mark.parametrize(
    ("where", "after", "stage"),
    [
        ("core.tensors.save_tensors", None, "erm"),
        ("core.tensors.save_tensors", "balance", "prune"),
        ("core.engine.runner.seal", "find", "balance"),
    ],
)
def test_a_full_disk_fails_the_run_which_goes_on_when_there_is_room(
    copy_of_whole: RunFolder,
    whole: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    after: str | None,
    stage: str,
) -> None:
    folder = forked_after(copy_of_whole, after, plan_of())
    with monkeypatch.context() as patch:
        patch.setattr(where, full_disk)
        assert go_on(folder, fresh=True) == "failed"
    assert_failed(folder, f"{stage}: the disk is full; free some space, then resume the run")
    assert go_on(folder, fresh=True) == "finished"
    assert_same_results(folder, whole)


def test_a_checkpoint_that_finds_no_room_fails_the_run(
    copy_of_whole: RunFolder, whole: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = forked_after(copy_of_whole, "balance", plan_of())
    with monkeypatch.context() as patch:
        patch.setattr("core.engine.context.save_checkpoint", full_disk)
        assert go_on(folder, After(4), fresh=True) == "failed"
    assert_failed(folder, "prune: the disk is full; free some space, then resume the run")
    assert go_on(folder, fresh=True) == "finished"
    assert_same_results(folder, whole)


def full_after(events_before: int) -> Callable[..., None]:
    write, count = EventWriter.write, 0

    def limited(self: EventWriter, event: Event, t: float | None = None) -> None:
        nonlocal count
        count += 1
        if count > events_before:
            full_disk()
        write(self, event, t)

    return limited


@pytest.mark.parametrize(("events_before", "at"), [(0, "the start"), (4, "erm")])
def test_a_stream_that_finds_no_room_fails_the_run(
    home: Home, whole: RunFolder, monkeypatch: pytest.MonkeyPatch, events_before: int, at: str
) -> None:
    folder = create_run(home, plan_of())
    with monkeypatch.context() as patch:
        patch.setattr(EventWriter, "write", full_after(events_before))
        assert go_on(folder) == "failed"
    record = folder.record()
    assert record.status == "failed"
    assert record.reason == f"{at}: the disk is full; free some space, then resume the run"
    assert len(events(folder)) == events_before
    assert go_on(folder) == "finished"
    assert lines_are_whole(folder)
    assert_same_results(folder, whole)


def test_a_full_disk_under_the_weights_is_an_error_of_the_disk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise SafetensorError(f"Error while serializing: I/O error: {FULL} (os error 28)")

    monkeypatch.setattr("core.tensors.save_file", full)
    with pytest.raises(OSError, match=FULL) as caught:
        save_tensors(tmp_path / "model.safetensors", {})
    assert caught.value.errno == errno.ENOSPC
