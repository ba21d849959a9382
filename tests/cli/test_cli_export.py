"""`prusc export`: the files alone give the run's numbers back, bit for bit, without prusc."""

import numpy as np
import orjson
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from core.data.load import load
from core.data.sets.colored_mnist import ColoredMnist
from core.models.networks.digits_cnn import DigitsCnn
from experiments.bundled import folder


@pytest.fixture(scope="module")
def out(finished, tmp_path_factory):
    to = tmp_path_factory.mktemp("export") / "new" / "out"
    told = finished("export", "last", "--to", to, "--parquet", "--json").json
    assert sorted(told["files"]) == sorted(path.name for path in to.iterdir())
    return to


@pytest.fixture(scope="module")
def dataset(finished):
    return load(ColoredMnist(**finished.said.json["config"]["data"]), folder())


def test_the_exported_network_gives_the_exported_predictions_and_the_reported_groups(finished, out, dataset):
    about = orjson.loads((out / "model.json").read_bytes())
    network = DigitsCnn(len(about["labels"]), about["channels"]).eval()
    network.load_state_dict(load_file(out / "model.safetensors"))
    mean, std = (torch.tensor(about[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    table = pd.read_csv(out / "predictions.csv")
    assert set(table["prediction"]) == set(about["labels"])
    for split, evaluation in finished.said.json["stages"][-1]["evaluations"].items():
        rows = table[table["split"] == split]
        # The layout in memory decides the order of the sums in a convolution, and so the last bit.
        pixels = torch.from_numpy(dataset.splits[split].images).float().to(memory_format=torch.channels_last)
        with torch.no_grad():
            top = network(torch.addcmul(-mean / std, pixels, 1 / (255 * std))).softmax(1).max(1)
        assert list(rows["prediction"]) == [about["labels"][i] for i in top.indices]
        assert np.array_equal(rows["probability"].to_numpy(np.float32), top.values.numpy())
        hit = rows["prediction"] == rows["label"]
        for group in evaluation["groups"]:
            here = hit[(rows["label"] == group["label"]) & (rows["colour"] == group["attributes"]["colour"])]
            assert (len(here), here.sum(), here.mean()) == (group["n"], group["correct"], group["accuracy"])


def test_the_exported_labels_and_attributes_are_those_of_the_data(out, dataset):
    table = pd.read_csv(out / "predictions.csv")
    for split in ("validation", "test"):
        rows, arrays = table[table["split"] == split], dataset.splits[split]
        assert list(rows["index"]) == list(range(len(arrays)))
        assert list(rows["label"]) == [dataset.label_names[i] for i in arrays.labels]
        assert list(rows["colour"]) == [dataset.attributes["colour"][i] for i in arrays.attributes[:, 0]]


def test_the_exported_weights_are_zero_exactly_where_the_masks_say(finished, out):
    weights, masks = load_file(out / "model.safetensors"), load_file(out / "masks.safetensors")
    assert masks
    for name, mask in masks.items():
        assert torch.equal(weights[name] != 0, mask.bool()), name
    kept = sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values())
    assert kept == finished.said.json["stages"][-1]["keep_ratio"]


def test_groups_has_every_image_and_how_often_the_balanced_set_holds_it(finished, out, dataset):
    whole = pd.read_csv(out / "groups.csv")
    table, held_out = whole[whole["split"] == "train"], whole[whole["split"] == "validation"]
    assert len(table) + len(held_out) == len(whole)
    assert list(held_out["label"]) == [dataset.label_names[i] for i in dataset.splits["validation"].labels]
    assert set(held_out["group"]) <= set(table["group"])
    assert list(table["index"]) == list(range(600))
    assert list(table["label"]) == [dataset.label_names[i] for i in dataset.splits["train"].labels]
    balanced = load_file(finished.home / "runs" / finished.said.json["id"] / "artifacts/balance/balanced.safetensors")
    assert table["in_balanced_set"].sum() == len(balanced["indices"]) > 0
    # A conflict sample does not have the most frequent label of its cluster.
    usual = table.groupby("group")["label"].agg(lambda labels: labels.value_counts().index[0])
    assert ((table["label"] != table["group"].map(usual)) == table["conflict"].astype(bool)).all()
    assert set(table["predicted"]) <= set(dataset.label_names)
    assert table["confidence"].between(0.5, 1).all()
    # Rule min: in every pseudo-group the balanced set holds every class as often as the rarest one is there.
    there = table.groupby(["group", "label"]).size().unstack(fill_value=0)
    drawn = table.groupby(["group", "label"])["in_balanced_set"].sum().unstack(fill_value=0)
    assert (drawn.eq(there.min(axis=1), axis=0)).all(axis=None)


def test_the_metrics_are_the_same_as_csv_and_as_parquet_and_hold_the_reported_numbers(finished, out):
    csv = pd.read_csv(out / "metrics.csv")  # whose last digit depends on the version
    parquet = pd.read_parquet(out / "metrics.parquet")
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False, rtol=1e-14, atol=0)
    for stage in finished.said.json["stages"]:
        for split, evaluation in stage["evaluations"].items():
            rows = parquet[(parquet["stage"] == stage["name"]) & (parquet["split"] == split)]
            last = rows.groupby("name")["value"].last()
            assert last["average"] == evaluation["average"]
            assert last["worst_group"] == evaluation["worst_group"]["accuracy"]
    assert {"erm", "prune", "finetune"} <= set(csv["stage"][csv["split"].isna()])


def test_the_network_of_an_earlier_stage_is_exported_by_name(finished, tmp_path):
    assert finished("export", "first", "--to", tmp_path, "--stage", "erm").code == 0
    assert orjson.loads((tmp_path / "model.json").read_bytes())["stage"] == "erm"
    assert not (tmp_path / "masks.safetensors").exists()
    table = pd.read_csv(tmp_path / "predictions.csv")
    test = table[table["split"] == "test"]
    assert (test["prediction"] == test["label"]).mean() == (
        finished.said.json["stages"][0]["evaluations"]["test"]["average"]
    )
