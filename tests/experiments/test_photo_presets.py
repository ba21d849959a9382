"""Presets for published data sets on small folders in their layouts, and clusters given for photographs."""

from pathlib import Path

import pytest

from core.errors import InputError
from core.feed.feed import RunFeed
from core.finding.pseudo_groups import PseudoGroups
from experiments.launch import check
from experiments.plan import make_plan
from tests.data.photo_lab import celeba, isic, plain, waterbirds
from tests.experiments.photo_runs import photo_run


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waterbirds(tmp_path_factory.mktemp("waterbirds"), n=40)


@pytest.mark.parametrize(
    ("preset", "lay_out", "more"),
    [
        ("waterbirds-resnet18", waterbirds, ()),
        ("celeba-mobilenet", celeba, ()),
        ("isic-mobilenet", isic, ("data.images=images",)),
    ],
)
def test_presets_run_on_the_published_layouts(home, tmp_path, preset, lay_out, more):
    # Without published weights, which a machine may lack.
    folder = photo_run(home, preset, lay_out(tmp_path / "data", n=40), "model.weights=none", "prune.steps=1", *more)
    record = folder.record()
    assert record.preset == preset
    assert len(record.final_evaluation("test")["groups"]) == 4
    assert record.attributes_used == "none"


@pytest.mark.parametrize("column", ["img_filename", "index"])
def test_clusters_of_photographs_are_taken_by_path_or_index(home, birds, tmp_path, column):
    lines = [line.split(",") for line in (birds / "metadata.csv").read_text().splitlines()]
    training = [line for line in lines[1:] if line[3] == "0"]
    # Clusters by the place, which a person would take for the shortcut; rows in any order.
    rows = [f"{i if column == 'index' else line[1]},{line[4]}" for i, line in enumerate(training)]
    table = tmp_path / "places.csv"
    table.write_text("\n".join([f"{column},cluster", *rows[::-1]]))
    folder = photo_run(home, "prune-only", birds, "model.name=digits-cnn", f"find.file={table}", data="waterbirds")
    found = PseudoGroups.load(folder.artifacts("find"))
    assert found.train.tolist() == [int(line[4]) for line in training]
    assert found.names == ("0", "1")


def test_a_table_of_clusters_for_other_photographs_is_refused_before_the_run(birds, tmp_path):
    table = tmp_path / "clusters.csv"
    table.write_text("img_filename,cluster\nelsewhere.jpg,0\n")
    plan = make_plan("prusc", data="waterbirds", overrides=[f"data.root={birds}", f"find.file={table}"])
    with pytest.raises(
        InputError, match=r"clusters.csv, line 2: 'elsewhere.jpg' is not an image of the training split"
    ):
        check(plan.config)


def test_a_network_for_other_labels_than_those_of_a_folder_is_refused_before_the_run(tmp_path):
    """How many labels a folder has, only its table says."""
    import torch

    from core.models.networks import build
    from tests.data.photo_lab import plain

    torch.save(build("digits-cnn", 3).state_dict(), tmp_path / "three.pth")
    root = plain(tmp_path / "data", n=40)
    settings = [f"data.root={root}", "data.split_column=split", f"model.checkpoint={tmp_path / 'three.pth'}"]
    with pytest.raises(InputError, match="its head 'head' has 3 outputs instead of 2, one per label"):
        check(make_plan("prusc", data="folder", overrides=settings).config)


def test_a_shortcut_that_nothing_contradicts_is_a_warning_of_the_first_stage(home, tmp_path):
    root = plain(tmp_path / "data", n=40)
    text = (root / "metadata.csv").read_text().replace("low,level,train", "low,upright,train")
    (root / "metadata.csv").write_text(text.replace("high,upright,train", "high,level,train"))
    columns = ('data.attribute_columns=["background"]', "data.split_column=split")
    folder = photo_run(home, "erm", root, *columns, data="folder")
    (warning,) = (each for each in RunFeed(folder).poll().warnings if each.code == "data")
    assert warning.stage == "erm"
    assert "every value of background occurs with one label only" in warning.text


def test_the_true_groups_of_photographs_without_attributes_are_refused_before_the_run(tmp_path):
    plain(tmp_path, n=20, attributes=())
    overrides = [f"data.root={tmp_path}", "data.split_column=split", "find.by=groups", "model.name=digits-cnn"]
    plan = make_plan("prusc", data="folder", overrides=overrides)
    with pytest.raises(InputError, match="data set 'folder' has no attributes for the finder `groups`; take another"):
        check(plan.config)
