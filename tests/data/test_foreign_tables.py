"""Tables as other programs write them are read as they are meant, and what was not literal is noted."""

import pytest

from core.data.sets.celeba import Celeba
from core.data.sets.folder import Folder
from core.data.table import read_table
from tests.data import photo_lab
from tests.data.photo_lab import edit, folder_of, refused, write_csv

PLAIN = {"attribute_columns": ("background",), "split_column": "split"}


@pytest.fixture
def folder(tmp_path):
    return photo_lab.plain(tmp_path / "data", n=40)


@pytest.fixture
def expected(folder):
    return read_table(Folder(root=str(folder), **PLAIN))


def same(table, expected):
    columns = ("paths", "label_names", "attribute_values")
    assert all(getattr(table, name) == getattr(expected, name) for name in columns)
    assert (table.labels == expected.labels).all()
    assert (table.attributes == expected.attributes).all()
    assert (table.splits == expected.splits).all()


def rewritten(folder, change, encoding="utf-8"):
    path = folder / "metadata.csv"
    path.write_bytes(change(path.read_text()).encode(encoding))
    return read_table(Folder(root=str(folder), **PLAIN))


@pytest.mark.parametrize("separator", [";", "\t"])
def test_semicolons_and_tabs_separate_as_commas_do(folder, expected, separator):
    table = rewritten(folder, lambda text: text.replace(",", separator))
    same(table, expected)
    assert table.lines.tolist() == expected.lines.tolist()


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8-sig", ()),
        ("utf-16", ("metadata.csv: is read as UTF-16",)),
        ("utf-16-le", ("metadata.csv: is read as UTF-16",)),
        ("utf-16-be", ("metadata.csv: is read as UTF-16",)),
    ],
)
def test_tables_in_other_encodings_are_read_and_noted(folder, expected, encoding, note):
    table = rewritten(folder, str, encoding)
    same(table, expected)
    assert table.notes == note


def test_latin_letters_are_read_from_latin_1_and_noted(folder):
    table = rewritten(folder, lambda text: text.replace(",low,", ",niedrig für Möwe,"), "latin-1")
    assert table.label_names == ("high", "niedrig für Möwe")
    assert table.notes == ("metadata.csv: is read as Latin-1",)


def test_a_heading_in_another_case_is_taken_if_it_is_the_only_one(folder, expected):
    table = rewritten(folder, lambda text: text.replace("path,label", "Path,LABEL"))
    same(table, expected)
    assert table.notes == (
        "metadata.csv: column 'Path' is taken for 'path'",
        "metadata.csv: column 'LABEL' is taken for 'label'",
    )
    edit(folder / "metadata.csv", "Path,LABEL,background", "path,LABEL,Label")
    assert "two columns are named 'LABEL' and 'Label'; rename one" in refused(Folder(root=str(folder)))


def test_an_index_column_and_empty_columns_at_the_end_are_skipped(folder, expected):
    def padded(text):
        heading, *rows = text.splitlines()
        return "\n".join([f",{heading},,", *(f"{i},{row}{',' * (i % 4)}" for i, row in enumerate(rows)), ",,,,,,", ""])

    same(rewritten(folder, padded), expected)


@pytest.mark.parametrize("texts", [("1", "1.0", "1.00", "1.000e+00", " 1 "), ("0.5", "0.50", "5e-01", "5.00E-01")])
def test_one_number_in_several_spellings_is_one_label_and_noted(tmp_path, texts):
    labels = ["a", *texts]
    lines = [(f"{i}.png", labels[i % len(labels)], split) for i, split in enumerate(["train", "val", "test"] * 10)]
    table = read_table(folder_of(tmp_path, ("path", "label", "split"), lines, split_column="split"))
    assert table.label_names == (texts[0], "a")
    assert len(table.notes) == 1
    assert table.notes[0].startswith("label: ")
    assert table.notes[0].endswith(f"are one value, '{texts[0]}'")


def test_names_that_look_a_little_like_numbers_stay_apart(tmp_path):
    labels = ("007", "7", "12e3", "12000", "1_0", "10", "٣", "3")
    lines = [(f"{i}.png", labels[i % 8], split) for split in ("train", "val", "test") for i in range(8)]
    table = read_table(folder_of(tmp_path, ("path", "label", "split"), lines, split_column="split"))
    assert set(table.label_names) == set(labels)
    assert table.notes == ()


def test_values_of_the_split_column_can_be_mapped_and_left_out(tmp_path):
    words = ["learn", "Tune", "final", "extra"]
    lines = [(f"{i}.png", "xy"[i // 4 % 2], words[i % 4]) for i in range(40)]
    settings = {"split_column": "part", "train_values": ("Learn",), "validation_values": ("tune",)}
    headings = ("path", "label", "part")
    said = refused(folder_of(tmp_path, headings, lines, **settings))
    assert "metadata.csv, line 4: part 'final' is unknown" in said
    assert "say what it means with data.train_values, data.validation_values, data.test_values or" in said
    settings |= {"test_values": ("final",), "ignored_splits": ("extra",)}
    table = read_table(folder_of(tmp_path, headings, lines, **settings))
    assert table.splits.tolist() == [0, 1, 2] * 10
    assert table.lines[:4].tolist() == [2, 3, 4, 6]
    assert table.notes == ("10 rows are left out, as their part is 'extra' (data.ignored_splits)",)


def test_folds_are_mapped_over_the_usual_meaning_of_their_numbers(tmp_path):
    lines = [(f"{i}.png", "xy"[i // 5 % 2], i % 5) for i in range(50)]
    values = {"train_values": ("0", "1", "2"), "validation_values": ("3.0",), "test_values": ("4",)}
    table = read_table(folder_of(tmp_path, ("path", "label", "fold"), lines, split_column="fold", **values))
    assert table.splits.tolist() == [0, 0, 0, 1, 2] * 10
    with pytest.raises(ValueError, match="the value '3' of the split column is given for two splits"):
        Folder(train_values=("3",), test_values=("3",))


def test_rows_without_a_label_or_with_an_uncertain_one_are_left_out_by_a_setting_and_counted(tmp_path):
    labels = ["0", "1", "", "-1.0"]
    lines = [(f"{i}.png", labels[i % 4], split) for split in ("train", "val", "test") for i in range(8)]
    headings = ("path", "label", "split")
    said = refused(folder_of(tmp_path, headings, lines, split_column="split"))
    assert "line 4: label is empty; leave such rows out with data.ignored_labels" in said
    settings = folder_of(tmp_path, headings, lines, split_column="split", ignored_labels=("", "-1"))
    table = read_table(settings)
    assert table.label_names == ("0", "1")
    assert len(table) == 12
    assert table.notes == ("12 rows are left out, as their label is empty, '-1' (data.ignored_labels)",)


def test_validation_is_drawn_from_training_for_a_table_without_it(tmp_path):
    lines = [(f"{i}.png", "xy"[i % 2], "test" if i % 5 == 4 else "train") for i in range(500)]
    headings = ("path", "label", "split")
    said = refused(folder_of(tmp_path, headings, lines, split_column="split"))
    assert "no row is in the validation split (column 'split')" in said
    table = read_table(folder_of(tmp_path, headings, lines, split_column="split", validation_share=0.25))
    assert [(table.splits == number).sum() for number in range(3)] == [300, 100, 100]
    assert all(table.splits[row] == 2 for row in range(4, 500, 5))
    assert (table.labels[table.splits == 1] == 0).sum() == 50


def test_absolute_paths_below_the_folder_and_backslashes_are_taken(folder, expected):
    def moved(text):
        heading, first, second, *rest = text.splitlines()
        return "\n".join([heading, f"{folder}/{first}", second.replace("/", "\\"), *rest])

    same(rewritten(folder, moved), expected)


def test_paths_may_be_in_another_folder_and_without_their_extension(folder, expected):
    table = rewritten(folder, lambda text: text.replace("images/", "").replace(".png", ""))
    assert not (table.root / table.paths[0]).exists()
    same(read_table(Folder(root=str(folder), images="images", **PLAIN)), expected)
    assert "there is no img" in refused(Folder(root=str(folder), images="img"))


def test_one_image_with_two_labels_is_an_error_of_its_own(folder):
    path = folder / "metadata.csv"
    first = path.read_text().splitlines()[1]
    other = {"low": "high", "high": "low"}[first.split(",")[1]]
    with path.open("a") as file:
        file.write(first.replace(first.split(",")[1], other) + "\n")
    image, label = first.split(",")[:2]
    assert refused(Folder(root=str(folder), **PLAIN)) == (
        f"{path}, line 42: '{image}' is '{other}' here, but '{label}' in line 2; remove the wrong row"
    )


@pytest.mark.parametrize("levels", ["class", "split/class", "split/class/attribute"])
def test_folders_named_by_class_need_no_table(folder, expected, tmp_path, levels):
    names = [expected.label_names[label] for label in expected.labels]
    background = [expected.attribute_values["background"][value] for value in expected.attributes[:, 0]]
    for number, path in enumerate(expected.paths):
        part = {"class": names[number], "split": ("train", "val", "test")[expected.splits[number]]}
        part["attribute"] = background[number]
        target = tmp_path / "classes" / "/".join(part[level] for level in levels.split("/")) / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / path).rename(target)
    (tmp_path / "classes" / ".hidden").mkdir()
    (tmp_path / "classes" / ".hidden" / "no.png").touch()
    (tmp_path / "classes" / "notes.txt").touch()
    deep = levels.count("/") + 1
    settings = Folder(
        root=str(tmp_path / "classes"),
        table="",
        label_column=f"folder {min(2, deep)}",
        split_column="folder 1" if deep > 1 else "",
        attribute_columns=("folder 3",) if deep > 2 else (),
    )
    table = read_table(settings)
    order = [int(path.rpartition("/")[2].removesuffix(".png")) for path in table.paths]
    assert sorted(order) == list(range(40))
    assert table.label_names == expected.label_names
    assert (table.labels == expected.labels[order]).all()
    if deep > 1:
        assert (table.splits == expected.splits[order]).all()
    if deep > 2:
        assert (table.attributes == expected.attributes[order]).all()
    assert table.where(3) == table.paths[3]
    (tmp_path / "classes" / "stray.png").touch()
    assert refused(settings).startswith(f"{tmp_path}/classes/stray.png: folder {min(2, deep)} is empty")


def test_a_list_of_celeba_without_its_first_line_is_read_and_noted(tmp_path):
    photo_lab.celeba(tmp_path, n=40)
    whole = read_table(Celeba(root=str(tmp_path)))
    edit(tmp_path / "list_attr_celeba.txt", "40\n", "")
    table = read_table(Celeba(root=str(tmp_path)))
    same(table, whole)
    assert table.notes == (
        "list_attr_celeba.txt: has no first line with the number of images, so whether it is complete is unknown",
    )
    edit(tmp_path / "list_attr_celeba.txt", "5_o_Clock", "image_id 5_o_Clock")
    same(read_table(Celeba(root=str(tmp_path))), whole)


@pytest.mark.parametrize("broken", ["short", "headless"])
def test_of_two_lists_of_celeba_the_complete_one_is_read(tmp_path, broken):
    photo_lab.celeba(tmp_path, n=40)
    whole = read_table(Celeba(root=str(tmp_path)))
    path = tmp_path / "list_attr_celeba.txt"
    headings, *rows = (line.split() for line in path.read_text().splitlines()[1:])
    write_csv(tmp_path / "list_attr_celeba.csv", ("image_id", *headings), rows)
    lines = path.read_text().splitlines()[:-5]
    path.write_text("\n".join(lines if broken == "short" else lines[1:]) + "\n")
    table = read_table(Celeba(root=str(tmp_path)))
    same(table, whole)
    assert table.file == "list_attr_celeba.csv"
    why = "list_attr_celeba.txt: states 40 images but has 35" if broken == "short" else "list_attr_celeba.txt (35 rows)"
    assert table.notes[0].startswith(f"list_attr_celeba.csv is read (40 rows), not {why}")
