"""What does not fit in a table of images is refused in one sentence, with its file and its line."""

import re

import pytest

from core.data.sets.celeba import Celeba
from core.data.sets.folder import Folder
from core.data.sets.isic import Isic
from core.data.sets.waterbirds import Waterbirds
from core.data.table import read_table
from tests.data import photo_lab
from tests.data.photo_lab import edit, folder_of, refused

PLAIN = {"attribute_columns": ("background",), "split_column": "split"}


LAYOUTS = {
    "waterbirds": (Waterbirds, photo_lab.waterbirds, {}),
    "celeba": (Celeba, photo_lab.celeba, {}),
    "isic": (Isic, photo_lab.isic, {"images": "images"}),
    "folder": (Folder, photo_lab.plain, PLAIN),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_folder_and_a_folder_without_the_data_set_are_sentences(tmp_path, name):
    kind, build, settings = LAYOUTS[name]
    assert refused(kind()) == kind().missing
    assert kind().missing.startswith(f"{name} is not bundled; pass its folder with --data-root")
    assert refused(kind(root=str(tmp_path / "no"))) == f"data.root {tmp_path}/no: there is no such folder"
    (tmp_path / "file").touch()
    assert refused(kind(root=str(tmp_path / "file"))) == f"data.root {tmp_path}/file: is not a folder"
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path}/empty: there is no " in refused(kind(root=str(tmp_path / "empty"), **settings))
    build(tmp_path / "empty" / "inner", n=40)
    hint = refused(kind(root=str(tmp_path / "empty"), **settings))
    assert hint.endswith(f"it is in {tmp_path}/empty/inner: pass that folder")


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "sentence"),
    [
        ("waterbirds", "metadata.csv", "img_filename,y,", "img_filename,label,", "there is no column 'y'"),
        ("waterbirds", "metadata.csv", ",place,", ",plase,", "there is no column 'place'; did you mean 'plase'?"),
        ("waterbirds", "metadata.csv", ",place,", ",y,", "two columns are named 'y'"),
        ("isic", "metadata.csv", ",patches,", ",patch,", "'patches' (data.attribute_columns); did you mean 'patch'?"),
        ("folder", "metadata.csv", "path,label", "path;label", "there is no column 'path' (data.path_column)"),
        ("celeba", "list_attr_celeba.txt", "80\n", "many\n", "line 1: expected the number of images, or the headings"),
        ("celeba", "list_attr_celeba.txt", "80\n", "81\n", "states 81 images but has 80; download the file again"),
        ("celeba", "list_attr_celeba.txt", "Blond_Hair", "Blonde_Hair", "(data.target); did you mean 'Blonde_Hair'?"),
    ],
)
def test_headings_that_do_not_fit_are_sentences(tmp_path, name, file, old, new, sentence):
    kind, build, settings = LAYOUTS[name]
    build(tmp_path)
    edit(tmp_path / file, old, new)
    said = refused(kind(root=str(tmp_path), **settings))
    assert said.startswith(f"{tmp_path}/{file}")
    assert sentence in said


def test_an_attribute_that_celeba_does_not_have_is_named_with_the_nearest(tmp_path):
    photo_lab.celeba(tmp_path, n=40)
    root = str(tmp_path)
    assert "no column 'Mal' (data.attributes); did you mean 'Male'?" in refused(Celeba(root=root, attributes=("Mal",)))
    assert "no column 'blonde' (data.target); did you mean" in refused(Celeba(root=root, target="blonde"))


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "sentence"),
    [
        ("waterbirds", "metadata.csv", ".jpg,1,", ".jpg,7,", "y '7' is unknown (known: landbird, waterbird)"),
        ("waterbirds", "metadata.csv", ",1,/o", ",2,/o", "place '2' is unknown (known: land, water)"),
        ("waterbirds", "metadata.csv", ",1,/o", ",,/o", "place is empty"),
        (
            "isic",
            "metadata.csv",
            ",benign,",
            ",bening,",
            "benign_malignant 'bening' is unknown; did you mean 'ben",
        ),
        ("isic", "metadata.csv", ",val\n", ",vall\n", "split 'vall' is unknown; did you mean 'val'?"),
        ("isic", "metadata.csv", ",train\n", ",3\n", "split '3' is unknown (known: train, validation, test)"),
        ("isic", "metadata.csv", ",train\n", ",\n", "split is empty"),
        ("celeba", "list_eval_partition.txt", " 1\n", " 3\n", "partition '3' is unknown"),
        ("celeba", "list_attr_celeba.txt", "000007.jpg", "000006.jpg", "image '000006.jpg' is listed twice"),
        (
            "celeba",
            "list_eval_partition.txt",
            "000007.jpg 0\n",
            "000007.jpg 0 1\n",
            "has 3 columns, but there are 2 headings",
        ),
        ("folder", "metadata.csv", ",low,", ",,", "label is empty"),
        ("folder", "metadata.csv", ",low,", ",", "has 3 columns, but there are 4 headings"),
        ("folder", "metadata.csv", ",low,", ",low,x,", "has 5 columns, but there are 4 headings"),
    ],
)
def test_rows_that_do_not_fit_are_named_with_file_and_line(tmp_path, name, file, old, new, sentence):
    kind, build, settings = LAYOUTS[name]
    build(tmp_path)
    line = edit(tmp_path / file, old, new)
    assert refused(kind(root=str(tmp_path), **settings)).startswith(f"{tmp_path}/{file}, line {line}: {sentence}")


def test_several_rows_that_do_not_fit_are_counted_and_the_first_is_named(tmp_path):
    photo_lab.isic(tmp_path)
    edit(tmp_path / "metadata.csv", ",val\n", ",vall\n")
    line = edit(tmp_path / "metadata.csv", ",benign,", ",2,", 5)
    said = refused(Isic(root=str(tmp_path), images="images"))
    assert f"line {line}: benign_malignant '2' is unknown" in said
    assert said.endswith("(5 more; all of them: prusc data check)")


def test_lists_of_celeba_that_are_not_of_the_same_images_are_sentences(tmp_path):
    photo_lab.celeba(tmp_path, n=40)
    edit(tmp_path / "list_eval_partition.txt", "000004.jpg", "000104.jpg")
    said = refused(Celeba(root=str(tmp_path)))
    assert said == f"{tmp_path}/list_attr_celeba.txt, line 6: image '000004.jpg' is not in list_eval_partition.txt"
    edit(tmp_path / "list_eval_partition.txt", "000104.jpg", "000004.jpg 0\n000104.jpg")
    said = refused(Celeba(root=str(tmp_path)))
    assert said == f"{tmp_path}/list_eval_partition.txt, line 5: image '000104.jpg' is not in list_attr_celeba.txt"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../outside.png", "'../outside.png' leaves the folder of the data set"),
        ("images/../../outside.png", "leaves the folder of the data set"),
        ("images/..", "leaves the folder of the data set"),
        ("/etc/passwd", "'/etc/passwd' is not relative to the folder of the data set"),
        ("~/outside.png", "is not relative to the folder of the data set"),
        ("", "the path is empty"),
        ("link.png", "'link.png' is a link to outside the folder of the data set"),
        ("out/outside.png", "'out' is a link to outside the folder of the data set"),
        ("deep/out/outside.png", "'deep/out' is a link to outside the folder of the data set"),
    ],
)
def test_paths_that_leave_the_folder_are_refused_with_their_line(tmp_path, path, why):
    root = photo_lab.plain(tmp_path / "root", n=40)
    (tmp_path / "outside.png").touch()
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    (root / "out").symlink_to(tmp_path)
    (root / "deep").mkdir()
    (root / "deep" / "out").symlink_to("../../")
    line = edit(root / "metadata.csv", "images/3/00010.png", path)
    said = refused(Folder(root=str(root), **PLAIN))
    assert said.startswith(f"{root}/metadata.csv, line {line}: ")
    assert said.endswith(why)


def test_links_that_stay_inside_and_a_root_that_is_a_link_are_fine(tmp_path):
    root = photo_lab.plain(tmp_path / "root", n=40)
    (root / "images" / "again.png").symlink_to("0/00000.png")
    (root / "same").symlink_to("images")
    edit(root / "metadata.csv", "images/3/00010.png", "images/again.png")
    edit(root / "metadata.csv", "images/4/00011.png", "same/again.png")
    (tmp_path / "door").symlink_to(root)
    table = read_table(Folder(root=str(tmp_path / "door"), **PLAIN))
    assert table.root == tmp_path / "door"
    assert all((table.root / path).is_file() for path in table.paths)


@pytest.mark.parametrize("table", ["../metadata.csv", "/metadata.csv", "a/../../metadata.csv"])
def test_a_table_outside_the_folder_is_refused(tmp_path, table):
    for kind in (Folder, Isic):
        assert (
            refused(kind(root=str(tmp_path), table=table)) == f"data.table {table}: leaves the folder of the data set"
        )
    (tmp_path / "metadata.csv").write_text("image_id,benign_malignant,patches,split\n")
    said = refused(Isic(root=str(tmp_path), images="../images"))
    assert said == "data.images ../images: leaves the folder of the data set"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "metadata.csv: is empty"),
        (b"\n\n", "metadata.csv: is empty"),
        (b"path,label\n", "metadata.csv: no row has an image, a label and a split"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "metadata.csv: is not a text file; save the table as CSV in UTF-8"),
        (b'path,label\na.png,"x\nb.png,y\n', "metadata.csv, line 3: unexpected end of data"),
        (b"path,label\na.png,x\nb.png,x\n", "column 'label' has only one label, 'x'; at least two are needed"),
    ],
)
def test_files_that_are_no_tables_are_sentences(tmp_path, content, sentence):
    (tmp_path / "metadata.csv").write_bytes(content)
    assert sentence in refused(Folder(root=str(tmp_path)))


def test_a_split_that_nothing_is_in_and_a_label_that_is_not_learned_are_sentences(tmp_path):
    lines = [("a.png", "x", "train"), ("b.png", "y", "train"), ("c.png", "x", "test")]
    sentence = refused(folder_of(tmp_path, ("path", "label", "split"), lines, split_column="split"))
    assert "no row is in the validation split (column 'split'); all three are needed" in sentence
    lines = [("a.png", "x", "train"), ("b.png", "y", "val"), ("c.png", "x", "test"), ("d.png", "x", "val")]
    sentence = refused(folder_of(tmp_path, ("path", "label", "split"), lines, split_column="split"))
    assert "label 'y' has no image in the training split" in sentence


def test_a_column_of_numbers_is_not_taken_for_groups(tmp_path):
    lines = [(f"{i}.png", i % 2, i / 7) for i in range(1_100)]
    sentence = refused(folder_of(tmp_path, ("path", "label", "age"), lines, attribute_columns=("age",)))
    assert re.search(r"more than 2,048 groups; column 'age' alone has 1,100 different values", sentence)
