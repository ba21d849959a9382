"""Pseudo-groups from a table: every layout that people write, and what is wrong with it by line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.finding.table import LEFT_OUT, GroupTable, SplitRows, read_groups

LABELS = (0, 1, 1, 0)
CLUSTERS = (1, 0, 1, 0)
NAMES = ("land", "water")
PATHS = ("a/1.jpg", "a/2.jpg", "b/2.jpg", "b/3.png")


@pytest.fixture
def rows() -> list[SplitRows]:
    return [SplitRows("train", np.array(LABELS), NAMES), SplitRows("validation", np.array([1, 0]), NAMES)]


@pytest.fixture
def photos(tmp_path: Path) -> list[SplitRows]:
    return [SplitRows("train", np.array(LABELS), NAMES, PATHS, tmp_path / "birds")]


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str | bytes, rows: list[SplitRows]) -> GroupTable:
        file = tmp_path / "clusters.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_groups(file, rows)

    return read


def test_the_layout_of_the_reference_implementation_is_read(read, rows):
    lines = [f"{i},{y},{c}" for i, (y, c) in enumerate(zip(LABELS, CLUSTERS, strict=True))]
    found = read("\n".join(["index,label,cluster_assign", *lines]), rows)
    assert found.train.tolist() == list(CLUSTERS)
    assert found.train.dtype == np.int64
    assert found.names == ("0", "1")
    assert not found.renumbered


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"label": LABELS, "cluster_assign": CLUSTERS}),
        pd.DataFrame({"index": range(4), "label": LABELS, "cluster_assign": CLUSTERS}),
        pd.DataFrame({"index": range(4), "label": ["land", "water", "water", "land"], "Cluster": CLUSTERS}),
        pd.DataFrame({"index": [0.0, 1.0, 2.0, 3.0], "cluster": [float(c) for c in CLUSTERS]}),
    ],
)
def test_what_pandas_writes_is_read_with_and_without_names_of_the_index(read, rows, frame):
    assert read(frame.to_csv(), rows).train.tolist() == list(CLUSTERS)
    if "index" in frame:
        assert read(frame.to_csv(index=False), rows).train.tolist() == list(CLUSTERS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_order_delimiters_case_blank_lines_and_marks_of_byte_order_do_not_matter(read, rows, delimiter, end):
    table = [("Cluster ", " Index"), ("1", "2"), ("0", "1"), (" 1", "0"), ("0", " 3")]
    text = end.join(delimiter.join(row) for row in table) + end + end
    assert read(b"\xef\xbb\xbf" + text.encode(), rows).train.tolist() == list(CLUSTERS)


@pytest.mark.parametrize("name", ["path", "img_filename", "image_id", "image path"])
def test_images_may_be_named_by_path_name_or_stem(read, photos, name):
    named = ("1.jpg", str(photos[0].root / "a/2.jpg"), "./b/2.jpg", "3")
    text = f"{name},cluster\n" + "\n".join(f"{path},{c}" for path, c in zip(named, CLUSTERS, strict=True))
    assert read(text, photos).train.tolist() == list(CLUSTERS)


def test_images_in_a_folder_may_be_named_by_their_index_too(read, photos):
    text = "index,label,cluster_assign\n" + "\n".join(f"{i},{LABELS[i]},{CLUSTERS[i]}" for i in range(4))
    assert read(text, photos).train.tolist() == list(CLUSTERS)


def test_clusters_of_any_names_are_numbered_in_their_order(read, rows):
    found = read("index,cluster\n0,10\n1,9\n2,-1\n3,9", rows)
    assert (found.names, found.train.tolist()) == (("-1", "9", "10"), [2, 1, 0, 1])
    assert found.renumbered
    found = read("index,cluster\n0,water\n1,land\n2,10\n3,land", rows)
    assert (found.names, found.train.tolist()) == (("10", "land", "water"), [2, 1, 0, 1])


def test_an_image_with_an_empty_group_is_left_out(read, rows):
    found = read("index,group\n0,sea\n1,\n2,sand\n3,sea", rows)
    assert (found.names, found.train.tolist()) == (("sand", "sea"), [1, LEFT_OUT, 0, 1])
    assert found.validation is None


@pytest.mark.parametrize("words", [("train", "val", "test"), ("0", "1", "2")])
def test_a_table_may_have_every_split_and_test_images_are_passed_over(read, rows, words):
    train, validation, test = words
    lines = [f"{train},{i},{i % 2}" for i in range(4)] + [f"{validation},0,0", f"{validation},1,7", f"{test},99,1"]
    found = read("\n".join(["split,index,group", *lines[::-1]]), rows)
    assert found.names == ("0", "1", "7")
    assert found.train.tolist() == [0, 1, 0, 1]
    assert found.validation.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("index,cluster\n0,1\n1,0\n4,1\n3,0", "line 4: index 4 is out of range: the training split has 4 images"),
        ("index,cluster\n0,1\nx,0", "line 3: index 'x' is not an integer ≥ 0"),
        ("index,cluster\n0,1\n-1,0", "line 3: index '-1' is not an integer"),
        (f"index,cluster\n{'9' * 5000},1", "line 2: index '9{80}…' is not an integer"),
        ("index,cluster\n0,1\n\n1,0\n0,1", "line 5: image 0 occurs twice; first in line 2"),
        ("index,cluster\n0,1\n1", "line 3: has only 1 columns"),
        (
            "index,cluster\n0,1\n2,0",
            r"2 of 4 training images have no row; the first is image 1 \(to leave an image out",
        ),
        ("split,index,group\n0,0,1\n5,0,1", "line 3: '5' is not a split"),
        ("split,index,group\nval,2,1", "line 2: index 2 is out of range: the validation split has 2 images"),
        (
            "split,index,group\n0,0,1\n0,1,0\n0,2,1\n0,3,1\n1,1,0",
            "1 of 2 validation images have no row; the first is image 0",
        ),
        ("index,group\n0,1\n1,1\n2,\n3,1", "has 1 different groups; expected 2 to 512"),
        (
            "index,label,cluster\n0,0,1\n1,0,0",
            "line 3: label '0' is not that of image 1 in the data, 'water' ",
        ),
        ("index,label,cluster\n0,sea,1", "line 2: label 'sea' is not that of image 0 in the data, 'land' "),
        ("index,cluster\n0,1\n1,1\n2,1\n3,1", "has 1 different groups; expected 2 to 512"),
        ("index,kind\n0,1", "the first line must name a column index .*; it is: index,kind"),
        ("path,cluster\na/1.jpg,1", r"the first line must name a column index .*from 0.*, a column group \(or cluster"),
        ("0,1\n1,0", "the first line must name .* it is: 0,1"),
        ("", "the first line must name .* it is: empty"),
        (b"index,cluster\n\xff\xfe,1", "is not a text table"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(read, rows, text, sentence):
    with pytest.raises(InputError, match=f"clusters.csv(, |: ){sentence}"):
        read(text, rows)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("2.jpg", "line 2: '2.jpg' may be a/2.jpg or b/2.jpg; give the full path"),
        ("4.jpg", "line 2: '4.jpg' is not an image of the training split"),
        ("../birds/a/1.jpg", "is not an image of the training split"),
        ("/elsewhere/a/1.jpg", "is not an image of the training split"),
    ],
)
def test_images_that_are_not_there_or_not_the_only_ones_are_refused(read, photos, name, sentence):
    with pytest.raises(InputError, match=sentence):
        read(f"path,cluster\n{name},0", photos)


def test_images_that_are_missing_are_named_by_their_path(read, photos):
    with pytest.raises(InputError, match=r"3 of 4 training images have no row; the first is image 1 \(a/2.jpg\)"):
        read("path,cluster\na/1.jpg,0", photos)


def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path, rows):
    with pytest.raises(InputError, match=r"gone.csv: cannot be read \(No such file"):
        read_groups(tmp_path / "gone.csv", rows)
    with pytest.raises(InputError, match="cannot be read"):
        read_groups(tmp_path, rows)


def test_text_of_a_table_cannot_move_the_cursor(read, rows):
    with pytest.raises(InputError) as error:
        read("index,cluster\n\x1b[2J,0", rows)
    assert "\x1b" not in str(error.value)
    found = read("index,cluster\n0,a\n1,\x1b[2J\n2,a\n3,a", rows)
    assert "\x1b" not in "".join(found.names)
