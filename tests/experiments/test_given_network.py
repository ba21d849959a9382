"""Runs that are given a trained network, weights to start from, or clusters: what they make of them, and refusals."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.artifacts import BALANCED, MODEL
from core.engine.runner import Runner
from core.errors import InputError
from core.events import Logged, PseudoGroupsFound
from core.finding.pseudo_groups import PseudoGroups
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.evaluate import by_pseudo_group, of_run
from experiments.fork import Fork, plan_fork
from experiments.launch import check, create_run
from tests.engine.lab import CPU, events, finished, go_on, pipeline_of, plan_of


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that trained the network which the others are given."""
    return finished(Home.open(tmp_path_factory.mktemp("trained")), "prune-only")


@pytest.fixture
def checkpoint(trained: RunFolder, tmp_path: Path) -> Path:
    """The network in the format of another program."""
    state = load_file(trained.artifacts("erm") / MODEL)
    file = tmp_path / "network.pth"
    torch.save({"epoch": 9, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}, file)
    return file


@pytest.fixture
def clusters(trained: RunFolder, tmp_path: Path) -> Path:
    """Pseudo-groups in the layout of the reference implementation, other than any that are found here: by index."""
    return table_of_clusters(tmp_path / "clusters.csv", labels_of(trained), lambda i: i % 3)


def labels_of(folder: RunFolder) -> list[int]:
    data = pipeline_of(plan_of().config).load_data()
    del folder
    return data.splits["train"].labels.tolist()


def table_of_clusters(file: Path, labels: list[int], cluster_of) -> Path:
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["index", "label", "cluster_assign"])
        writer.writerows((i, label, cluster_of(i)) for i, label in enumerate(labels))
    return file


def said(folder: RunFolder) -> list[str]:
    return [event.text for event in events(folder) if isinstance(event, Logged)]


def test_a_given_network_stands_in_for_erm_and_the_method_goes_on_from_it(home, trained, checkpoint):
    folder = finished(home, "prusc", f"model.checkpoint={checkpoint}")
    record = folder.record()
    theirs, ours = (load_file(f.artifacts("erm") / MODEL) for f in (trained, folder))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert record.stage("erm").evaluations == trained.record().stage("erm").evaluations
    assert record.stage("finetune").evaluations.keys() == {"validation", "test"}
    assert not list(folder.artifacts("erm").glob("epoch-*"))
    assert [file.name for file in folder.artifacts("represent").glob("*.safetensors")] == ["features-0.safetensors"]
    last = load_file(trained.artifacts("represent") / "features-0.5.safetensors")["features"]
    assert torch.equal(load_file(folder.artifacts("represent") / "features-0.safetensors")["features"], last)
    (line,) = (text for text in said(folder) if "given" in text)
    tensors = len(theirs)
    assert line == (
        f"given network: {tensors} tensors from {checkpoint} under 'state_dict', without the prefix 'module.'"
    )


def test_recipe_erm_evaluates_a_given_network_and_irm_takes_it_for_its_reference(home, trained, checkpoint):
    record = finished(home, "erm", f"model.checkpoint={checkpoint}").record()
    assert record.stage("erm").evaluations == trained.record().stage("erm").evaluations
    given = finished(
        home, "irm", f"model.checkpoint={checkpoint}", "environments.rule=minority-majority", data="colored-mnist"
    )
    assert given.record().stage("erm").reused == record.id
    assert given.record().stage("train").evaluations


def keys(home: Home, *overrides: str, recipe: str = "prune-only") -> dict[str, str | None]:
    return {stage.name: stage.key for stage in finished(home, recipe, *overrides).record().stages}


def test_what_is_in_the_file_counts_and_neither_its_place_nor_how_erm_would_have_trained(home, checkpoint, tmp_path):
    first = keys(home, f"model.checkpoint={checkpoint}")
    moved = tmp_path / "moved.pth"
    shutil.copy(checkpoint, moved)
    assert keys(home, f"model.checkpoint={moved}", "erm.lr=0.5", "erm.epochs=7") == first
    state = torch.load(checkpoint, weights_only=True)
    state["state_dict"]["module.head.bias"] += 1
    torch.save(state, checkpoint)
    changed = keys(home, f"model.checkpoint={checkpoint}")
    assert all(changed[name] != first[name] for name in first)


def test_a_network_that_changed_between_the_start_and_its_stage_fails_the_run(home, checkpoint):
    folder = create_run(home, plan_of("erm", f"model.checkpoint={checkpoint}"))
    config = plan_of("erm", f"model.checkpoint={checkpoint}").config
    pipeline = pipeline_of(config)
    state = torch.load(checkpoint, weights_only=True)
    torch.save({**state, "epoch": 10}, checkpoint)
    assert Runner(folder, pipeline, config, CPU, lambda: False).run() == "failed"
    assert "has changed since the run began" in folder.record().reason


def test_a_finished_stage_does_without_its_file(home, checkpoint):
    folder = create_run(home, plan_of("prune-only", f"model.checkpoint={checkpoint}"))
    stops = iter([False] * 4)
    assert go_on(folder, lambda: next(stops, True)) == "stopped"
    assert folder.record().stage("erm").status == "done"
    checkpoint.unlink()
    assert go_on(folder) == "finished", folder.record().reason


def test_training_starts_from_the_weights_of_a_file_with_a_fresh_head_and_the_file_is_part_of_the_key(
    home, trained, tmp_path
):
    state = load_file(trained.artifacts("erm") / MODEL)
    file = tmp_path / "start.pth"
    torch.save({**state, "head.weight": torch.zeros(10, 64), "head.bias": torch.zeros(10)}, file)
    # At so low a rate the weights stay where they start.
    still = ("erm.lr=1e-12", "erm.epochs=0.25", "erm.keep_epochs=[0.25]")
    fresh, started = finished(home, "erm", *still), finished(home, "erm", *still, f"model.weights={file}")
    before, after = (load_file(folder.artifacts("erm") / MODEL) for folder in (fresh, started))
    torch.testing.assert_close(after["features.0.0.weight"], state["features.0.0.weight"])
    torch.testing.assert_close(after["head.weight"], before["head.weight"])
    assert any("the head 'head' starts fresh" in line for line in said(started))
    assert fresh.record().stage("erm").key != started.record().stage("erm").key
    moved = tmp_path / "moved.pth"
    shutil.move(file, moved)
    assert finished(home, "erm", *still, f"model.weights={moved}").record().stage("erm").reused == started.id


def test_pseudo_groups_from_a_table_take_the_place_of_those_of_a_finder(home, clusters):
    folder = finished(home, "prune-only", f"find.file={clusters}")
    assert [stage.name for stage in folder.record().stages] == ["erm", "groups-file", "find", "balance", "prune"]
    found = PseudoGroups.load(folder.artifacts("find"))
    assert found.train.tolist() == [i % 3 for i in range(600)]
    assert (found.names, found.source, found.validation) == (("0", "1", "2"), "from clusters.csv", None)
    (told,) = (event for event in events(folder) if isinstance(event, PseudoGroupsFound))
    assert [sum(row) for row in told.table] == [200, 200, 200]
    assert sum(map(sum, told.group_table)) == 600
    assert (told.source, told.names) == ("from clusters.csv", ["0", "1", "2"])
    assert folder.record().stage("prune").evaluations


def test_images_without_a_group_are_in_no_balanced_set(home, trained, tmp_path):
    file = table_of_clusters(tmp_path / "some.csv", labels_of(trained), lambda i: "" if i < 300 else i % 2)
    folder = finished(home, "prune-only", f"find.file={file}")
    assert load_file(folder.artifacts("balance") / BALANCED)["indices"].min() >= 300
    assert not PseudoGroups.load(folder.artifacts("find")).conflicts[:300].any()
    dataset = by_pseudo_group(of_run(folder), folder).dataset
    assert dataset.attributes == {"pseudo-group": ("0", "1", "left out")}
    assert set(dataset.splits["train"].attributes[:300, 0]) == {2}
    assert dataset.splits["train"].attributes[300:, 0].tolist() == [i % 2 for i in range(300)]


def test_groups_that_a_run_exports_give_the_same_masks_when_they_are_taken(home, tmp_path):
    from experiments.export.files import export_run

    found = finished(home, "prune-only", "represent.checkpoints=last", "cluster.k=3")
    export_run(found, tmp_path / "out")
    taken = finished(home, "prune-only", f"find.file={tmp_path / 'out' / 'groups.csv'}")
    ours, theirs = (load_file(f.artifacts("prune") / "masks.safetensors") for f in (taken, found))
    assert ours
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    before, after = (PseudoGroups.load(folder.artifacts("find")) for folder in (found, taken))
    assert before.names == after.names
    assert before.validation.tolist() == after.validation.tolist()


def test_what_is_in_the_table_counts_and_not_its_place(home, trained, clusters, tmp_path):
    first = keys(home, f"find.file={clusters}")
    moved = shutil.copy(clusters, tmp_path / "moved.csv")
    assert keys(home, f"find.file={moved}") == first
    table_of_clusters(clusters, labels_of(trained), lambda i: i % 2)
    changed = keys(home, f"find.file={clusters}")
    assert [name for name in first if changed[name] != first[name]] == ["groups-file", "find", "balance", "prune"]


def test_groups_of_other_numbers_are_renumbered_and_the_log_says_how(home, trained, tmp_path):
    file = table_of_clusters(tmp_path / "named.csv", labels_of(trained), lambda i: (9, 10)[i % 2])
    folder = finished(home, "prune-only", f"find.file={file}")
    assert "pseudo-groups are renumbered: 0 is '9', 1 is '10'" in said(folder)


@pytest.fixture(scope="module")
def misfits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that do not fit."""
    from core.models.networks import build

    folder = tmp_path_factory.mktemp("misfits")
    torch.save(build("digits-cnn", 10).state_dict(), folder / "ten.pth")
    torch.save(build("mlp", 2).state_dict(), folder / "other.pth")
    torch.save(build("resnet18", 7).state_dict(), folder / "resnet.pth")
    (folder / "short.csv").write_text("index,cluster\n0,1\n")
    (folder / "training.csv").write_text("\n".join(["index,cluster", *(f"{i},{i % 2}" for i in range(600))]))
    return folder


@pytest.mark.parametrize(
    ("recipe", "overrides", "sentence"),
    [
        ("prusc", ["model.checkpoint=FOLDER/gone.pth"], r"gone\.pth: cannot be read"),
        ("prusc", ["model.checkpoint=FOLDER/ten.pth"], "its head 'head' has 10 outputs instead of 2"),
        ("prusc", ["model.checkpoint=FOLDER/other.pth"], "does not match the network: missing features"),
        ("prusc", ["model.checkpoint=FOLDER/ten.pth", "model.name=mnist-cnn"], "does not match"),
        (
            "prusc",
            ["model.checkpoint=FOLDER/resnet.pth"],
            r"\(120 in all\); .+; see model.name=resnet18, which it fits$",
        ),
        ("prusc", ["model.weights=FOLDER/resnet.pth"], "see model.name=resnet18, which it fits$"),
        ("prusc", ["model.weights=FOLDER/gone.pth"], r"gone\.pth: cannot be read"),
        ("prusc", ["model.weights=FOLDER/other.pth"], "does not match the network: missing features"),
        ("prusc", ["model.weights=imagenet"], "no published weights of 'digits-cnn'"),
        ("prusc", ["find.file=FOLDER/gone.csv"], r"gone\.csv: cannot be read"),
        ("prusc", ["find.file=FOLDER/short.csv"], "599 of 600 training images have no row"),
        (
            "jtt",
            ["find.file=FOLDER/training.csv", "select.rule=worst-cell"],
            r"training\.csv: has no validation images, whose pseudo-groups select.rule=worst-cell needs",
        ),
        ("erm", ["find.file=FOLDER/short.csv"], "recipe 'erm' has no stage 'find' to read it"),
        (
            "prusc-random-clusters",
            ["find.file=FOLDER/short.csv"],
            "find.file: recipe 'prusc-random-.*' does not read it",
        ),
        ("eiil", ["model.checkpoint=FOLDER/ten.pth"], "recipe 'eiil' has no stage 'erm' to read it"),
    ],
)
def test_files_that_do_not_fit_are_refused_before_a_run_is_written(misfits, recipe, overrides, sentence):
    with pytest.raises(InputError, match=sentence):
        check(plan_of(recipe, *(text.replace("FOLDER", str(misfits)) for text in overrides)).config)


@pytest.mark.parametrize(
    ("recipe", "overrides", "sentence"),
    [
        ("prusc", ["represent.checkpoints=[0.5]"], "has one checkpoint; use last or kept"),
        ("group-dro", [], "model.checkpoint replaces training by ERM and does not work with erm.objective=group-dro"),
        ("group-balanced", [], "does not work with erm.objective=group-balanced"),
    ],
)
def test_settings_that_go_with_no_given_network_are_refused(recipe, overrides, sentence):
    with pytest.raises(InputError, match=sentence):
        plan_of(recipe, "model.checkpoint=network.pth", *overrides)


def test_files_that_fit_pass_the_check_and_are_kept_by_their_whole_path(home, checkpoint, clusters, monkeypatch):
    monkeypatch.chdir(checkpoint.parent)
    plan = plan_of("prusc", "model.checkpoint=network.pth", "find.file=clusters.csv", "model.weights=network.pth")
    check(plan.config)
    config = create_run(home, plan).record().config
    assert config["model"]["checkpoint"] == config["model"]["weights"] == str(checkpoint)
    assert config["find"]["file"] == str(clusters)
    assert create_run(home, plan_of("erm")).record().config["model"] == plan_of("erm").config.model.model_dump()


def test_a_fork_takes_the_given_network_over_without_its_file_and_no_other_in_its_place(home, checkpoint):
    source = finished(home, "prune-only", f"model.checkpoint={checkpoint}").record()
    checkpoint.unlink()
    fork = Fork(source, "erm")
    plan = plan_fork(fork, "finetune-only", ["cluster.k=2"], None)
    check(plan.config, fork)
    with pytest.raises(InputError, match="cannot be read"):
        check(plan.config)
    for other in ("model.checkpoint=other.pth", 'model.checkpoint=""'):
        with pytest.raises(InputError, match=r"stage 'erm' is taken from .* so model cannot change"):
            plan_fork(fork, None, [other], None)


def test_pseudo_groups_may_be_given_to_a_run_that_goes_on_from_a_network(home, clusters):
    source = finished(home, "prune-only").record()
    plan = plan_fork(Fork(source, "erm"), None, [f"find.file={clusters}"], None)
    folder = create_run(home, plan, fork=Fork(source, "erm"))
    assert go_on(folder) == "finished", folder.record().reason
    with pytest.raises(InputError, match="does not begin with erm, represent, cluster, find"):
        plan_fork(Fork(source, "find"), None, [f"find.file={clusters}"], None)
