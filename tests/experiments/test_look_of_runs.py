"""What `prusc look` computes of a run: the right images in the right order, once, beside the artifacts."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.artifacts import MODEL, predictions_file
from core.data.dataset import groups
from core.data.load import load
from core.data.sample import rgb
from core.errors import InputError
from core.explore.look import Counts, counts_file, look_file, read_counts, read_look
from core.groups import group_names
from core.models.attention import grad_cam
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.tensors import load_tensors
from core.training.images import Images
from core.training.network import load_network
from experiments import actions, bundled
from experiments import look as work
from experiments.look import look
from experiments.plan import config_of
from experiments.pseudo_groups import read_groups
from tests.cli.driver import Prusc, files_below
from tests.engine.lab import CPU, copied, finished


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished(Home.open(tmp_path_factory.mktemp("looks")), "finetune-only")


@pytest.fixture
def run(whole: RunFolder, tmp_path: Path) -> RunFolder:
    return copied(whole, Home.open(tmp_path / "home"))


def predictions(run, stage, split):
    stored = load_tensors(predictions_file(run.artifacts(stage), split))
    return stored["classes"].numpy(), stored["probabilities"].numpy()


def dataset_of(run):
    return load(config_of(run.record()).data, bundled.folder())


def test_by_default_it_is_the_worst_group_of_erm_on_test_before_and_after(run):
    found, _ = look(run, n=5)
    dataset = dataset_of(run)
    samples = dataset.splits["test"]
    number, titles = groups(samples, dataset), group_names(dataset.label_names, dataset.attributes)
    right = predictions(run, "erm", "test")[0] == samples.labels
    accuracy = {title: right[number == i].mean() for i, title in enumerate(titles)}
    assert (found.split, found.stages, found.by) == ("test", ("erm", "finetune"), "erm")
    assert accuracy[found.title] == min(accuracy.values())
    assert {one.group for one in found.seen} == {found.title}
    assert found.correct[0] == right[number == titles.index(found.title)].sum()


@pytest.mark.parametrize("by", ["erm", "finetune"])
def test_mistakes_come_first_the_most_confident_before_the_others(run, by):
    found, _ = look(run, by=by, n=200)
    column = found.stages.index(by)
    surety = [(-1 if one.right(column) else 1) * one.confidence[column] for one in found.seen]
    assert surety == sorted(surety, reverse=True)
    assert len(surety) == found.total


def test_what_it_says_of_an_image_is_what_the_network_of_the_stage_predicts(run):
    found, _ = look(run, n=3)
    for column, stage in enumerate(found.stages):
        classes, confidence = predictions(run, stage, "test")
        for one in found.seen:
            assert one.predicted[column] == classes[one.index]
            assert one.confidence[column] == pytest.approx(confidence[one.index], abs=1e-4)


def test_the_maps_are_those_of_the_predicted_class_by_the_stored_network(run):
    found, _ = look(run, n=3)
    config, dataset = config_of(run.record()), dataset_of(run)
    network = load_network(config.model, dataset, run.artifacts("finetune") / MODEL, CPU)
    pixels = Images(dataset, "test", CPU).plain(torch.tensor([one.index for one in found.seen]))
    classes = torch.tensor([one.predicted[1] for one in found.seen])
    expected = (255 * grad_cam(network, pixels, classes)).round()
    assert np.abs(found.maps[1].astype(float) - expected.numpy()).max() <= 1
    assert np.array_equal(found.images[0], rgb(dataset.splits["test"].images[found.seen[0].index]))


def test_maps_are_computed_once_and_kept_beside_the_artifacts(run, monkeypatch):
    before = files_below(run.path)
    first, file = look(run, n=4)
    after = files_below(run.path)
    assert {name for name in after if name not in before} <= {"views"} | {
        f"views/{file.stem}{suffix}" for suffix in (".json", ".safetensors", ".lock")
    }
    assert all(after[name] == content for name, content in before.items())
    monkeypatch.setattr(work, "grad_cam", None)
    again, _ = look(run, n=2)
    assert again.to_json()["seen"] == first.to_json()["seen"][:2]
    assert np.array_equal(again.maps, first.maps[:, :2])
    with pytest.raises(TypeError):
        look(run, n=5)  # more images than are kept


def test_more_images_are_computed_after_those_that_are_kept(run):
    few, file = look(run, n=3)
    more, same = look(run, n=7)
    assert same == file
    assert more.to_json() == look(run, n=7)[0].to_json()
    assert [one.index for one in more.seen[:3]] == [one.index for one in few.seen]
    assert np.array_equal(more.part(0, 3).maps, few.maps)
    file.unlink()
    fresh, _ = look(run, n=7)
    assert fresh.to_json() == more.to_json()
    assert np.abs(fresh.maps.astype(int) - more.maps).max() <= 1  # batches differ


def test_every_group_and_cell_is_counted_as_it_was_evaluated(run):
    record = run.record()
    told = Prusc(run.home.root)("look", run.id, "--list", "--json").json
    for kind, split in (("group", "test"), ("cell", "validation")):
        counts = read_counts(counts_file(run, kind, ("erm", "finetune")))
        assert told[f"{kind}s"]["correct"] == {stage: list(row) for stage, row in counts.correct.items()}
        for stage in record.stages:
            if stage.name in counts.correct and (evaluation := stage.evaluations.get(split)):
                groups = evaluation["groups"] if kind == "group" else evaluation.get("cells", [])
                pairs = zip(counts.totals, counts.correct[stage.name], strict=True)
                assert not groups or list(pairs) == [(g["n"], g["correct"]) for g in groups]
    text = Prusc(run.home.root)("look", run.id, "--list").out
    assert "Groups of the test split" in text
    assert "Cells of the validation split" in text


def test_the_worst_cell_has_some_images_if_any_has():
    counts = Counts("cell", ("a", "b", "c"), (9, 10, 20), {"erm": (0, 4, 10)})
    assert counts.worst("erm") == 1
    assert replace(counts, totals=(9, 5, 0), correct={"erm": (0, 4, 0)}).worst("erm") == 0
    assert replace(counts, kind="group").worst("erm") == 0


def test_another_process_computes_it_for_the_screen(run, at_once):
    counts = work.count(run)["group"]
    title = counts.titles[2]
    actions.look_at(run, "group", title, "finetune", 3)
    kept = read_look(look_file(run, "group", 2, ("erm", "finetune"), "finetune"))
    assert (kept.title, kept.by, len(kept.seen)) == (title, "finetune", 3)


def test_a_cell_is_a_label_in_a_pseudo_group_of_validation_images(run):
    dataset = dataset_of(run)
    pseudo = read_groups(run, dataset.splits["train"].labels)
    label, name = dataset.label_names[1], pseudo.names[0]
    found, _ = look(run, cell=f"{label} · {name}", n=500)
    labels = dataset.splits["validation"].labels
    expected = np.flatnonzero((labels == 1) & (pseudo.validation == 0))
    assert found.split == "validation"
    assert sorted(one.index for one in found.seen) == expected.tolist()


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--group", "nowhere"], "--group nowhere: is unknown; choose one of"),
        (["--group", "5–9"], "--group 5–9: matches several; choose one of"),
        (["--stage", "prune"], "--stage prune: run"),
        (["--by", "balance"], "--by balance: is not one of the stages shown, erm and finetune"),
        (["--group", "red", "--cell", "worst"], "--group: cannot be combined with --cell"),
        (["--to", "x.jpg"], "--to x.jpg: is not the name of a PNG file"),
    ],
)
def test_bad_input_gets_a_sentence(run, words, answer):
    said = Prusc(run.home.root)("look", run.id, *words)
    assert said.code == 2
    assert answer in said.err
    assert said.err.count("\n") == 1


def test_a_run_without_a_network_says_so(run):
    shutil.rmtree(run.path / "artifacts")
    with pytest.raises(InputError, match="has no evaluated network yet"):
        look(run)


def test_the_command_says_it_in_text_in_json_and_as_a_picture(run, tmp_path):
    from PIL import Image

    prusc = Prusc(run.home.root)
    text = prusc("look", run.id, "-n", 2)
    assert text.code == 0, text.err
    assert "mistakes of erm first; no attributes used for training or selection" in " ".join(text.out.split())
    assert "▀" not in text.out  # a pipe has no colour
    assert "\x1b_G" in prusc("look", run.id, "-n", 1, "--graphics", "kitty").out
    assert "\x1bP" in prusc("look", run.id, "-n", 1, "--graphics", "sixel").out
    told = prusc("look", run.id, "--cell", "worst", "-n", 2, "--json").json
    assert (told["kind"], told["split"], len(told["seen"])) == ("cell", "validation", 2)
    assert Path(told["maps"]).is_file()
    made = prusc("look", run.id, "-n", 2, "--to", tmp_path / "new" / "look.png")
    assert made.code == 0, made.err
    with Image.open(tmp_path / "new" / "look.png") as picture:
        assert picture.format == "PNG"
