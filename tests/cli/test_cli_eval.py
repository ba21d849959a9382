"""`prusc eval`: the numbers of the run's record, from the exported files alone and from the run itself."""

from collections import Counter

import pandas as pd
import pytest
from driver import SETTINGS

DATA = [word for setting in SETTINGS if setting.startswith("data.") for word in ("--set", setting)]


@pytest.fixture(scope="module")
def out(finished, tmp_path_factory):
    to = tmp_path_factory.mktemp("eval") / "out"
    assert finished("export", "first", "--to", to, "--torch").code == 0
    return to


def recorded(finished, stage, split):
    """Without the cells: a network alone comes without pseudo-groups."""
    evaluation = next(s for s in finished.said.json["stages"] if s["name"] == stage)["evaluations"][split]
    return {name: value for name, value in evaluation.items() if name != "cells"}


@pytest.mark.parametrize("file", ["model.safetensors", "model.pt"])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_exported_files_give_the_accuracies_of_the_record(finished, out, file, split):
    told = finished("eval", "--model", out / file, "--data", "colored-mnist", *DATA, "--split", split, "--json").json
    assert told["evaluation"] == recorded(finished, "best", split)
    assert (told["network"], told["split"]) == ("digits-cnn", split)


def test_a_run_gives_the_accuracies_of_any_of_its_stages(finished):
    for stage in ("erm", "prune"):
        told = finished("eval", "first", "--stage", stage, "--json").json
        assert told["evaluation"] == recorded(finished, stage, "test")


def test_by_group_every_class_of_every_pseudo_group_is_counted_once(finished, out):
    told = finished("eval", "first", "--by-group", "--json").json
    table = pd.read_csv(out / "groups.csv")
    table = table[table["split"] == "train"]
    sizes = Counter(zip(table["label"], table["group"], strict=True))
    groups = told["evaluation"]["groups"]
    assert {(g["label"], g["attributes"]["pseudo-group"]): g["n"] for g in groups if g["n"]} == dict(sizes)
    train = finished("eval", "first", "--split", "train", "--json").json["evaluation"]
    assert sum(g["correct"] for g in groups) == sum(g["correct"] for g in train["groups"]) > 0


def test_the_table_has_the_words_of_the_report(finished):
    said = finished("eval", "first")
    for words in ("digits-cnn on colored-mnist", "test, n 80", "worst group", "adjusted average", "0–4 · red"):
        assert words in said.out
