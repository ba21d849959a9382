"""Tables of data sets in folders: each layout is read as it was written."""

import csv
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from core.data.columns import in_order
from core.data.sets.celeba import Celeba
from core.data.sets.folder import Folder
from core.data.sets.isic import Isic
from core.data.sets.waterbirds import Waterbirds
from core.data.table import goes_with, read_table
from core.groups import group_titles
from tests.data import photo_lab
from tests.data.photo_lab import folder_of, refused

PLAIN = {"attribute_columns": ("background",), "split_column": "split"}
SPLITS = {"train": 0, "val": 1, "test": 2}


def dicts(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def titles(table):
    """Title of the group of every row."""
    found = group_titles(table.label_names, table.attribute_values)
    names = [" · ".join([label, *values.values()]) for label, values in found]
    return [names[group] for group in table.groups()]


def test_waterbirds_are_read_as_their_table_has_them(tmp_path):
    photo_lab.waterbirds(tmp_path, n=60)
    table = read_table(Waterbirds(root=str(tmp_path)))
    rows = dicts(tmp_path / "metadata.csv")
    assert list(table.paths) == [row["img_filename"] for row in rows]
    assert all((table.root / path).is_file() for path in table.paths)
    assert table.splits.tolist() == [int(row["split"]) for row in rows]
    assert titles(table) == [
        f"{('landbird', 'waterbird')[int(row['y'])]} · {('land', 'water')[int(row['place'])]}" for row in rows
    ]
    assert table.lines.tolist() == list(range(2, 62))
    assert table.where(3) == "metadata.csv, line 5"
    assert table.published["train"] == {
        "landbird · land": 3_498,
        "landbird · water": 184,
        "waterbird · land": 56,
        "waterbird · water": 1_057,
    }
    assert sum(table.published_sizes.values()) == 11_788
    assert {split: sum(groups.values()) for split, groups in table.published.items()} == table.published_sizes


@pytest.mark.parametrize("layout", ["torchvision", "kaggle"])
def test_celeba_is_the_same_from_both_layouts_and_blond_goes_with_female(tmp_path, layout):
    photo_lab.celeba(tmp_path, layout, n=60)
    table = read_table(Celeba(root=str(tmp_path)))
    assert len(table) == 60
    assert all((table.root / path).is_file() for path in table.paths)
    planned = photo_lab.rows(60, minority=0.35)
    assert table.labels.tolist() == [row.label for row in planned]
    assert table.splits.tolist() == [row.split for row in planned]
    assert table.label_names == ("not blond", "blond")
    assert table.attribute_values == {"Male": ("male", "female")}
    assert table.attributes[:, 0].tolist() == [row.attribute for row in planned]
    assert table.published_sizes == {"train": 162_770, "validation": 19_867, "test": 19_962}
    assert sum(table.published["train"].values()) == 162_770
    assert set(table.published["train"]) == set(titles(table))


@pytest.mark.parametrize("layout", ["torchvision", "kaggle"])
def test_any_attribute_of_celeba_may_be_the_label_and_any_number_may_be_looked_at(tmp_path, layout):
    photo_lab.celeba(tmp_path, layout, n=60)
    several = read_table(Celeba(root=str(tmp_path), target="Wavy_Hair", attributes=("Young", "Blond_Hair")))
    assert several.label_names == ("not wavy hair", "wavy hair")
    assert list(several.attribute_values) == ["Young", "Blond_Hair"]
    if layout == "kaggle":
        rows = dicts(tmp_path / "list_attr_celeba.csv")
        words = {
            "Wavy_Hair": ("not wavy hair", "wavy hair"),
            "Young": ("not young", "young"),
            "Blond_Hair": ("not blond", "blond"),
        }
        assert titles(several) == [" · ".join(names[row[key] == "1"] for key, names in words.items()) for row in rows]
    assert several.published == {}
    none = read_table(Celeba(root=str(tmp_path), attributes=()))
    assert none.attributes.shape == (60, 0)
    assert none.groups().tolist() == none.labels.tolist()


def test_splits_of_celeba_are_found_by_name_not_by_place(tmp_path):
    photo_lab.celeba(tmp_path, n=60)
    before = read_table(Celeba(root=str(tmp_path))).splits.tolist()
    path = tmp_path / "list_eval_partition.txt"
    path.write_text("".join(sorted(path.read_text().splitlines(keepends=True), reverse=True)))
    assert read_table(Celeba(root=str(tmp_path))).splits.tolist() == before


@pytest.mark.parametrize(("images", "endings"), [("images", False), (".", True), ("a/b", False)])
def test_isic_names_images_with_or_without_their_ending(tmp_path, images, endings):
    photo_lab.isic(tmp_path, n=60, images=images, endings=endings)
    table = read_table(Isic(root=str(tmp_path), images=images))
    assert all((table.root / path).is_file() for path in table.paths)
    rows = dicts(tmp_path / "metadata.csv")
    assert titles(table) == [f"{row['benign_malignant']} · {row['patches']}" for row in rows]
    assert table.splits.tolist() == [SPLITS[row["split"]] for row in rows]
    assert table.label_names == ("benign", "malignant")
    assert table.attribute_values == {"patches": ("1", "0")}  # benign goes with a patch


def test_columns_of_isic_may_have_other_names(tmp_path):
    names = {"image_id": "isic_id", "benign_malignant": "diagnosis", "patches": "sticker", "split": "fold"}
    photo_lab.isic(tmp_path / "other", n=60, columns=names)
    photo_lab.isic(tmp_path / "usual", n=60)
    other = read_table(
        Isic(
            root=str(tmp_path / "other"),
            images="images",
            image_column="isic_id",
            label_column="diagnosis",
            attribute_columns=("sticker",),
            split_column="fold",
        )
    )
    usual = read_table(Isic(root=str(tmp_path / "usual"), images="images"))
    assert titles(other) == titles(usual)
    assert other.paths == usual.paths
    assert other.splits.tolist() == usual.splits.tolist()


@pytest.mark.parametrize("name", ["metadata.csv", "table.parquet", "tables/metadata.tsv"])
def test_a_folder_of_ones_own_from_csv_tabs_and_parquet(tmp_path, name):
    table_path = tmp_path / name
    photo_lab.plain(tmp_path, n=60, table=name)
    if name.endswith(".tsv"):
        table_path.write_text(table_path.read_text().replace(",", "\t"))
    table = read_table(Folder(root=str(tmp_path), table=name, **PLAIN))
    assert all((table.root / path).is_file() for path in table.paths)
    assert table.label_names == ("high", "low")
    assert table.attribute_values == {"background": ("level", "upright")}
    planned = photo_lab.rows(60)
    assert table.labels.tolist() == [1 - row.label for row in planned]
    assert table.splits.tolist() == [row.split for row in planned]
    first = "table.parquet, row 1" if name.endswith("parquet") else f"{name}, line 2"
    assert table.where(0) == first


def test_parquet_with_numbers_dates_and_gaps_is_read_as_text(tmp_path):
    n = 12
    frame = pd.DataFrame(
        {
            "path": [f"{i}.png" for i in range(n)],
            "label": np.arange(n) % 2,
            "size": [1.0, 2.0, 10.0] * 4,
            "kind": pd.Categorical(["a", "b"] * 6),
            "split": [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    settings = Folder(root=str(tmp_path), table="t.parquet", attribute_columns=("size", "kind"), split_column="split")
    table = read_table(settings)
    assert table.label_names == ("0", "1")
    assert table.attribute_values == {"size": ("1", "2", "10"), "kind": ("a", "b")}
    assert [table.attribute_values["size"][value] for value in table.attributes[:, 0]] == ["1", "2", "10"] * 4
    frame.loc[4, "label"] = None
    frame.to_parquet(tmp_path / "t.parquet")
    assert "t.parquet, row 5: label is empty; leave such rows out with data.ignored_labels" in refused(settings)


def test_parquet_without_pyarrow_is_a_sentence(tmp_path, monkeypatch):
    photo_lab.plain(tmp_path, n=40, table="t.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    sentence = refused(Folder(root=str(tmp_path), table="t.parquet"))
    assert "Parquet needs pyarrow; install 'prusc-tui[parquet]', or save it as CSV" in sentence


@pytest.mark.parametrize("content", [b"", b"PAR1 no parquet", b"path,label\n"])
def test_what_is_no_parquet_is_a_sentence(tmp_path, content):
    (tmp_path / "t.parquet").write_bytes(content)
    assert "t.parquet: is not Parquet" in refused(Folder(root=str(tmp_path), table="t.parquet"))


def test_values_that_are_numbers_are_sorted_as_numbers(tmp_path):
    labels = ["10", "9.0", "-1", "9"] * 3
    lines = [(f"{i}.png", label, split) for split in SPLITS for i, label in enumerate(labels)]
    table = read_table(folder_of(tmp_path, ("path", "label", "split"), lines, split_column="split"))
    assert table.label_names == ("-1", "9", "10")
    assert table.labels[:4].tolist() == [2, 1, 0, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [(["1", "10", "01", "9"], ["01", "1", "9", "10"]), (["10", "nan", "9"], ["10", "9", "nan"])],
)
def test_the_order_of_values_is_the_same_in_every_process(values, expected):
    # A set of texts has another order in every process.
    assert {tuple(in_order(dict.fromkeys(order))) for order in permutations(values)} == {tuple(expected)}


def test_lines_are_those_of_the_file_with_empty_lines_and_cells_of_several_lines(tmp_path):
    text = (
        '\ufeffpath,label,note\n\na.png,x,"two\nlines"\n\n\nb.png,y,"with, comma"\nc.png,x,""\n'
        "d.png,y,z\r\ne.png,x,q\nf.png,y,end"
    )
    (tmp_path / "metadata.csv").write_text(text, newline="")
    table = read_table(Folder(root=str(tmp_path), fractions=(0.4, 0.3, 0.3)))
    assert table.paths == ("a.png", "b.png", "c.png", "d.png", "e.png", "f.png")
    assert table.lines.tolist() == [3, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_values_go_with_the_labels_that_they_share_most_with(k):
    random = np.random.default_rng(k)
    for _ in range(30):
        labels = random.choice(k, 60, p=random.dirichlet(np.ones(k)))
        values = np.where(random.random(60) < 0.6, (labels * (k - 1) + 1) % k, random.integers(k, size=60))
        shares = np.zeros((k, k))
        for label in set(labels.tolist()):
            mine = values[labels == label]
            shares[label] = [(mine == value).mean() for value in range(k)]
        best = max(sum(shares[label, value] for label, value in enumerate(order)) for order in permutations(range(k)))
        order = goes_with(labels, values, k)
        assert sorted(order.tolist()) == list(range(k))
        assert shares[np.arange(k), order].sum() == pytest.approx(best)


def test_values_stay_as_they_are_sorted_where_no_order_is_better_or_they_are_more_than_labels(tmp_path):
    assert goes_with(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 2).tolist() == [0, 1]
    lines = [(f"{i}.png", "ab"[i % 2], "zyx"[i % 3], split) for split in SPLITS for i in range(12)]
    settings = folder_of(
        tmp_path, ("path", "label", "hue", "split"), lines, attribute_columns=("hue",), split_column="split"
    )
    assert read_table(settings).attribute_values == {"hue": ("x", "y", "z")}


def test_only_training_rows_tell_what_goes_with_what(tmp_path):
    lines = [(f"{i}.png", "ab"[i % 2], "ab"[(i + 1) % 2], "train") for i in range(8)]
    lines += [(f"{i}.png", "ab"[i % 2], "ab"[i % 2], split) for split in ("val", "test") for i in range(20)]
    settings = folder_of(
        tmp_path, ("path", "label", "hue", "split"), lines, attribute_columns=("hue",), split_column="split"
    )
    table = read_table(settings)
    assert table.attribute_values == {"hue": ("b", "a")}
    agrees = table.attributes[:, 0] == table.labels
    assert agrees[table.splits == 0].all()
    assert not agrees[table.splits != 0].any()


def drawn(tmp_path, counts, **settings):
    lines = [(f"{label}{value}{i}.png", label, value) for (label, value), n in counts.items() for i in range(n)]
    np.random.default_rng(0).shuffle(lines)
    return folder_of(tmp_path, ("path", "label", "hue"), lines, attribute_columns=("hue",), **settings)


COUNTS = {("a", "x"): 731, ("a", "y"): 43, ("b", "x"): 17, ("b", "y"): 207}


@pytest.mark.parametrize("fractions", [(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.813, 0.02, 0.167)])
def test_drawn_splits_are_exact_in_all_and_within_two_in_every_group(tmp_path, fractions):
    table = read_table(drawn(tmp_path, COUNTS, fractions=fractions))
    training = int(np.floor(fractions[0] * len(table) + 0.5))
    assert (table.splits == 0).sum() == training
    assert abs((table.splits == 1).sum() - fractions[1] * len(table)) < 1
    by_title = np.array(titles(table))
    for (label, value), n in COUNTS.items():
        mine = table.splits[by_title == f"{label} · {value}"]
        assert len(mine) == n
        assert np.abs(np.bincount(mine, minlength=3) - np.array(fractions) * n).max() < 2


def test_drawn_splits_are_those_of_the_seed(tmp_path):
    first, again, other = (read_table(drawn(tmp_path, COUNTS, seed=seed)).splits for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).mean() > 0.2


def test_a_class_too_small_to_be_in_every_drawn_split_is_a_sentence(tmp_path):
    sentence = refused(drawn(tmp_path, {("a", "x"): 60, ("b", "x"): 2}))
    assert "label 'b' has 2 images, too few for data.fractions 0.7, 0.15, 0.15: none is left for" in sentence
    assert sentence.endswith("add some, or leave its rows out (data.ignored_labels, or --ignore of prusc data init)")
    assert (np.unique(read_table(drawn(tmp_path, {("a", "x"): 60, ("b", "x"): 9})).splits) == [0, 1, 2]).all()
