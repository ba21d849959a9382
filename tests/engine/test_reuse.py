"""Artifacts with an equal key are taken from other runs; everything else is made anew."""

import shutil

import pytest

from core.config import Environments
from core.engine.stage import stage_key, stage_settings
from core.events import Balanced, Evaluated, PseudoGroupsFound, StageReused
from core.runs.folder import RunFolder
from core.runs.log import RunLog
from core.stages.environments_inferred import InferEnvironments
from experiments.plan import build_pipeline
from tests.engine.lab import assert_same_results, events, finished, plan_of, tensor_files

ALL = ["erm", "represent", "cluster", "find", "balance", "prune", "finetune", "head", "best"]


def reused(folder: RunFolder) -> list[str]:
    return [stage.name for stage in folder.record().stages if stage.reused]


def test_a_run_with_equal_settings_reuses_every_stage_and_says_so(copy_of_whole: RunFolder) -> None:
    again = finished(copy_of_whole.home)
    assert reused(again) == ALL
    said = [e for e in events(again) if isinstance(e, StageReused)]
    assert said == [StageReused(stage, copy_of_whole.id) for stage in ALL]
    assert_same_results(again, copy_of_whole)


def test_a_reused_stage_tells_its_outcome_again(copy_of_whole: RunFolder) -> None:
    def outcome(folder: RunFolder) -> list[object]:
        lasting = (Balanced, PseudoGroupsFound)
        return [e for e in events(folder) if isinstance(e, lasting) or (isinstance(e, Evaluated) and e.final)]

    again = finished(copy_of_whole.home)
    assert outcome(again) == outcome(copy_of_whole)
    assert len(outcome(again)) == 2 + 5 * 2  # five networks, two splits


@pytest.mark.parametrize(
    ("recipe", "overrides", "seed", "expected"),
    [
        ("finetune-only", (), 0, ["erm", "represent", "cluster", "find", "balance"]),
        ("prusc", ("prune.lr=0.2",), 0, ["erm", "represent", "cluster", "find", "balance"]),
        ("prusc", ("finetune.lr=0.002",), 0, ["erm", "represent", "cluster", "find", "balance", "prune", "head"]),
        ("prusc", ("balance.rule=over",), 0, ["erm", "represent", "cluster", "find"]),
        ("prusc", (), 1, []),
        ("prusc", ("data.correlation=0.9",), 0, []),
        ("erm", ("prune.lr=0.5",), 0, ["erm"]),
        ("group-dro", (), 0, []),
    ],
)
def test_stages_are_reused_up_to_the_first_that_differs(
    copy_of_whole: RunFolder, recipe: str, overrides: tuple[str, ...], seed: int, expected: list[str]
) -> None:
    assert reused(finished(copy_of_whole.home, recipe, *overrides, seed=seed)) == expected


def test_fresh_refuses_reuse_and_comes_to_the_same_result(copy_of_whole: RunFolder) -> None:
    again = finished(copy_of_whole.home, fresh=True)
    assert reused(again) == []
    assert_same_results(again, copy_of_whole)


def test_reused_artifacts_outlive_the_run_that_made_them(copy_of_whole: RunFolder, whole: RunFolder) -> None:
    again = finished(copy_of_whole.home)
    RunLog(copy_of_whole.home).remove(copy_of_whole.id)
    copy_of_whole.delete()
    assert_same_results(again, whole)
    third = finished(again.home)
    assert {stage.reused for stage in third.record().stages} == {again.id}


def test_a_run_that_the_index_knows_and_the_disk_does_not_is_passed_over(
    copy_of_whole: RunFolder, whole: RunFolder
) -> None:
    shutil.rmtree(copy_of_whole.path)
    again = finished(copy_of_whole.home)
    assert reused(again) == []
    assert_same_results(again, whole)


def test_artifacts_with_a_damaged_seal_are_not_reused(copy_of_whole: RunFolder, whole: RunFolder) -> None:
    (copy_of_whole.artifacts("cluster") / "stage.json").write_text("{")
    again = finished(copy_of_whole.home)
    assert reused(again) == [stage for stage in ALL if stage != "cluster"]
    assert_same_results(again, whole)


def test_artifacts_are_shared_and_not_copied(copy_of_whole: RunFolder) -> None:
    again = finished(copy_of_whole.home)
    theirs = tensor_files(copy_of_whole)
    assert all(file.samefile(theirs[name]) for name, file in tensor_files(again).items())


def keys(*overrides: str, seed: int = 0) -> dict[str, str]:
    config = plan_of("prusc-finetune", *overrides, seed=seed).config
    pipeline = build_pipeline(config)
    found: dict[str, str] = {}
    for stage in pipeline.stages:
        found[stage.name] = stage_key(stage, [found[i] for i in stage.inputs], pipeline.fingerprint, config.seed)
    return found


@pytest.mark.parametrize(
    ("override", "first"),
    [
        ("data.seed=1", "erm"),
        ("model.name=resnet18", "erm"),
        ("erm.lr=0.01", "erm"),
        ("select.looks=3", "erm"),
        ("represent.batch_size=200", "represent"),
        ("cluster.restarts=2", "cluster"),
        ("balance.cap=3", "balance"),
        ("prune.sparsity_weight=0", "prune"),
        ("finetune.steps=5", "finetune"),
        ("prune.samples=2", "prune"),
        ("compute.precision=bf16", "erm"),
        ("compute.accumulate=2", "erm"),
        ("compute.compile=true", None),
        ("compute.auto_batch=true", None),
        ("deterministic=true", None),
    ],
)
def test_a_setting_changes_the_keys_of_the_stages_that_depend_on_it(override: str, first: str | None) -> None:
    before, after = keys(), keys(override)
    chain = list(before)
    unchanged = chain if first is None else chain[: chain.index(first)]
    assert [name for name in chain if before[name] == after[name]] == unchanged


def test_the_seed_changes_every_key() -> None:
    assert not set(keys().values()) & set(keys(seed=1).values())


def test_a_new_version_of_the_code_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys()
    monkeypatch.setattr("core.stages.cluster.FindClusters.version", 1_000)
    after = keys()
    assert [name for name in before if before[name] == after[name]] == ["erm", "represent"]


def test_no_stage_changes_what_it_reads(copy_of_whole: RunFolder) -> None:
    times = {name: file.stat().st_mtime_ns for name, file in tensor_files(copy_of_whole).items()}
    finished(copy_of_whole.home, "prusc", "prune.lr=0.2")
    assert {name: file.stat().st_mtime_ns for name, file in tensor_files(copy_of_whole).items()} == times


def test_a_renamed_field_of_a_stage_has_its_first_name_in_keys() -> None:
    settings = stage_settings(InferEnvironments(Environments(), random=True))
    assert settings == {"kind": "InferEnvironments", "environments": Environments().deciding(), "lot": True}
