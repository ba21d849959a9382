"""Waterbirds and ResNet-18: out into plain files, and in again as what a run starts from or is evaluated."""

from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import photo_lab as lab
import pytest
import torch
from driver import PHOTOS, Prusc, said
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    """`prusc` with a finished run on Waterbirds called `birds`, its record, and its exported files."""
    base = tmp_path_factory.mktemp("birds")
    prusc = Prusc(base / "home")
    prusc.root = lab.waterbirds(base / "data", n=60)
    prusc.run = ["--data", "waterbirds", "--data-root", prusc.root, *PHOTOS, "--json"]
    prusc.record = said(prusc("run", "prusc", *prusc.run, "--name", "birds"))
    prusc.out = base / "out"
    for stage in ("erm", "finetune"):
        assert prusc("export", "birds", "--stage", stage, "--to", prusc.out / stage).code == 0
    return prusc


def evaluations(record, stage):
    return next(s["evaluations"] for s in record["stages"] if s["name"] == stage)


def test_the_exported_network_is_one_of_plain_torchvision(birds):
    from torchvision.models import get_model

    from core.data.load import load
    from core.data.sets.waterbirds import Waterbirds
    from experiments.bundled import folder

    about = orjson.loads((birds.out / "finetune/model.json").read_bytes())
    network = get_model(about["network"], num_classes=about["outputs"]).eval()
    network.load_state_dict(load_file(birds.out / "finetune/model.safetensors"))
    assert about["build"] == "torchvision.models.get_model('resnet18', num_classes=2)"
    assert (about["stored"], about["crop"]) == ([36, 36], [32, 32])
    dataset = load(Waterbirds(**birds.record["config"]["data"] | {"cache": False}), folder())
    pixels = torch.from_numpy(np.asarray(dataset.splits["test"].images[:])).float()[:, :, 2:34, 2:34] / 255
    mean, std = (torch.tensor(about[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        top = network((pixels - mean) / std).softmax(1).max(1)
    table = pd.read_csv(birds.out / "finetune/predictions.csv")
    rows = table[table["split"] == "test"]
    assert list(rows["prediction"]) == [about["labels"][i] for i in top.indices]
    np.testing.assert_allclose(rows["probability"], top.values, rtol=1e-4)


def test_exported_tables_name_the_files_of_the_images(birds):
    published = pd.read_csv(birds.root / "metadata.csv")
    ours = pd.read_csv(birds.out / "finetune/predictions.csv")
    both = ours.merge(published, left_on="path", right_on="img_filename", suffixes=("", "_published"))
    assert len(both) == len(ours) == 24
    assert list(both["split"].map({"validation": 1, "test": 2})) == list(both["split_published"])
    assert list(both["label"].map({"landbird": 0, "waterbird": 1})) == list(both["y"])
    groups = pd.read_csv(birds.out / "finetune/groups.csv")
    for number, split in enumerate(("train", "validation")):
        paths = groups["path"][groups["split"] == split]
        assert sorted(paths) == sorted(published["img_filename"][published["split"] == number])


def test_eval_of_the_export_gives_the_accuracies_of_the_record(birds):
    where = ["--data", "waterbirds", "--data-root", birds.root]
    for split in ("validation", "test"):
        told = said(
            birds("eval", "--model", birds.out / "finetune/model.safetensors", *where, "--split", split, "--json")
        )
        recorded = evaluations(birds.record, "finetune")[split]
        assert told["evaluation"] == {name: value for name, value in recorded.items() if name != "cells"}
        assert (told["data"]["size"], told["data"]["stored"]) == (32, 36)


def test_a_run_goes_on_from_an_exported_network_and_exported_groups(birds):
    given = ["--checkpoint", birds.out / "erm/model.safetensors", "--groups", birds.out / "erm/groups.csv"]
    record = said(birds("run", "prune-only", *birds.run, *given))
    assert evaluations(record, "erm") == evaluations(birds.record, "erm")
    assert Path(record["config"]["model"]["checkpoint"]).is_absolute()
    id = record["id"]
    assert birds("export", id, "--to", birds.out / "given").code == 0
    theirs, ours = (pd.read_csv(birds.out / where / "groups.csv")["group"] for where in ("erm", "given"))
    assert list(theirs) == list(ours)
