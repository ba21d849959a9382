"""Every finder in a whole run: what it makes, how it goes on after a stop, the choice among them, and refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.clustering.composition import Finding
from core.errors import InputError
from core.events import PseudoGroupsFound, Warned
from core.finding.pseudo_groups import PseudoGroups
from core.finding.quality import MARGIN
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.stages.true_groups import TakeTrueGroups
from experiments.finders import choices, finders
from experiments.launch import create_run
from tests.engine.lab import After, assert_same_results, events, finished, forked_after, go_on, pipeline_of, plan_of
from tests.training.stage_lab import context_of, random_data, run_folder

QUICK = (
    *("biased.rounds=1", "biased.max_steps=60", "biased.overlap=0.3", "biased.batch_size=32"),
    *("small_field.max_steps=60", "small_field.overlap=0.3", "small_field.batch_size=32"),
    *("twins.steps=40", "twins.lr=0.05", "eiil.steps=40", "eiil.lr=0.2"),
)
STAGES = {
    "biased": ("biased",),
    "clusters": ("represent", "cluster"),
    "eiil": ("eiil",),
    "errors": ("errors",),
    "groups": ("true-groups",),
    "random": ("random-groups",),
    "small-field": ("small-field",),
    "twins": ("twins",),
    "auto": ("biased", "represent", "cluster", "errors"),
}


def order(by: str) -> tuple[str, ...]:
    return (f"find.by={by}", *QUICK)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One home for all, so that ERM is trained once."""
    return Home.open(tmp_path_factory.mktemp("finders"))


@pytest.fixture(scope="module")
def runs(home: Home) -> dict[str, RunFolder]:
    return {by: finished(home, "prune-only", *order(by)) for by in STAGES}


def told(folder: RunFolder) -> PseudoGroupsFound:
    (found,) = (event for event in events(folder) if isinstance(event, PseudoGroupsFound))
    return found


def test_auto_tries_the_cheap_finders() -> None:
    assert {*STAGES, "file"} <= set(choices())
    assert [name for name, finder in finders().items() if finder.cheap] == ["biased", "clusters", "errors"]


@pytest.mark.parametrize("by", STAGES)
def test_a_run_has_pseudo_groups_of_every_training_and_validation_image(runs: dict[str, RunFolder], by: str) -> None:
    folder = runs[by]
    record = folder.record()
    assert [stage.name for stage in record.stages] == ["erm", *STAGES[by], "find", "balance", "prune"]
    assert record.attributes_used == ("train" if by == "groups" else "none")
    groups, event = PseudoGroups.load(folder.artifacts("find")), told(folder)
    assert (len(groups.train), len(groups.validation), len(groups.conflicts)) == (600, 80, 600)
    assert max(groups.train.max(), groups.validation.max()) < len(groups.names)
    assert (event.source, event.names) == (groups.source, list(groups.names))
    assert [sum(row) for row in event.table] == np.bincount(groups.train, minlength=len(groups.names)).tolist()
    assert event.conflicts["found"] == groups.conflicts.sum() >= event.conflicts["hits"]
    assert sum(cell["n"] for cell in record.stage("prune").evaluations["validation"]["cells"]) == 80
    assert "cells" not in record.stage("prune").evaluations["test"]


def test_the_true_groups_are_the_attributes(runs: dict[str, RunFolder]) -> None:
    event = told(runs["groups"])
    assert event.names == ["red", "green"]
    assert event.conflicts["found"] == event.conflicts["true"] == event.conflicts["hits"] > 0


@pytest.mark.parametrize("by", ["biased", "eiil", "errors", "random", "small-field", "twins", "auto"])
def test_a_run_that_is_stopped_again_and_again_ends_at_the_same_bits(runs: dict[str, RunFolder], by: str) -> None:
    folder, ends = forked_after(runs[by], "erm", plan_of("prune-only", *order(by))), []
    while "finished" not in ends and len(ends) < 50:
        ends.append(go_on(folder, After(7), fresh=True))  # enough for the predictions after a training
        assert ends[-1] in ("stopped", "finished"), folder.record().reason
    assert len(ends) > 2
    assert_same_results(folder, runs[by])


def test_auto_takes_the_finder_whose_probe_has_the_best_worst_cell(runs: dict[str, RunFolder]) -> None:
    event = told(runs["auto"])
    assert [finder["stage"] for finder in event.tried] == ["biased", "cluster", "errors"]
    probed = [finder["probed"] for finder in event.tried]
    known = [value for value in probed if value is not None]
    (taken,) = (finder for finder in event.tried if finder["source"] == event.source)
    assert taken["probed"] >= max(known) - MARGIN
    assert event.reason.startswith(f"{taken['stage']} was chosen from 3 finders")
    for finder, by in zip(event.tried, ("biased", "clusters", "errors"), strict=True):
        assert (finder["source"], finder["conflicts"]) == (told(runs[by]).source, told(runs[by]).conflicts["found"])
    assert told(runs["biased"]).reason == ""


@pytest.mark.parametrize(("problems", "stage"), [("fail", "find"), ("warn", "balance")])
def test_pseudo_groups_without_conflicts_are_a_warning_or_the_end(tmp_path: Path, problems: str, stage: str) -> None:
    plan = plan_of("prune-only", "find.by=groups", "data.correlation=1", f"find.problems={problems}")
    folder = create_run(Home.open(tmp_path), plan)
    assert go_on(folder) == "failed"  # with a warning alone, the balanced set is empty
    reason = folder.record().reason
    assert reason.startswith(f"{stage}: ")
    assert ("continue anyway with find.problems=warn" in reason) == (problems == "fail")
    assert "nothing-found" in {event.code for event in events(folder) if isinstance(event, Warned)}


@pytest.mark.parametrize("problems", ["warn", "fail"])
def test_a_pseudo_group_of_one_class_is_a_warning_or_the_end(tmp_path: Path, problems: str) -> None:
    data = pipeline_of(plan_of().config).load_data()
    rows = [f"{i},{(i % 2) if label else 2 * (i % 3 == 0)}" for i, label in enumerate(data.splits["train"].labels)]
    table = tmp_path / "groups.csv"
    table.write_text("\n".join(["index,group", *rows]))  # group 1 has the second class only, group 2 the first
    plan = plan_of("prune-only", f"find.file={table}", f"find.problems={problems}")
    folder = create_run(Home.open(tmp_path / "home"), plan)
    assert go_on(folder) == ("finished" if problems == "warn" else "failed")
    (text,) = [e.text for e in events(folder) if isinstance(e, Warned) and e.code == "one-class-group"]
    assert text.startswith("2 of 3 pseudo-groups have one class only (1, 2): their ")
    assert problems == "warn" or folder.record().reason.startswith(f"find: {text.removesuffix('.')}; or continue ")


@pytest.mark.parametrize("problems", ["warn", "fail"])
def test_a_small_balanced_set_is_a_warning_or_the_end(tmp_path: Path, problems: str) -> None:
    plan = plan_of("prune-only", "balance.warn_below=100000", f"balance.problems={problems}")
    folder = create_run(Home.open(tmp_path), plan)
    assert go_on(folder) == ("finished" if problems == "warn" else "failed")
    (text,) = [e.text for e in events(folder) if isinstance(e, Warned) and e.code == "small-balanced-set"]
    assert "different samples in the balanced set, fewer than 100,000; try another finder" in text
    assert problems == "warn" or folder.record().reason.startswith(f"balance: {text.removesuffix('.')}; or continue ")


def test_auto_says_that_no_finder_is_better_if_its_choice_is_doubted(
    home: Home, runs: dict[str, RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.finding.quality.doubts", lambda *_: [Finding("no-gap", "There is a doubt.")])
    folder = create_run(home, plan_of("prune-only", *order("auto"), "find.problems=fail"))
    assert go_on(folder) == "failed"
    assert folder.record().stage("cluster").reused
    doubt = "find: There is a doubt. None of the 3 finders that were tried is better; or continue anyway"
    assert folder.record().reason.startswith(doubt)


def test_random_groups_are_no_reason_to_trust_them(runs: dict[str, RunFolder]) -> None:
    found = told(runs["random"])
    assert found.names == [f"random {number}" for number in range(4)]
    assert {sum(row) for row in found.table} == {150}
    assert found.conflicts["hits"] / found.conflicts["found"] < 0.2


def test_data_without_attributes_has_no_true_groups(tmp_path: Path) -> None:
    data = random_data()
    splits = {name: replace(split, attributes=split.attributes[:, :0]) for name, split in data.splits.items()}
    context = context_of(run_folder(tmp_path), replace(data, attributes={}, splits=splits), stage="true-groups")
    with pytest.raises(InputError, match=r"data set 'random' has no attributes for the finder `groups`.*find\.by"):
        TakeTrueGroups().run(context)


def test_the_worst_cell_selects_nothing_where_validation_images_have_no_pseudo_groups() -> None:
    with pytest.raises(InputError, match=r"select\.rule=worst-cell: recipe 'group-dro' finds no pseudo-groups; take "):
        plan_of("group-dro", "select.rule=worst-cell")
    with pytest.raises(InputError, match=r"select\.rule=worst-cell: finder 'clusters' gives validation images no "):
        plan_of("spare", "select.rule=worst-cell")
    assert plan_of("spare", "select.rule=worst-cell", "cluster.per_class=false")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("find.by=biasd", r"find\.by = 'biasd': unknown finder; did you mean 'biased'\? \(known: biased, clusters, "),
        ("errors.epoch=0", "errors.epoch = 0: input should be greater than 0"),
        ("random.k=1", "random.k = 1"),
        ("biased.q=0", "biased.q = 0"),
    ],
)
def test_what_does_not_fit_is_refused_when_a_run_is_planned(override: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        plan_of("prusc", override)
