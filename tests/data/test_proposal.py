"""A look at a folder proposes how to read it, says what it is unsure of, and takes answers."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.data.columns import Column, as_texts
from core.data.folder_look import FolderLook
from core.data.roles import Values, meanings
from core.data.sets.folder import Folder
from core.data.table import read_table
from core.errors import InputError
from tests.data import photo_lab
from tests.data.photo_lab import write_csv


@pytest.fixture
def folder(tmp_path):
    return photo_lab.plain(tmp_path / "data", n=60)


def rewrite(folder, change, name="metadata.csv", encoding="utf-8"):
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").unlink()
    (folder / name).write_text(change(text), encoding=encoding)


def images(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / path)


def table_of(folder, headings, rows, name="t.csv"):
    write_csv(folder / name, headings, rows)
    images(folder, *(str(row[0]) for row in rows if row[0]))
    return FolderLook(folder)


def guesses(proposal):
    return {doubt.key: doubt.guess for doubt in proposal.doubts}


def test_usual_headings_leave_no_doubt(folder):
    proposal = FolderLook(folder).propose()
    assert proposal.doubts == ()
    assert proposal.settings == {
        "name": "folder",
        "table": "metadata.csv",
        "path_column": "path",
        "label_column": "label",
        "attribute_columns": ("background",),
        "split_column": "split",
    }
    assert (proposal.source, proposal.rows) == ("metadata.csv", 60)
    assert [(seen.role, seen.column) for seen in proposal.seen] == [
        ("path", "path"),
        ("label", "label"),
        ("attribute", "background"),
        ("split", "split"),
    ]
    assert sum(proposal.seen[1].values.values()) == 60
    assert set(proposal.seen[3].values) == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("name", "separator", "encoding"),
    [("a.csv", ",", "utf-8-sig"), ("b.csv", ";", "latin-1"), ("c.tsv", "\t", "utf-16")],
)
def test_any_separator_encoding_and_names_of_columns_are_proposed_so_that_the_table_is_the_same(
    folder, name, separator, encoding
):
    expected = read_table(Folder(root=str(folder), attribute_columns=("background",), split_column="split"))

    def foreign(text):
        for old, new in {"path,label,background,split": "Bild,Höhe,Grund,Teil", "images/": "", "val": "tune"}.items():
            text = text.replace(old, new)
        return text.replace("train", "learn").replace("test", "final").replace(",", separator)

    rewrite(folder, foreign, name, encoding)
    proposal = FolderLook(folder).propose()
    assert guesses(proposal) == {
        "label": ("Höhe",),
        "attributes": ("Grund",),
        "split learn": ("train",),
        "split tune": ("validation",),
        "split final": ("test",),
    }
    assert proposal.settings["images"] == "images"
    table = read_table(Folder(root=str(folder), **{k: v for k, v in proposal.settings.items() if k != "name"}))
    assert table.paths == expected.paths
    assert (table.labels == expected.labels).all()
    assert (table.attributes == expected.attributes).all()
    assert (table.splits == expected.splits).all()


def test_parquet_and_a_table_in_a_subfolder(tmp_path):
    photo_lab.plain(tmp_path / "a", n=40, table="t.parquet")
    assert FolderLook(tmp_path / "a").propose().settings["table"] == "t.parquet"
    photo_lab.plain(tmp_path / "b", n=40, table="meta/t.csv")
    settings = FolderLook(tmp_path / "b").propose().settings
    assert settings["table"] == "meta/t.csv"
    assert "images" not in settings


def test_answers_overrule_guesses_and_leave_no_doubt(folder):
    rewrite(folder, lambda text: text.replace("path,label,background,split", "p,one,two,part").replace("val", "tune"))
    look = FolderLook(folder)
    assert guesses(look.propose())["label"] == ("one",)
    proposal = look.propose({"label": ("two",), "attributes": (), "split tune": ("ignore",)})
    assert proposal.settings["label_column"] == "two"
    assert "attribute_columns" not in proposal.settings
    assert proposal.settings["ignored_splits"] == ("tune",)
    assert proposal.settings["validation_share"] == 0.15
    assert guesses(proposal) == {"validation share": ("0.15",)}
    settings = look.propose({"split": ()}).settings
    assert settings["split_column"] == ""


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"label": ("lable",)}, "label 'lable': is not among label, background, split; did you mean 'label'?"),
        ({"path": ("background",)}, "column 'background' names no image in this folder"),
        (
            {"split train": ("trian",)},
            "train=trian: 'trian' is not among train, validation, test, ignore; did you mean",
        ),
        ({"split learn": ("train",)}, "learn=train: column 'split' has no 'learn' ("),
        ({"table": ("no.csv",)}, "no.csv: cannot be read (No such file or directory)"),
    ],
)
def test_answers_that_do_not_fit_are_sentences(folder, answers, sentence):
    with pytest.raises(InputError) as caught:
        FolderLook(folder).propose(answers)
    assert sentence in str(caught.value)


def test_a_folder_that_has_nothing_to_read_is_a_sentence(tmp_path, folder):
    for root, sentence in ((tmp_path / "no", "there is no such folder"), (folder / "metadata.csv", "is not a folder")):
        with pytest.raises(InputError, match=sentence):
            FolderLook(root)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"has no images \(\.jpg, "):
        FolderLook(tmp_path / "empty").propose()
    images(tmp_path / "empty", "a.png", "b.png")
    with pytest.raises(
        InputError, match=r"has 2 images, but no table \(\.csv, .*write a CSV with the columns path and"
    ):
        FolderLook(tmp_path / "empty").propose()
    write_csv(tmp_path / "empty" / "t.csv", ("path", "label"), [("c.png", "x")])
    with pytest.raises(InputError, match=r"t\.csv: no column has paths of images in this folder \(path, label\); name"):
        FolderLook(tmp_path / "empty").propose()
    (tmp_path / "empty" / "t.csv").write_text("path,label\na.png\n")
    with pytest.raises(InputError, match=r"t\.csv, line 2: has 1 columns, but there are 2 headings"):
        FolderLook(tmp_path / "empty").propose()


def test_of_several_tables_the_one_that_lists_images_is_taken_and_of_two_such_the_longer_is_guessed(folder):
    write_csv(folder / "colours.csv", ("name", "hex"), [("red", "ff0000")])
    assert FolderLook(folder).propose().doubts == ()
    lines = (folder / "metadata.csv").read_text().splitlines()
    (folder / "few.csv").write_text("\n".join(lines[:20]))
    proposal = FolderLook(folder).propose()
    assert guesses(proposal) == {"table": ("metadata.csv",)}
    assert proposal.doubts[0].choices == ("few.csv", "metadata.csv")
    assert FolderLook(folder).propose({"table": ("few.csv",)}).rows == 19


@pytest.mark.parametrize(
    ("paths", "label", "split"),
    [
        (["cat/1.png", "cat/2.png", "dog/1.png"], "folder 1", ""),
        (["all/cat/1.png", "all/cat/2.png", "all/dog/1.png"], "folder 2", ""),
        (["train/cat/1.png", "train/dog/2.png", "val/cat/1.png", "test/dog/1.png"], "folder 2", "folder 1"),
        (["cat/learn/1.png", "dog/learn/2.png", "cat/tune/1.png", "dog/final/1.png"], "folder 1", "folder 2"),
    ],
)
def test_folders_named_by_class_are_the_labels_with_split_folders_above_or_below(tmp_path, paths, label, split):
    images(tmp_path, *paths)
    proposal = FolderLook(tmp_path).propose()
    assert proposal.source == ""
    assert proposal.settings["label_column"] == label
    assert proposal.settings["split_column"] == split
    assert "label" not in guesses(proposal)
    assert proposal.seen[1].values == {"cat": 2, "dog": len(paths) - 2}


def test_a_third_level_of_folders_is_guessed_to_be_an_attribute(tmp_path):
    classes = ["cat/in", "cat/in", "cat/in", "cat/out", "dog/out", "dog/out", "dog/out", "dog/in"]
    images(tmp_path, *(f"{split}/{c}/{i}.png" for split in ("train", "val", "test") for i, c in enumerate(classes)))
    proposal = FolderLook(tmp_path).propose()
    assert guesses(proposal) == {"label": ("folder 2",), "attributes": ("folder 3",)}
    assert "folder 3 0.50" in proposal.doubts[1].question


@pytest.mark.parametrize(
    ("words", "given", "expected", "unsure"),
    [
        ("train val test", {}, "train validation test", ""),
        ("Train Dev testing", {}, "train validation test", ""),
        ("0 1 2", {}, "train validation test", ""),
        ("learn tune final", {}, "train validation test", "learn tune final"),
        ("train val eval", {}, "train validation test", "eval"),
        ("train eval test", {}, "train validation test", "eval"),
        ("train val holdout", {}, "train validation test", "holdout"),
        ("train valid blau", {}, "train validation test", "blau"),
        ("train test blau grau", {}, "train test - -", "blau grau"),
        ("train val test extra", {}, "train validation test ignore", "extra"),
        ("0 1 2 3 4", {}, "train train train validation test", "0 1 2 3 4"),
        ("1 2 3", {}, "train validation test", "1 2 3"),
        ("10 9 8", {}, "test validation train", "10 9 8"),
        ("train val", {}, "train test", "val"),
        ("train val", {"val": "validation"}, "train validation", ""),
        ("0 1 2 3", {"3": "train", "0": "test"}, "test train validation train", "1 2"),
    ],
)
def test_words_of_a_split_column_are_known_guessed_or_asked_for(words, given, expected, unsure):
    found = meanings(words.split(), given)
    assert " ".join(meaning.split or "-" for meaning in found.values()) == expected
    assert [value for value, meaning in found.items() if not meaning.sure] == unsure.split()


def test_a_table_without_validation_or_without_splits_gets_drawn_ones(tmp_path):
    rows = [(f"{i}.png", "xy"[i % 2], ("train", "test")[i // 2 % 2]) for i in range(40)]
    proposal = table_of(tmp_path, ("path", "label", "split"), rows).propose()
    assert guesses(proposal) == {"validation share": ("0.15",)}
    assert FolderLook(tmp_path).propose({"validation share": ("0.3",)}).settings["validation_share"] == 0.3
    with pytest.raises(InputError, match="validation share '2': expected a number between 0 and 1"):
        FolderLook(tmp_path).propose({"validation share": ("2",)})
    proposal = table_of(tmp_path, ("path", "label"), [row[:2] for row in rows]).propose()
    assert proposal.doubts == ()
    assert "are drawn at random" in " ".join(proposal.notes)


def test_an_answer_in_another_case_is_the_only_column_that_it_fits(tmp_path):
    rows = [(f"{i}.png", "ab"[i % 2], "cd"[i // 2 % 2]) for i in range(20)]
    proposal = table_of(tmp_path, ("Path", "Label", "Ground"), rows).propose(
        {"label": ("LABEL",), "attributes": ("ground",)}
    )
    assert proposal.settings["label_column"] == "Label"
    assert proposal.settings["attribute_columns"] == ("Ground",)
    both = table_of(tmp_path, ("Path", "Label", "LABEL"), rows)
    assert both.propose({"label": ("LABEL",)}).settings["label_column"] == "LABEL"
    with pytest.raises(InputError, match="label 'label': is not among"):
        both.propose({"label": ("label",)})


def test_missing_and_uncertain_labels_are_left_out_if_nobody_objects(tmp_path):
    rows = [(f"{i}.png", ("0", "1", "", "-1", "NaN")[i % 5]) for i in range(50)]
    look = table_of(tmp_path, ("path", "label"), rows)
    proposal = look.propose()
    assert guesses(proposal) == {"ignore": ("", "NaN", "-1")}
    assert "10 are empty" in proposal.doubts[0].question
    assert "10 are '-1'" in proposal.doubts[0].question
    assert look.propose({"ignore": ("",)}).settings["ignored_labels"] == ("",)
    words = table_of(tmp_path, ("path", "label"), [(f"{i}.png", ("low", "-1", "high")[i % 3]) for i in range(30)])
    assert guesses(words.propose()) == {"ignore": ("-1",)}
    signs = table_of(tmp_path, ("path", "label"), [(f"{i}.png", (-1, 1)[i % 2]) for i in range(20)])
    assert signs.propose().doubts == ()


def test_columns_that_give_the_label_away_or_have_many_values_are_not_proposed_as_attributes(tmp_path):
    headings = ("path", "label", "name", "group", "age", "place", "id")
    rows = [
        (f"{i}.png", i % 2, ("cat", "dog")[i % 2], 2 * (i % 2) + i // 2 % 2, i % 37, "ab"[i // 4 % 2], i)
        for i in range(80)
    ]
    proposal = table_of(tmp_path, headings, rows).propose()
    assert proposal.settings["attribute_columns"] == ("place",)
    assert [note.split()[1] for note in proposal.notes if "gives the label away" in note] == ["'name'", "'group'"]


def test_association_is_that_of_the_contingency_table():
    def values(name, texts):
        return Values.of(Column(name, "t", np.arange(len(texts)), as_texts(texts)))

    a = values("a", list("xxxxyyyy"))
    assert a.association(a) == pytest.approx(1)
    assert a.association(values("b", list("ppqqppqq"))) == pytest.approx(0)
    b = values("b", list("pppqqqqp"))
    agree = pd.crosstab(a.codes, b.codes).to_numpy()
    phi = (agree[0, 0] * agree[1, 1] - agree[0, 1] * agree[1, 0]) / 16  # all margins are 4
    assert a.association(b) == pytest.approx(abs(phi))
