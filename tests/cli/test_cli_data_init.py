"""From a folder to a run in two commands: `prusc data init`, then `prusc run prusc --data FOLDER`."""

import tomllib
from itertools import product

import numpy as np
import orjson
import pytest
from driver import PHOTOS
from PIL import Image
from typer.testing import CliRunner

from core.errors import InputError
from prusc_tui.cli import init
from prusc_tui.cli.data import app
from tests.data import photo_lab
from tests.data.photo_lab import edit


@pytest.fixture
def folder(tmp_path):
    return photo_lab.plain(tmp_path / "data", n=60)


def run(*words, said=""):
    return CliRunner().invoke(app, list(map(str, words)), input=said, catch_exceptions=False)


def written(path):
    return tomllib.loads((path / "prusc.toml").read_text())


def refused(folder, *words):
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        run("init", "--data-root", folder, *words)
    assert not (folder / "prusc.toml").exists()
    return str(caught.value)


def test_a_folder_is_run_with_nothing_but_its_settings_file(folder, prusc):
    text = (folder / "metadata.csv").read_text().replace("path,label,background,split", "bild;art;grund;teil")
    (folder / "metadata.csv").write_text(text.replace(",", ";").replace("val", "tune"), encoding="utf-16")
    said = prusc("data", "init", "--data-root", str(folder))
    assert said.code == 0, said.err
    assert f"wrote {folder}/prusc.toml" in said.out
    settings = written(folder)
    assert settings["preset"] == "waterbirds-mobilenet"
    assert settings["data"] == {
        "name": "folder",
        "table": "metadata.csv",
        "path_column": "bild",
        "label_column": "art",
        "attribute_columns": ["grund"],
        "split_column": "teil",
        "validation_values": ["tune"],
        "size": 112,
        "stored": 128,
    }
    said = prusc("run", "prusc", "--data", str(folder), *PHOTOS, "--json")
    assert said.code == 0, said.err
    record = orjson.loads(said.out)
    assert record["config"]["data"]["root"] == str(folder)
    assert record["config"]["prune"]["exclude"] == ["first", "depthwise"]
    assert record["config"]["data"]["size"] == 32
    assert record["status"] == "finished"


def test_show_and_check_take_the_folder_too(folder):
    run("init", "--data-root", folder)
    about = orjson.loads(run("show", folder, "--json").stdout)
    assert about["attributes"] == {"background": ["level", "upright"]}
    assert about["settings"]["size"] == 112
    assert "✓ no problems found" in run("check", folder).stdout


def test_class_folders_and_a_settings_file_elsewhere(folder, tmp_path):
    for number, line in enumerate((folder / "metadata.csv").read_text().splitlines()[1:]):
        path, label, _, split = line.split(",")
        target = tmp_path / "classes" / split / label / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / path).rename(target)
    result = run("init", "--data-root", tmp_path / "classes", "--to", tmp_path / "my.toml")
    assert "folders named by class, 60 rows" in result.stdout
    assert f"prusc run prusc --data {tmp_path}/my.toml" in result.stdout
    settings = tomllib.loads((tmp_path / "my.toml").read_text())["data"]
    assert (settings["root"], settings["table"], settings["label_column"]) == (f"{tmp_path}/classes", "", "folder 2")
    shown = orjson.loads(run("show", tmp_path / "my.toml", "--json").stdout)
    assert [shown["splits"][name]["n"] for name in ("train", "validation", "test")] == [36, 12, 12]


def test_near_duplicates_in_class_folders_are_named_by_their_paths(tmp_path):
    random = np.random.default_rng(0)
    for split, label, number in product(("train", "val", "test"), "ab", range(4)):
        target = tmp_path / split / label / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((64, 64)).save(target)
    with Image.open(tmp_path / "train/a/0.png") as image:
        image.resize((50, 50)).save(tmp_path / "test/a/small.png")
    run("init", "--data-root", tmp_path)
    said = " ".join(run("check", tmp_path, "--near-duplicates").stdout.split())
    assert "test/a/small.png (test) looks like train/a/0.png (train); look at both, and keep one" in said


def test_a_published_layout_is_recognised(tmp_path):
    photo_lab.waterbirds(tmp_path, n=40)
    result = run("init", "--data-root", tmp_path)
    assert "· has the layout of waterbirds" in result.stdout
    assert "landbird" in result.stdout
    assert written(tmp_path)["data"]["name"] == "waterbirds"
    assert orjson.loads(run("show", tmp_path, "--json").stdout)["name"] == "waterbirds"


def test_doubts_are_printed_with_the_option_that_answers_them(folder):
    edit(folder / "metadata.csv", "path,label,background,split", "path,one,two,split")
    (folder / "metadata.csv").write_text((folder / "metadata.csv").read_text().replace("val", "tune"))
    lines = run("init", "--data-root", folder).stdout.splitlines()
    assert "? which column is the label? Taken: one" in lines
    assert lines[lines.index("? which column is the label? Taken: one") + 1].strip() == (
        "change it with --label COLUMN --overwrite"
    )
    flags = ("--overwrite", "--label", "two", "--attribute", "none", "--map", "tune=test", "--map", "test=ignore")
    about = orjson.loads(run("init", "--data-root", folder, *flags, "--json").stdout)
    assert about["settings"]["label_column"] == "two"
    assert about["settings"]["test_values"] == ["tune"]
    assert about["settings"]["ignored_splits"] == ["test"]
    assert about["settings"]["validation_share"] == 0.15
    assert [doubt["option"] for doubt in about["doubts"]] == ["--validation-share SHARE"]


def test_on_a_terminal_doubts_are_asked_until_the_answers_are_valid(folder, monkeypatch):
    monkeypatch.setattr(init, "on_terminal", lambda: True)
    edit(folder / "metadata.csv", "path,label,background,split", "path,one,two,split")
    (folder / "metadata.csv").write_text((folder / "metadata.csv").read_text().replace("val", "tune"))
    result = run("init", "--data-root", folder, said="three\nTWO\nnone\nnever\n\n")
    assert "'three' is not a choice" in result.stdout
    assert "'never' is not a choice" in result.stdout
    data = written(folder)["data"]
    assert data["label_column"] == "two"
    assert "attribute_columns" not in data
    assert data["validation_values"] == ["tune"]


def test_enter_takes_what_is_proposed_even_if_it_is_called_none(folder, monkeypatch):
    monkeypatch.setattr(init, "on_terminal", lambda: True)
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text.replace(",low,", ",none,", 5))
    assert "some labels are missing or uncertain: 5 are 'none'" in run("init", "--data-root", folder, said="\n").stdout
    assert written(folder)["data"]["ignored_labels"] == ["none"]


def test_what_is_printed_can_be_pasted_into_a_shell(tmp_path):
    folder = photo_lab.plain(tmp_path / "my data", n=60)
    with pytest.raises(InputError, match=r"write it with: prusc data init --data-root '/.*/my data'\Z"):
        run("show", folder)
    (folder / "metadata.csv").write_text((folder / "metadata.csv").read_text().replace("val", "my val"))
    lines = run("init", "--data-root", folder).stdout.splitlines()
    assert "  change it with --map 'my val=SPLIT' --overwrite" in lines
    assert f"to start a run:       prusc run prusc --data '{folder}'" in lines


def test_of_many_problems_of_one_kind_a_few_are_listed_and_the_others_counted(folder):
    rows = [(path, number % 4) for number, path in enumerate(sorted((folder / "images").rglob("*.png")))]
    lines = [(path.relative_to(folder), f"class {label}", f"place {label}") for path, label in rows]
    photo_lab.write_csv(folder / "metadata.csv", ("path", "label", "place"), lines)
    lines = run("init", "--data-root", folder, "--attribute", "place").stdout.splitlines()
    empty = [line for line in lines if "no image of" in line]
    assert len(empty) == 3
    assert "! … and 33 more like this (list them with: prusc data check)" in lines  # 3 splits × 4 × 3 empty groups


def test_what_a_table_has_in_it_is_shown_as_text_in_a_question_too(folder, monkeypatch):
    monkeypatch.setattr(init, "on_terminal", lambda: True)
    edit(folder / "metadata.csv", "path,label,background,split", "path,one\x1b[2J,two,split")
    result = run("init", "--data-root", folder, said="\n\n\n")
    assert r"one\x1b[2J" in result.stdout
    assert "\x1b" not in result.stdout
    assert written(folder)["data"]["label_column"] == "one\x1b[2J"


def test_what_makes_a_run_useless_is_said_before_it(folder):
    text = (folder / "metadata.csv").read_text().replace("low,level,train", "low,upright,train")
    (folder / "metadata.csv").write_text(text.replace("high,upright,train", "high,level,train"))
    lines = run("init", "--data-root", folder).stdout.splitlines()
    assert any(line.startswith("! train: every value of background occurs with one label only") for line in lines)


def test_bad_input_writes_nothing(folder, tmp_path):
    line = edit(folder / "metadata.csv", ",low,", ",low,x,")
    assert refused(folder).startswith(f"{folder}/metadata.csv, line {line}: has 5 columns, but there are 4 headings")
    edit(folder / "metadata.csv", ",low,x,", ",low,")
    assert refused(folder, "--label", "lable").startswith("label 'lable': is not among")
    assert refused(folder, "--map", "learn").startswith("--map learn: expected VALUE=SPLIT")
    assert refused(folder, "--preset", "waterbird").startswith("unknown preset 'waterbird'")
    (folder / "metadata.csv").write_text((folder / "metadata.csv").read_text().replace("val", "blau"))
    text = (folder / "metadata.csv").read_text().replace("test", "grau")
    (folder / "metadata.csv").write_text(text)
    assert refused(folder).endswith("Say so with --map blau=SPLIT")
    assert refused(folder, "--to", tmp_path / "no" / "x.toml", "--map", "blau=validation", "--map", "grau=test")


def test_all_problems_are_listed_before_there_is_a_settings_file(folder):
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text.replace(",level,", ",,", 3).replace("path,label", "path,art"))
    said = refused(folder, "--attribute", "background")
    assert said.endswith("fill it in, or remove the row (2 more; all of them: prusc data check)")
    result = run("check", folder, "--set", 'data.attribute_columns=["background"]')
    assert result.exit_code == 1
    assert "there is no prusc.toml, so the table is read as 'prusc data init' proposes" in result.stdout
    assert "✗ unknown attributes: 3" in result.stdout
    assert "60 images opened, 60 rows in metadata.csv" in result.stdout
    assert not (folder / "prusc.toml").exists()
    with pytest.raises(InputError, match=r"there is no prusc\.toml"):
        run("show", folder)


def test_an_existing_file_is_kept_unless_it_is_to_be_replaced(folder):
    (folder / "prusc.toml").write_text("mine")
    with pytest.raises(InputError, match=r"prusc\.toml: exists already; edit it, or replace it with --overwrite"):
        run("init", "--data-root", folder)
    assert (folder / "prusc.toml").read_text() == "mine"
    run("init", "--data-root", folder, "--overwrite")
    assert written(folder)["data"]["label_column"] == "label"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no prusc.toml; write it with: prusc data init --data-root"),
        ("[data", "prusc.toml: is not valid TOML"),
        ("preset = 'demo'", "prusc.toml: has no section [data]"),
        ("[data]\nname = 'folder'\nlable = 1", "prusc.toml: unknown key 'data.lable'; did you mean"),
        ("preset = 'dmo'\n[data]\nname = 'folder'", "unknown preset 'dmo'; did you mean 'demo'?"),
    ],
)
def test_a_settings_file_that_cannot_be_used_is_a_sentence(folder, content, sentence):
    if content is not None:
        (folder / "prusc.toml").write_text(content)
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        run("show", folder)
    assert sentence in str(caught.value)
