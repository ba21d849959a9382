"""The sample picture and `prusc data`."""

import subprocess
import sys

import numpy as np
import orjson
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.data.sample import GAP, HEADING, MARGIN, sample_picture, scale_for
from core.data.sets.cmnist import Cmnist
from core.data.sets.colored_mnist import ColoredMnist
from core.data.sets.multi_mnist import MultiMnist
from core.errors import InputError
from experiments.bundled import folder
from experiments.data.sets import resolve
from prusc_tui.cli.data import app

TINY = ["--set", "data.train_size=400", "--set", "data.validation_size=40", "--set", "data.test_size=80"]


def fingerprint(settings, digits):
    return settings.source(digits, None).fingerprint()


def invoke(*words):
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def test_the_sample_picture_has_a_row_for_every_group_of_every_split(make):
    dataset = make(MultiMnist(train_size=2_000, validation_size=80, test_size=80))
    one = sample_picture(dataset, per_group=8, scale=2)
    wider = sample_picture(dataset, per_group=9, scale=2)
    all_three = sample_picture(dataset, ("train", "validation", "test"), per_group=8, scale=2)
    assert one.mode == "RGB"
    assert wider.width - one.width == 56 + GAP
    section = HEADING + 8 * (56 + GAP) - GAP + MARGIN
    assert one.height == MARGIN + section
    assert all_three.size == (one.width, MARGIN + 3 * section)


def test_the_sample_picture_shows_the_images_of_the_group_in_its_row(make):
    dataset = make(ColoredMnist(train_size=2_000, validation_size=80, test_size=80, correlation=0.999))
    picture = np.asarray(sample_picture(dataset, per_group=8, scale=1))
    rows = [MARGIN + HEADING + row * (28 + GAP) for row in range(4)]
    left = picture.shape[1] - MARGIN - 8 * (28 + GAP) + GAP
    train = dataset.splits["train"]
    reds = train.images[(train.labels == 0) & (train.attributes[:, 0] == 0)]
    for column in range(8):
        x = left + column * (28 + GAP)
        assert np.array_equal(picture[rows[0] : rows[0] + 28, x : x + 28], reds[column].transpose(1, 2, 0))
    # The two groups of one image leave the other places as empty as the paper.
    empty = picture[rows[1] : rows[1] + 28, left + 28 + GAP : picture.shape[1] - MARGIN]
    assert (empty == picture[0, 0]).all()


@pytest.mark.parametrize(("grey", "colours"), [(False, [(0,), (1,), (0,), (1,)]), (True, [(0, 1, 2)] * 4)])
def test_two_channels_come_out_red_and_green_on_black_and_one_as_grey(make, grey, colours):
    dataset = make(Cmnist(train_size=2_000, validation_size=80, test_size=80, grey=grey))
    picture = np.asarray(sample_picture(dataset, per_group=4))
    train, side = dataset.splits["train"], 56
    for row, channels in enumerate(colours):
        top, left = MARGIN + HEADING + row * (side + GAP), picture.shape[1] - MARGIN - 4 * (side + GAP) + GAP
        tile = picture[top : top + side, left : left + side]
        first = np.flatnonzero((train.labels == row // 2) & (train.attributes[:, 0] == row % 2))[0]
        plain = np.zeros((side, side, 3), dtype=np.uint8)
        for channel in channels:
            plain[:, :, channel] = train.images[first].max(axis=0).repeat(4, axis=0).repeat(4, axis=1)
        assert plain.any()
        assert np.array_equal(tile, plain)


@pytest.mark.parametrize(("height", "scale"), [(14, 4), (28, 2), (64, 2), (112, 1), (224, 1)])
def test_small_images_are_drawn_larger(height, scale):
    assert scale_for(height) == scale


def test_ls_names_every_data_set():
    plain = invoke("ls")
    listed = orjson.loads(invoke("ls", "--json").stdout)["datasets"]
    assert [each["name"] for each in listed] == [
        "colored-mnist",
        "patch-mnist",
        "texture-mnist",
        "multi-mnist",
        "cmnist",
        "waterbirds",
        "celeba",
        "isic",
        "folder",
    ]
    assert [each["name"] for each in listed if not each["bundled"]] == ["waterbirds", "celeba", "isic", "folder"]
    assert all(each["about"] and each["name"] in plain.stdout for each in listed)


def test_show_prints_one_json_object_with_the_groups():
    shown = orjson.loads(invoke("show", "colored-mnist", *TINY, "--set", "data.correlation=0.9", "--json").stdout)
    assert shown["settings"]["correlation"] == 0.9
    assert shown["image_shape"] == [3, 28, 28]
    train = shown["splits"]["train"]
    assert (train["n"], train["agreement"]) == (400, {"colour": 0.9})
    assert sum(group["n"] for group in train["groups"]) == 400
    assert train["groups"][1]["attributes"] == {"colour": "green"}
    assert [group["n"] for group in shown["splits"]["test"]["groups"]] == [20] * 4
    settings = resolve("colored-mnist", ["data.correlation=0.9", *TINY[1::2]])
    assert shown["fingerprint"] == fingerprint(settings, folder())


def test_show_prints_plain_text_off_a_terminal():
    result = invoke("show", "patch-mnist", *TINY)
    text = result.stdout
    assert result.exit_code == 0
    assert all(char.isprintable() or char == "\n" for char in text)
    for word in (
        "train",
        "validation",
        "test",
        "0–4",
        "patch",
        "none",
        "P(patch = label) 0.950",
        "3 × 28 × 28",
        "25.0%",
    ):
        assert word in text


def test_show_gives_the_training_environments_with_their_share_of_conflicts():
    small = [*TINY, "--set", "data.environment_noise=[0.4, 0.05]"]
    splits = orjson.loads(invoke("show", "cmnist", *small, "--json").stdout)["splits"]
    assert splits["train"]["environments"] == [
        {"name": "colour noise 40 %", "n": 200, "conflicts": 80, "conflict_share": 0.4},
        {"name": "colour noise 5 %", "n": 200, "conflicts": 10, "conflict_share": 0.05},
    ]
    assert splits["validation"]["environments"] == splits["test"]["environments"] == []
    lines = [line.split() for line in invoke("show", "cmnist", *small).stdout.splitlines()]
    assert ["colour", "noise", "40", "%", "200", "40.0%"] in lines
    assert ["colour", "noise", "5", "%", "200", "5.0%"] in lines
    assert lines.count(["given", "environment", "n", "conflicts"]) == 1
    assert ["given", "environment", "n", "conflicts"] not in [
        line.split() for line in invoke("show", "cmnist", *small, "--split", "test").stdout.splitlines()
    ]


def test_a_data_set_without_environments_shows_none():
    shown = orjson.loads(invoke("show", "patch-mnist", *TINY, "--json").stdout)
    assert [split["environments"] for split in shown["splits"].values()] == [[], [], []]
    assert "given environment" not in invoke("show", "patch-mnist", *TINY).stdout


def test_show_says_that_colours_were_taken_out():
    assert (
        "1 × 14 × 14, uint8, colours merged into one channel"
        in invoke("show", "cmnist", *TINY, "--set", "data.grey=true").stdout
    )
    assert "put into one" not in invoke("show", "cmnist", *TINY).stdout


def test_show_takes_a_preset_on_given_environments():
    shown = orjson.loads(invoke("show", "cmnist-eta05", *TINY, "--json").stdout)
    assert (shown["name"], shown["settings"]["label_noise"]) == ("cmnist", 0.05)


def test_show_one_split_and_write_its_sample(tmp_path):
    path = tmp_path / "sample.png"
    result = invoke("show", "texture-mnist", *TINY, "--split", "test", "--sample", str(path), "--json")
    shown = orjson.loads(result.stdout)
    assert list(shown["splits"]) == ["test"]
    assert shown["sample"] == str(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.height == MARGIN + HEADING + 4 * (56 + GAP) - GAP + MARGIN


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["colord-mnist"], "did you mean 'colored-mnist'"),
        (["colored-mnist", "--set", "data.corelation=0.9"], "did you mean 'data.correlation'"),
        (["colored-mnist", "--set", "data.correlation=2"], "data.correlation = 2"),
        (
            ["cmnist", "--set", "data.environment_noise=[]"],
            "data.environment_noise = []: tuple should have at least 1 item",
        ),
        (["cmnist", "--set", "data.environment_noise=[0.2, 1.5]"], "data.environment_noise = 1.5"),
        (["cmnist", "--set", "data.train_size=55_000"], "together exceed the 60,000 training digits"),
        (["cmnist", "--set", "data.test_size=10_001"], "data.test_size = 10001"),
        (["cmnist", "--set", "data.evaluation=balanced"], "'data.evaluation' does not exist for data.name=cmnist"),
        (
            ["cmnist", "--set", "data.train_size=100", "--set", f"data.environment_noise=[{'0.1,' * 101}]"],
            "100 training images are too few for 101 environments",
        ),
        (
            ["colored-mnist", "--data-root", "/"],
            "--data-root: data set 'colored-mnist' is bundled and needs no folder",
        ),
        (["waterbirds"], "waterbirds is not bundled; pass its folder with --data-root FOLDER or data.root"),
        (["waterbirds", "--data-root", "/nowhere"], "--data-root /nowhere: no such folder"),
        (["waterbirds", "--set", "data.root=/nowhere"], "data.root /nowhere: there is no such folder"),
        (["celeba", "--set", "data.attributes=[Male, Male]"], "data.attributes"),
        (["celeba", "--set", 'data.attributes=["Male", "Male"]'], "attributes: 'Male' occurs twice"),
        (["colored-mnist", "--set", "prune.lr=2"], "--set prune: not a setting of a data set"),
        (
            ["colored-mnist", *TINY, "--sample", "/nowhere/sample.png"],
            "--sample /nowhere/sample.png: cannot be written",
        ),
    ],
)
def test_bad_input_gives_one_sentence(words, sentence):
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        invoke("show", *words)
    assert sentence in str(caught.value)


def test_importing_the_commands_brings_in_typer_alone():
    code = "import sys, prusc_tui.cli.data; print({'numpy', 'pydantic', 'core.config', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
