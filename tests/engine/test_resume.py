"""A run that is stopped and goes on ends at the very bits of one that was left alone."""

import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.engine.checkpoints import load_checkpoint
from core.events import Evaluated, RunStarted, StageStarted
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.launch import create_run
from tests.engine.lab import After, assert_same_results, events, finished, forked_after, go_on, plan_of

BEFORE = {
    "erm": None,
    "represent": "erm",
    "cluster": "represent",
    "find": "cluster",
    "prune": "balance",
    "finetune": "prune",
}


def stop_in(folder: RunFolder, stage: str, boundaries: int, batches: int = 0) -> None:
    """Run until `stage` has passed `boundaries` step boundaries, and make sure that it stopped right there.

    Before, it evaluates so many `batches`, between which it also asks.
    """
    # 1: asked before the stage begins
    assert go_on(folder, After(1 + boundaries + batches), fresh=True) == "stopped"
    record = folder.record()
    assert [s.name for s in record.stages if s.status == "running"] == [stage]
    assert folder.checkpoint(stage).exists()
    assert not folder.artifacts(stage).exists()


def starts(folder: RunFolder, stage: str) -> list[int]:
    return [e.start for e in events(folder) if isinstance(e, StageStarted) and e.stage == stage]


@pytest.mark.parametrize(
    ("stage", "step", "batches"),
    [
        ("erm", 1, 0),
        ("erm", 8, 1),
        ("represent", 1, 0),
        ("represent", 3, 0),
        ("cluster", 1, 0),
        ("cluster", 3, 0),
        ("prune", 1, 0),
        ("prune", 4, 2),
        ("finetune", 1, 0),
        ("finetune", 3, 1),
    ],
)
def test_a_stopped_stage_goes_on_to_the_same_bits(
    copy_of_whole: RunFolder, whole: RunFolder, stage: str, step: int, batches: int
) -> None:
    folder = forked_after(copy_of_whole, BEFORE[stage], plan_of())
    stop_in(folder, stage, step, batches)
    assert go_on(folder, fresh=True) == "finished"
    assert starts(folder, stage) == [0, step]
    assert_same_results(folder, whole)
    assert not folder.checkpoint(stage).exists()


def test_a_stop_before_the_balanced_set_is_drawn_changes_nothing(copy_of_whole: RunFolder, whole: RunFolder) -> None:
    folder = forked_after(copy_of_whole, "find", plan_of())
    assert go_on(folder, After(0), fresh=True) == "stopped"
    assert folder.record().stage("balance").status == "waiting"
    assert go_on(folder, fresh=True) == "finished"
    assert_same_results(folder, whole)


@pytest.mark.parametrize(
    ("stage", "asked", "step"),
    [
        ("erm", 4, 4),
        ("prune", 3, 3),  # while the statistics of BatchNorm are recomputed
        ("prune", 4, 3),
        ("finetune", 2, 2),
    ],
)
def test_a_stage_that_is_stopped_in_the_middle_of_an_evaluation_begins_it_again(
    copy_of_whole: RunFolder, whole: RunFolder, stage: str, asked: int, step: int
) -> None:
    folder = forked_after(copy_of_whole, BEFORE[stage], plan_of())
    stop_in(folder, stage, asked)
    assert load_checkpoint(folder.checkpoint(stage))["state"]["due"]
    assert step not in evaluated(folder, stage)
    assert go_on(folder, fresh=True) == "finished"
    assert starts(folder, stage) == [0, step]
    assert evaluated(folder, stage) == evaluated(whole, stage)
    assert_same_results(folder, whole)


def evaluated(folder: RunFolder, stage: str) -> list[int]:
    return [e.step for e in events(folder) if isinstance(e, Evaluated) and e.stage == stage]


def test_a_stage_that_is_stopped_in_its_final_evaluation_takes_no_step_again(
    copy_of_whole: RunFolder, whole: RunFolder
) -> None:
    folder = forked_after(copy_of_whole, "prune", plan_of())
    stop_in(folder, "finetune", 4, 2 + 1)  # two evaluations, and the final one on the validation split
    assert evaluated(folder, "finetune") == [2, 4, 4]
    assert go_on(folder, fresh=True) == "finished"
    assert starts(folder, "finetune") == [0, 4]
    assert_same_results(folder, whole)


def test_a_run_that_is_stopped_again_and_again_ends_at_the_same_bits(home: Home, whole: RunFolder) -> None:
    folder = create_run(home, plan_of())
    for _ in range(40):
        # Enough for the final evaluation of a stage, which is not done in pieces.
        if (status := go_on(folder, After(5), fresh=True)) == "finished":
            break
        assert status == "stopped"
    assert len([e for e in events(folder) if isinstance(e, RunStarted) and e.resumed]) > 5
    assert_same_results(folder, whole)


@pytest.mark.parametrize(
    ("recipe", "overrides", "stage", "source", "step", "batches"),
    [
        ("group-dro", (), "erm", None, 6, 1),
        ("group-balanced", (), "erm", None, 3, 0),
        ("finetune-only", (), "finetune", "balance", 2, 0),
        ("erm", ("select.rule=worst-class",), "erm", None, 7, 1),
        ("prune-only", ("select.rule=worst-class",), "prune", "balance", 4, 2),
        ("erm", ("erm.optimizer=adamw", "erm.weight_decay=0.01"), "erm", None, 4, 0),
        ("prune-only", ("prune.batchnorm=train", "prune.gradient=sample"), "prune", "balance", 3, 0),
        ("prusc", ("finetune.data=validation",), "finetune", "prune", 2, 0),
    ],
)
def test_other_recipes_and_settings_go_on_to_the_same_bits(
    copy_of_whole: RunFolder,
    recipe: str,
    overrides: tuple[str, ...],
    stage: str,
    source: str | None,
    step: int,
    batches: int,
) -> None:
    plan = plan_of(recipe, *overrides)
    left_alone = forked_after(copy_of_whole, source, plan)
    assert go_on(left_alone, fresh=True) == "finished"
    folder = forked_after(copy_of_whole, source, plan)
    stop_in(folder, stage, step, batches)
    assert go_on(folder, fresh=True) == "finished"
    assert starts(folder, stage) == [0, step]
    assert_same_results(folder, left_alone)


@pytest.mark.parametrize(
    ("recipe", "overrides", "stage", "source", "step"),
    [
        ("lff", ("lff.epochs=0.5", "lff.batch_size=32"), "lff", "find", 4),
        ("dcwp", (), "prune", "balance", 3),
    ],
)
def test_rivals_go_on_to_the_same_bits(
    copy_of_whole: RunFolder, recipe: str, overrides: tuple[str, ...], stage: str, source: str, step: int
) -> None:
    left_alone = finished(copy_of_whole.home, recipe, *overrides)
    folder = forked_after(left_alone, source, plan_of(recipe, *overrides))
    stop_in(folder, stage, step)
    assert go_on(folder, fresh=True) == "finished"
    assert starts(folder, stage) == [0, step]
    assert_same_results(folder, left_alone)


class WithDropout(nn.Module):
    def __init__(self, n_classes: int, channels: int) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(channels * 49, 16), nn.ReLU())
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(16, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.features(images)))
        return logits


@pytest.mark.parametrize(("stage", "source", "step"), [("erm", None, 4), ("finetune", "prune", 2)])
def test_a_network_with_dropout_goes_on_to_the_same_bits(
    home: Home, monkeypatch: pytest.MonkeyPatch, stage: str, source: str | None, step: int
) -> None:
    def with_dropout(name: str, outputs: int, channels: int, size: tuple[int, int]) -> nn.Module:
        return WithDropout(outputs, channels)

    monkeypatch.setattr("core.training.network.build", with_dropout)
    left_alone = finished(home)
    folder = forked_after(left_alone, source, plan_of())
    stop_in(folder, stage, step)
    assert go_on(folder, fresh=True) == "finished"
    assert_same_results(folder, left_alone)


def test_a_checkpoint_without_its_half_made_artifacts_starts_the_stage_over(
    copy_of_whole: RunFolder, whole: RunFolder
) -> None:
    import shutil

    folder = forked_after(copy_of_whole, "erm", plan_of())
    stop_in(folder, "represent", 3)
    shutil.rmtree(folder.path / "artifacts" / ".represent.partial")
    assert go_on(folder, fresh=True) == "finished"
    assert starts(folder, "represent") == [0, 0]
    assert_same_results(folder, whole)


def test_a_checkpoint_loads_without_unpickling_code(copy_of_whole: RunFolder) -> None:
    folder = forked_after(copy_of_whole, "balance", plan_of())
    stop_in(folder, "prune", 2)
    saved = load_checkpoint(folder.checkpoint("prune"))
    assert saved["state"]["step"] == 2
    assert {"order@cpu", "mask@cpu"} <= set(saved["streams"]["named"])


def test_a_finished_run_that_is_run_again_does_no_work(copy_of_whole: RunFolder, whole: RunFolder) -> None:
    before = copy_of_whole.record()
    assert go_on(copy_of_whole, After(0)) == "finished"
    assert copy_of_whole.record().stages == before.stages
    assert_same_results(copy_of_whole, whole)


@pytest.mark.gpu
@pytest.mark.parametrize("stage", ["erm", "prune"])
def test_a_stopped_stage_goes_on_to_the_same_bits_on_a_gpu(tmp_path: Path, stage: str) -> None:
    from core.engine.devices import prepared
    from experiments.launch import create_run

    gpu, plan = torch.device("cuda", 0), plan_of("prusc", "deterministic=true")
    home = Home.open(tmp_path / "home")
    with prepared(gpu, deterministic=True):
        left_alone = create_run(home, plan)
        assert go_on(left_alone, fresh=True, device=gpu) == "finished"
        folder = forked_after(left_alone, BEFORE[stage], plan)
        assert go_on(folder, After(4), fresh=True, device=gpu) == "stopped"
        assert go_on(folder, fresh=True, device=gpu) == "finished"
    assert starts(folder, stage) == [0, 3]
    assert_same_results(folder, left_alone)


def test_a_record_tells_since_when_a_process_works_on_the_run_and_only_while_one_does(home):
    folder = create_run(home, plan_of("erm"))
    before, seen = time.time(), []

    def look():
        seen.append(folder.record().working_since)
        return len(seen) == 3

    assert go_on(folder, look) == "stopped"
    first = seen[0]
    assert before <= first <= time.time()
    assert set(seen) == {first}
    assert folder.record().working_since is None
    assert go_on(folder, look) == "finished"
    assert seen[-1] > first
    assert folder.record().working_since is None
