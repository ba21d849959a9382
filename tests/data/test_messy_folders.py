"""Folders as they come from other computers, competitions and colleagues are read as they are meant, or refused."""

import os
from unicodedata import normalize

import pandas as pd
import pytest
from PIL import Image

from core.data import table as table_module
from core.data.folder_look import FolderLook
from core.data.sets.folder import Folder
from core.data.table import examine, read_table
from core.errors import InputError
from tests.data.photo_lab import folder_of, write_csv


def images(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(folder / path)


def read(folder, proposal):
    return read_table(Folder(root=str(folder), **{k: v for k, v in proposal.settings.items() if k != "name"}))


def refused(folder, answers=None):
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        FolderLook(folder).propose(answers)
    return str(caught.value)


def test_class_folders_hold_images_of_any_kind_and_other_files_are_counted(tmp_path):
    kinds = ("JPG", "webp", "gif", "bmp", "tiff", "ppm", "pgm", "jpeg", "png")
    images(tmp_path, *(f"{label}/a b, ü.{kind}" for label in ("_other", "cat") for kind in kinds))
    for path in ("cat/.DS_Store", "cat/._a.png", "cat/Thumbs.db", "cat/b.heic", "cat/c.HEIC", "README.md"):
        (tmp_path / path).touch()
    images(tmp_path, "__MACOSX/cat/a.png", ".git/cat/a.png")
    proposal = FolderLook(tmp_path).propose()
    assert proposal.seen[1].values == {"_other": 9, "cat": 9}
    assert "files that are not images are not read: 2 .heic, 1 .db" in proposal.notes
    assert read(tmp_path, proposal).label_names == ("_other", "cat")


def test_a_table_without_headings_is_a_sentence_and_loses_no_row(tmp_path):
    rows = [(f"img/{i}.png", "ab"[i % 2]) for i in range(12)]
    images(tmp_path, *(path for path, _ in rows))
    write_csv(tmp_path / "t.csv", rows[0], rows[1:])
    assert refused(tmp_path) == (
        f"{tmp_path}/t.csv, line 1: names the image 'img/0.png' where the headings should be; "
        "add a first line such as path,label"
    )


@pytest.mark.parametrize("start", ["/home/eve/birds/img/", "C:\\birds\\img\\", "wrong/"])
@pytest.mark.parametrize("ending", ["png", "PNG"])
def test_paths_of_another_computer_are_compared_with_those_that_are_there(tmp_path, start, ending):
    images(tmp_path, *(f"img/{i}.png" for i in range(4)))
    write_csv(tmp_path / "t.csv", ("file", "label"), [(f"{start}{i}.{ending}", i % 2) for i in range(4)])
    sentence = (
        f"{tmp_path}/t.csv: column 'file' has '{start}0.{ending}', but the image is 'img/0.png'; correct the paths"
    )
    assert refused(tmp_path) == sentence
    assert refused(tmp_path, {"table": ("t.csv",), "path": ("file",)}) == sentence


def test_a_table_of_a_few_of_the_images_says_how_many_are_there(tmp_path):
    images(tmp_path, *(f"{i}.png" for i in range(4)))
    write_csv(tmp_path / "t.csv", ("file", "label"), [(f"{i}.png", i % 2) for i in range(20)])
    assert "t.csv: only 20% of the paths in column 'file' are images in this folder; name the" in refused(tmp_path)
    proposal = FolderLook(tmp_path).propose({"table": ("t.csv",), "path": ("file",)})
    assert proposal.settings["path_column"] == "file"


@pytest.mark.parametrize("spelling", ["{}", "{}.0"])
def test_numbers_that_a_spreadsheet_has_made_of_names_are_taken_for_them(tmp_path, spelling):
    rows = [(spelling.format(i), i % 2, i // 2 % 2) for i in range(1, 120)]
    images(tmp_path, *(f"img/{i:03d}.jpg" for i in range(1, 120)))
    write_csv(tmp_path / "t.csv", ("image_id", "label", "place"), rows)
    proposal = FolderLook(tmp_path).propose()
    assert (proposal.settings["path_column"], proposal.settings["images"]) == ("image_id", "img")
    assert proposal.doubts == ()
    table = read(tmp_path, proposal)
    assert table.paths == tuple(f"img/{i:03d}.jpg" for i in range(1, 120))
    assert f"image_id: files have other names than here, such as 'img/001.jpg' for 'img/{rows[0][0]}'" in table.notes
    images(tmp_path, "img/1.jpg", "img/02.jpg", "img/0002.jpg")
    table = read(tmp_path, proposal)
    assert table.paths[0] == "img/1.jpg"  # the name itself comes first
    assert table.paths[1] == f"img/{rows[1][0]}"  # of several, none is guessed


def test_numbers_of_classes_are_not_taken_for_images(tmp_path):
    images(tmp_path, *(f"{label}/{i:03d}.png" for label in ("cat", "dog") for i in range(1, 9)))
    write_csv(tmp_path / "classes.csv", ("id", "name"), [(1, "cat"), (2, "dog")])
    proposal = FolderLook(tmp_path).propose()
    assert proposal.source == ""
    assert proposal.seen[1].values == {"cat": 8, "dog": 8}


@pytest.mark.parametrize(("disk", "listed"), [("NFD", "NFC"), ("NFC", "NFD")])
@pytest.mark.parametrize("ending", ["", ".png"])
def test_letters_with_accents_are_the_same_in_both_forms_of_unicode(tmp_path, disk, listed, ending):
    names = [f"Möwen/Käfer, {i}" for i in range(40)]
    images(tmp_path, *(normalize(disk, f"bilder/{name}.png") for name in names))
    rows = [(normalize(listed, name) + ending, "ab"[i % 2]) for i, name in enumerate(names)]
    write_csv(tmp_path / "t.csv", ("path", "label"), rows)
    proposal = FolderLook(tmp_path).propose()
    assert proposal.settings["images"] == "bilder"
    table = read(tmp_path, proposal)
    assert all((tmp_path / path).is_file() for path in table.paths)


def test_a_table_in_a_subfolder_may_name_images_beside_it(tmp_path):
    images(tmp_path, *(f"img/{i}.png" for i in range(40)))
    write_csv(tmp_path / "meta/t.csv", ("path", "label"), [(f"../img/{i}.png", "ab"[i % 2]) for i in range(40)])
    proposal = FolderLook(tmp_path).propose()
    assert "images" not in proposal.settings
    assert read(tmp_path, proposal).paths == tuple(f"img/{i}.png" for i in range(40))
    write_csv(tmp_path / "meta/t.csv", ("path", "label"), [(f"../../{i}.png", "ab"[i % 2]) for i in range(40)])
    with pytest.raises(InputError, match=r"t\.csv, line 2: '\.\./0\.png' leaves the folder of the data set"):
        read(tmp_path, proposal)


def test_absolute_paths_count_from_the_folder_behind_a_link(tmp_path):
    images(tmp_path / "data", *(f"img/{i}.png" for i in range(40)))
    (tmp_path / "link").symlink_to(tmp_path / "data")
    rows = [(f"{(tmp_path / 'data').resolve()}/img/{i}.png", "ab"[i % 2]) for i in range(40)]
    write_csv(tmp_path / "data/t.csv", ("path", "label"), rows)
    proposal = FolderLook(tmp_path / "link").propose()
    assert read(tmp_path / "link", proposal).paths == tuple(f"img/{i}.png" for i in range(40))


def test_a_label_of_hundreds_of_classes_is_recognised_and_a_coordinate_is_not(tmp_path):
    rows = [(f"{i}.png", i % 37, f"class {i % 150}", i % 120, ("train", "val", "test")[i // 150]) for i in range(450)]
    images(tmp_path, *(row[0] for row in rows))
    write_csv(tmp_path / "t.csv", ("path", "weight", "class", "y", "split"), rows)
    proposal = FolderLook(tmp_path).propose()
    assert proposal.settings["label_column"] == "class"
    assert proposal.doubts == ()
    assert len(read(tmp_path, proposal).label_names) == 150


def test_an_index_is_taken_neither_for_the_path_nor_for_the_label(tmp_path):
    rows = [(i, f"{39 - i}.png", "ab"[i % 2]) for i in range(41)]  # one image is missing
    images(tmp_path, *(row[1] for row in rows[:40]), "40.png")
    write_csv(tmp_path / "t.csv", ("Unnamed: 0", "path", "kind"), rows)
    settings = FolderLook(tmp_path).propose().settings
    assert (settings["path_column"], settings["label_column"]) == ("path", "kind")


def test_test_images_without_labels_are_left_out_and_the_others_split(tmp_path):
    images(tmp_path, *(f"train/{label}/{i}.png" for label in ("cat", "dog") for i in range(20)), "test/1.png")
    proposal = FolderLook(tmp_path).propose()
    assert proposal.settings["ignored_labels"] == ("",)
    assert proposal.settings["split_column"] == ""
    assert "column 'folder 1' is not used, as all rows with a label are 'train'" in proposal.notes
    table = read(tmp_path, proposal)
    assert len(table) == 40
    assert set(table.splits.tolist()) == {0, 1, 2}
    images(tmp_path, *(f"val/{label}/{i}.png" for label in ("cat", "dog") for i in range(4)))
    proposal = FolderLook(tmp_path).propose({"split val": ("test",), "validation share": ("0.2",)})
    table = read(tmp_path, proposal)
    assert [(table.splits == number).sum() for number in range(3)] == [32, 8, 8]


def test_values_that_differ_only_in_case_are_noted(tmp_path):
    rows = [
        (f"{i}.png", ("TRUE", "False", "True")[i % 3], "xX"[i % 2], ("Train", "val", "TEST")[i // 6 % 3])
        for i in range(60)
    ]
    images(tmp_path, *(row[0] for row in rows))
    write_csv(tmp_path / "t.csv", ("path", "label", "place", "split"), rows)
    proposal = FolderLook(tmp_path).propose({"label": ("label",), "attributes": ("place",)})
    expected = {
        "label: 'TRUE', 'True' differ only in case, but are 2 values; write them alike",
        "place: 'X', 'x' differ only in case, but are 2 values; write them alike",
    }
    assert expected == {note for note in proposal.notes if "in case" in note}
    assert expected == set(read(tmp_path, proposal).notes)


@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_excels_first_line_and_any_line_ends_are_read(tmp_path, separator, end):
    rows = [("path", "label"), *((f"{i}.png", "ab"[i % 2]) for i in range(40))]
    text = "".join(separator.join(row) + end for row in rows)
    (tmp_path / "metadata.csv").write_bytes(text.encode())
    plain = read_table(Folder(root=str(tmp_path)))
    assert (plain.paths, plain.lines[0]) == (tuple(row[0] for row in rows[1:]), 2)
    (tmp_path / "metadata.csv").write_bytes(f"sep={separator}{end}{text}".encode())
    table = read_table(Folder(root=str(tmp_path)))
    assert (table.paths, table.lines[0]) == (plain.paths, 3)


def test_parquet_with_an_index_and_with_images_in_it(tmp_path):
    frame = pd.DataFrame({"path": [f"{i}.png" for i in range(40)], "label": ["a", "b"] * 20})
    images(tmp_path, *frame.path)
    frame["image"] = [{"bytes": b"x", "path": "x"}] * 40
    frame["raw"] = [b"x"] * 40
    for table in (frame[frame.label.notna()].iloc[::-1], frame.set_index("path")):
        table.to_parquet(tmp_path / "t.parquet")
        proposal = FolderLook(tmp_path).propose()
        assert set(proposal.columns) == {"path", "label"}
        assert sorted(read(tmp_path, proposal).paths) == sorted(frame.path)
    with pytest.raises(InputError, match="column 'image' has lists, structures or bytes, not values"):
        read_table(Folder(root=str(tmp_path), table="t.parquet", attribute_columns=("image",)))


def test_names_of_files_that_are_not_utf_8_are_a_sentence(tmp_path):
    images(tmp_path, *(f"{label}/{i}.png" for label in ("cat", "dog") for i in range(8)))
    os.rename(os.fsencode(tmp_path / "cat/1.png"), os.fsencode(tmp_path) + b"/cat/K\xe4fer.png")  # noqa: PTH104
    proposal = FolderLook(tmp_path).propose()
    with pytest.raises(InputError, match=r"cat/K.fer\.png: its name is not in UTF-8; rename the file"):
        read(tmp_path, proposal)


def test_the_nearest_word_is_looked_for_once_for_all_rows(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(table_module, "nearest", lambda text, known: asked.append(text) or "")
    rows = [(f"{i}.png", "ab"[i % 2], "blau") for i in range(500)]
    settings = folder_of(tmp_path, ("path", "label", "split"), rows, split_column="split")
    _, problems = examine(settings.draft())
    assert sum(problem.kind == "unknown splits" for problem in problems) == 500
    assert asked == ["blau"]
