"""`prusc data` on data sets in folders: what is listed, shown beside what was published, and checked."""

import shutil
import subprocess
import sys

import numpy as np
import orjson
import pytest
from PIL import Image
from typer.testing import CliRunner

from core.data.sample import GAP, HEADING, MARGIN
from core.errors import InputError
from prusc_tui.cli.data import app
from tests.data import photo_lab
from tests.data.photo_lab import edit, write_csv


def invoke(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


def as_json(*words):
    return orjson.loads(invoke(*words, "--json").stdout)


@pytest.fixture(scope="module")
def birds(tmp_path_factory):
    return photo_lab.waterbirds(tmp_path_factory.mktemp("birds"), n=60)


def test_show_reads_the_table_alone(tmp_path):
    root = photo_lab.waterbirds(tmp_path, n=60)
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    shown = as_json("show", "waterbirds", "--data-root", root)
    assert shown["image_shape"] == [3, 224, 224]
    assert shown["fingerprint"] is None
    assert shown["settings"]["root"] == str(root)
    assert shown["table"] == {"file": "metadata.csv", "rows": 60, "notes": []}
    assert [split["n"] for split in shown["splits"].values()] == [36, 12, 12]
    assert [group["n"] for group in shown["splits"]["train"]["groups"]] == [16, 2, 2, 16]
    assert shown["splits"]["train"]["agreement"] == {"place": pytest.approx(32 / 36)}
    assert [group["published"] for group in shown["splits"]["train"]["groups"]] == [3_498, 184, 56, 1_057]
    assert [group["published"] for group in shown["splits"]["validation"]["groups"]] == [467, 466, 133, 133]
    assert [group["published"] for group in shown["splits"]["test"]["groups"]] == [2_255, 2_255, 642, 642]
    assert shown["splits"]["test"]["published"] == 5_794


def test_show_marks_counts_that_are_as_published_and_those_that_are_not(tmp_path):
    sizes = {"0": (3_498, 184, 56, 1_057), "1": (467, 466, 133, 133), "2": (2_255, 2_255, 642, 641)}
    lines = [
        (f"{split}{group}-{i}.jpg", group // 2, group % 2, split)
        for split, counts in sizes.items()
        for group, n in enumerate(counts)
        for i in range(n)
    ]
    write_csv(tmp_path / "metadata.csv", ("img_filename", "y", "place", "split"), lines)
    text = invoke("show", "waterbirds", "--data-root", tmp_path).stdout
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "train 4,795 images, ✓ as published, P(place = label) 0.950" in lines
    assert "landbird water 184 3.8% ✓ as published" in lines
    assert "test 5,793 images, ≠ 5,794 published, P(place = label) 0.500" in lines
    assert "waterbird water 641 11.1% ≠ 642 published" in lines
    assert text.count("✓ as published") == 2 + 11
    assert "label noise" not in text
    assert "seed" not in text
    assert "fingerprint" not in text


def test_groups_of_celeba_stand_beside_the_published_ones_by_name(tmp_path):
    photo_lab.celeba(tmp_path, n=60)
    train = as_json("show", "celeba", "--data-root", tmp_path)["splits"]["train"]
    assert {(group["label"], group["attributes"]["Male"]): group["published"] for group in train["groups"]} == {
        ("not blond", "female"): 71_629,
        ("not blond", "male"): 66_874,
        ("blond", "female"): 22_880,
        ("blond", "male"): 1_387,
    }
    other = as_json("show", "celeba", "--data-root", tmp_path, "--set", "data.target=Young")["splits"]["train"]
    assert other["published"] == 162_770
    assert {group["published"] for group in other["groups"]} == {None}


def test_without_attributes_groups_are_labels(tmp_path):
    photo_lab.plain(tmp_path, n=60, attributes=(), split=False)
    result = invoke("show", "folder", "--data-root", tmp_path)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "train 42 images" in lines
    assert "high 21 50.0%" in lines
    assert "seed 0" in lines
    assert "published" not in result.stdout


def test_agreement_is_given_where_values_go_with_labels(tmp_path):
    lines = [(f"{i}.png", "ab"[i % 2], "xyz"[i % 3], "pq"[i % 2], split) for split in (0, 1, 2) for i in range(12)]
    write_csv(tmp_path / "metadata.csv", ("path", "label", "three", "two", "split"), lines)
    columns = ["--set", 'data.attribute_columns=["three", "two"]', "--set", "data.split_column=split"]
    shown = as_json("show", "folder", "--data-root", tmp_path, *columns)
    assert shown["splits"]["train"]["agreement"] == {"two": 1.0}


def test_a_sample_shows_images_as_networks_see_them_and_grey_where_there_is_none(birds, tmp_path):
    root = shutil.copytree(birds, tmp_path / "birds")
    shown = ["--set", "data.size=48", "--set", "data.stored=64", "--sample", tmp_path / "s.png", "--split", "train"]
    first = (root / "metadata.csv").read_text().splitlines()[1:]
    land = [row.split(",")[1] for row in first if row.split(",")[2:5] == ["0", "0", "0"]]
    (root / land[1]).unlink()
    about = as_json("show", "waterbirds", "--data-root", root, *shown)
    assert about["image_shape"] == [3, 48, 48]
    with Image.open(tmp_path / "s.png") as picture:
        pixels = np.asarray(picture)
    left, side = pixels.shape[1] - MARGIN - 8 * (96 + GAP) + GAP, 96
    top = MARGIN + HEADING
    tiles = [pixels[top : top + side, left + i * (side + GAP) :][:, :side] for i in range(8)]
    with Image.open(root / land[0]) as image:
        whole = image.convert("RGB").resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(tiles[0][::2, ::2], np.asarray(whole)[8:56, 8:56])
    assert (tiles[1] == tiles[1][0, 0]).all()
    assert (tiles[2] != tiles[2][0, 0]).any()


def test_ls_says_which_data_sets_lie_in_a_folder(birds):
    listed = {each["name"]: each for each in as_json("ls", "--data-root", birds)["datasets"]}
    assert listed["waterbirds"]["images"] == 60
    assert listed["waterbirds"]["why_not"] is None
    assert listed["celeba"]["images"] is None
    assert "there is no img_align_celeba" in listed["celeba"]["why_not"]
    assert "images" not in listed["cmnist"]
    text = invoke("ls", "--data-root", birds).stdout
    assert "✓ 60 images" in text
    assert "cmnist" not in text


def test_check_says_that_nothing_is_amiss(birds):
    result = invoke("check", "waterbirds", "--data-root", birds)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"waterbirds  {birds}",
        "60 images opened, 60 rows in metadata.csv",
        "",
        "· few conflict samples (an estimate): 2",
        "  train: 2 images of landbird without place land, and fewer than 10 are hard to find; add some if you can",
        "  train: 2 images of waterbird without place water, and fewer than 10 are hard to find; add some if you can",
        "",
        "✓ no problems found",
    ]
    assert result.stderr == "checking images: 60 of 60\n"


def test_check_lists_problems_kind_by_kind_with_lines_and_leaves_with_1(birds, tmp_path):
    root = shutil.copytree(birds, tmp_path / "birds")
    rows = [line.split(",") for line in (root / "metadata.csv").read_text().splitlines()[1:]]
    for row in rows[:12]:
        (root / row[1]).unlink()
    line = edit(root / "metadata.csv", ",0,0,0,/b", ",0,0,9,/b")
    result = invoke("check", "waterbirds", "--data-root", root)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "✗ unknown attributes: 1" in lines
    assert f"  metadata.csv, line {line}: place '9' is unknown (known: land, water)" in lines
    place = lines.index("✗ missing images: 12")
    assert lines[place + 1] == f"  metadata.csv, line 2: {rows[0][1]}: does not exist"
    assert lines[place + 11] == "  … and 2 more (list all with --json)"
    found = invoke("check", "waterbirds", "--data-root", root, "--json")
    assert found.exit_code == 1
    problems = orjson.loads(found.stdout)["problems"]
    assert [each["line"] for each in problems if each["kind"] == "missing images"] == list(range(2, 14))
    assert {"kind", "file", "line", "text"} == set(problems[0])


def test_check_of_a_wrong_folder_or_of_bundled_data_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"there is no metadata\.csv"):
        invoke("check", "waterbirds", "--data-root", tmp_path)
    with pytest.raises(InputError, match="'patch-mnist' is made of the bundled digits"):
        invoke("check", "patch-mnist")
    done = subprocess.run(
        [sys.executable, "-m", "prusc_tui", "data", "check", "waterbirds", "--data-root", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_text_of_a_table_cannot_move_the_cursor(tmp_path):
    lines = [
        (f"{i}.png", ("a\x1b[2J", "[red]b")[i % 2], "\x1b]0;x\x07"[i % 2 :], s) for s in (0, 1, 2) for i in range(4)
    ]
    write_csv(tmp_path / "metadata.csv", ("path", "label", "hue", "split"), lines)
    columns = ["--set", 'data.attribute_columns=["hue"]', "--set", "data.split_column=split"]
    for command in ("show", "check"):
        text = invoke(command, "folder", "--data-root", tmp_path, *columns).stdout
        assert all(char.isprintable() or char == "\n" for char in text)
    assert "[red]b" in invoke("show", "folder", "--data-root", tmp_path, *columns).stdout
