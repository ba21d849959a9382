"""A check of a data set finds all that is amiss, each with its line, and finds nothing where nothing is."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from core.data.check import check
from core.data.photos import PhotoSource
from core.data.sets.celeba import Celeba
from core.data.sets.folder import Folder
from core.data.sets.isic import Isic
from core.data.sets.waterbirds import Waterbirds
from core.data.table import read_table
from core.data.watch import Watch
from core.errors import InputError, Stopped
from tests.data import photo_lab
from tests.data.photo_lab import edit, folder_of, write_csv

FOLDER = {"attribute_columns": ("background",), "split_column": "split"}


@pytest.fixture
def birds(tmp_path):
    return photo_lab.waterbirds(tmp_path / "birds", n=60)


def found(report):
    return [(problem.kind, problem.line, problem.text) for problem in report.problems]


def lines_of(root):
    """Path of the image → line of its row."""
    lines = (root / "metadata.csv").read_text().splitlines()
    return {line.split(",")[1]: number for number, line in enumerate(lines, 1) if number > 1}


@pytest.mark.parametrize(
    ("settings", "build"),
    [
        (Waterbirds, photo_lab.waterbirds),
        (Celeba, photo_lab.celeba),
        (Celeba, lambda root, n: photo_lab.celeba(root, "kaggle", n)),
        (lambda root: Isic(root=root, images="images"), photo_lab.isic),
        (lambda root: Folder(root=root, **FOLDER), photo_lab.plain),
        (
            lambda root: Folder(root=root, table="t.parquet", **FOLDER),
            lambda root, n: photo_lab.plain(root, n, table="t.parquet"),
        ),
    ],
)
def test_nothing_is_amiss_with_data_as_published(tmp_path, settings, build):
    build(tmp_path, n=60)
    report = check(settings(root=str(tmp_path)))
    assert found(report) == []
    assert (report.rows, report.opened, len(report.table)) == (60, 60, 60)


def test_missing_and_broken_images_are_found_with_their_lines(birds):
    lines = lines_of(birds)
    gone, cut, text, empty, folder = list(lines)[3:8]
    (birds / gone).unlink()
    whole = (birds / cut).read_bytes()
    (birds / cut).write_bytes(whole[: len(whole) // 2])
    (birds / text).write_text("<html>404</html>")
    (birds / empty).write_bytes(b"")
    (birds / folder).unlink()
    (birds / folder).mkdir()
    report = check(Waterbirds(root=str(birds)))
    assert [(kind, line) for kind, line, _ in found(report)] == [
        ("missing images", lines[gone]),
        *(("broken images", lines[path]) for path in (cut, text, empty, folder)),
    ]
    texts = [text for *_, text in found(report)]
    assert texts[0] == f"{gone}: does not exist"
    assert "truncated" in texts[1]
    assert texts[2:] == [f"{text}: is not an image", f"{empty}: is empty", f"{folder}: is not a file"]
    assert report.problems[0].sentence == f"metadata.csv, line {lines[gone]}: {gone}: does not exist"
    assert report.opened == 55


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that have names")
def test_a_pipe_is_no_image_and_nobody_waits_for_it(birds):
    path = next(iter(lines_of(birds)))
    (birds / path).unlink()
    os.mkfifo(birds / path)
    assert [(kind, text) for kind, _, text in found(check(Waterbirds(root=str(birds))))] == [
        ("broken images", f"{path}: is not a file")
    ]


def test_every_row_that_does_not_fit_is_found_and_the_others_are_looked_at_all_the_same(birds):
    table = birds / "metadata.csv"
    label = edit(table, ".jpg,1,2,1", ".jpg,5,2,1")
    split = edit(table, ".jpg,0,0,", ".jpg,0,9,")
    place = edit(table, ",1,1,1,/o", ",1,1,sea,/o")
    path = edit(table, "001.Black_footed_Albatross/", "../birds/")
    report = check(Waterbirds(root=str(birds)))
    assert len({label, split, place, path}) == 4
    assert {(kind, line) for kind, line, _ in found(report)} == {
        ("unknown labels", label),
        ("unknown splits", split),
        ("unknown attributes", place),
        ("paths that cannot be used", path),
    }
    assert [problem.line for problem in report.problems] == sorted([label, split, place, path])
    assert (report.rows, report.opened, len(report.table)) == (60, 59, 56)


def test_groups_that_nothing_is_in_are_found(tmp_path):
    photo_lab.plain(tmp_path, n=40)
    text = (tmp_path / "metadata.csv").read_text()
    (tmp_path / "metadata.csv").write_text(text.replace("low,level,val", "low,upright,val"))
    report = check(Folder(root=str(tmp_path), **FOLDER))
    assert [(kind, line) for kind, line, _ in found(report)] == [("empty groups", 0)]
    assert report.problems[0].text.startswith("validation: no image of low · level; its accuracy is unknown there")
    assert report.problems[0].where == ""


def test_the_same_image_is_found_across_splits_and_within_one(birds):
    lines = lines_of(birds)
    rows = [line.split(",") for line in (birds / "metadata.csv").read_text().splitlines()[1:]]
    train, test = ([row[1] for row in rows if row[3] == split and row[2] == "0"] for split in "02")
    shutil.copy(birds / train[0], birds / test[0])
    shutil.copy(birds / train[0], birds / train[5])
    shutil.copy(birds / train[1], birds / train[2])
    report = check(Waterbirds(root=str(birds)))
    assert [kind for kind, *_ in found(report)] == ["images in several splits", "images more than once in a split"]
    first, *others = sorted([(lines[train[0]], "train"), (lines[train[5]], "train"), (lines[test[0]], "test")])
    across, within = report.problems
    assert across.line == first[0]
    assert f" ({first[1]}) is also " + ", ".join(f"line {line} ({split})" for line, split in others) in across.text
    assert within.line == min(lines[train[1]], lines[train[2]])
    assert f"is also line {max(lines[train[1]], lines[train[2]])} (train)" in within.text


def test_a_path_that_is_named_twice_is_the_same_image(tmp_path):
    photo_lab.plain(tmp_path, n=40)
    table = tmp_path / "metadata.csv"
    with table.open("a") as file:
        file.write("images/0/00000.png,low,upright,test\n")
    first = "train" if ",train" in table.read_text().splitlines()[1] else "other"
    report = check(Folder(root=str(tmp_path), **FOLDER))
    assert [(kind, line) for kind, line, _ in found(report)] == [
        ("images in several splits" if first == "train" else "images more than once in a split", 2)
    ]
    assert "is also line 42 (test)" in report.problems[0].text


def test_images_are_looked_at_even_where_no_splits_can_be_drawn(tmp_path):
    for name in ("a", "b", "c"):
        Image.new("RGB", (8, 8), (ord(name), 0, 0)).save(tmp_path / f"{name}.png")
    lines = [("a.png", "x"), ("b.png", "x"), ("c.png", "y"), ("d.png", "x")]
    report = check(folder_of(tmp_path, ("path", "label"), lines))
    assert report.table is None
    assert report.opened == 3
    kinds = [kind for kind, *_ in found(report)]
    assert kinds == ["splits and labels that are not filled", "missing images"]


def test_a_table_without_its_columns_is_bad_input_and_a_stop_is_heard(birds):
    with pytest.raises(Stopped):
        check(Waterbirds(root=str(birds)), Watch(stop=lambda: True))
    write_csv(birds / "metadata.csv", ("img_filename", "y"), [("a.jpg", 0)])
    with pytest.raises(InputError, match="there is no column 'place'"):
        check(Waterbirds(root=str(birds)))


def test_progress_counts_up_to_the_last_image(birds):
    told = []
    check(Waterbirds(root=str(birds)), Watch(report=lambda *words: told.append(words)))
    doing, done, total = zip(*told, strict=True)
    assert set(doing) == {"checking images"}
    assert set(total) == {60}
    assert list(done) == sorted(done)
    assert done[-1] == 60


def test_one_image_with_several_labels_is_a_problem_of_its_own(birds):
    lines = lines_of(birds)
    rows = [line.split(",") for line in (birds / "metadata.csv").read_text().splitlines()[1:]]
    land, water = ([row[1] for row in rows if row[2] == label and row[3] == "0"] for label in "01")
    shutil.copy(birds / land[0], birds / water[0])
    (problem,) = check(Waterbirds(root=str(birds))).problems
    first, second = sorted([(lines[land[0]], "landbird"), (lines[water[0]], "waterbird")])
    assert (problem.kind, problem.line) == ("images with several labels", first[0])
    assert problem.text.endswith(f"(train, {first[1]}) is also line {second[0]} (train, {second[1]}); keep one row")


def test_a_label_missing_in_a_split_is_found_once(tmp_path):
    photo_lab.plain(tmp_path, n=60)
    table = tmp_path / "metadata.csv"
    table.write_text(
        "\n".join(line for line in table.read_text().splitlines() if not ("high" in line and "val" in line))
    )
    report = check(Folder(root=str(tmp_path), **FOLDER))
    assert found(report) == [
        ("labels missing in a split", 0, "validation: no image of high; move some there, or have random splits drawn")
    ]
    source = PhotoSource(Folder(root=str(tmp_path), **FOLDER), tmp_path / "cache")
    assert source.preview().alarms == (
        "validation: no image of label high; accuracies on validation are those of the other labels only",
    )


def test_an_attribute_that_gives_the_label_away_is_a_problem_and_few_conflicts_are_a_note(tmp_path):
    photo_lab.plain(tmp_path, n=60)
    table = tmp_path / "metadata.csv"
    report = check(Folder(root=str(tmp_path), **FOLDER))
    assert report.problems == ()
    assert [note.text for note in report.notes] == [
        f"train: 2 images of {label} without background {value}, "
        "and fewer than 10 are hard to find; add some if you can"
        for label, value in (("high", "level"), ("low", "upright"))
    ]
    text = table.read_text().replace("low,level,train", "low,upright,train")
    table.write_text(text.replace("high,upright,train", "high,level,train"))
    report = check(Folder(root=str(tmp_path), **FOLDER))
    assert [kind for kind, *_ in found(report)] == ["attributes that give the label away", *["empty groups"] * 2]
    assert "every value of background occurs with one label only" in report.problems[0].text
    assert report.notes == ()
    assert PhotoSource(Folder(root=str(tmp_path), **FOLDER)).preview().alarms == (report.problems[0].text,)


def test_how_unusual_images_are_read_is_noted_with_their_lines(tmp_path):
    photo_lab.plain(tmp_path, n=40)
    names = read_table(Folder(root=str(tmp_path))).paths
    image = Image.open(tmp_path / names[0]).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / names[1], "JPEG", exif=exif)
    Image.fromarray((np.arange(1600).reshape(40, 40) * 40).astype(np.uint16)).save(tmp_path / names[2])
    image.convert("P").save(tmp_path / names[3])
    image.convert("CMYK").save(tmp_path / names[4], "TIFF")
    image.convert("RGBA").save(tmp_path / names[5])
    image.save(tmp_path / names[6], "GIF", save_all=True, append_images=[image.rotate(90)])
    notes = [note for note in check(Folder(root=str(tmp_path))).notes if note.line]
    assert [(note.kind, note.line) for note in notes] == [
        ("images with an EXIF rotation (turned upright)", 3),
        ("images with 16 bits per channel (the upper 8 are taken)", 4),
        ("images with a palette (its colours are looked up)", 5),
        ("images with a palette (its colours are looked up)", 8),
        ("images with CMYK (converted to RGB without a colour profile)", 6),
        ("images with transparency (put on white)", 7),
        ("images with several frames (the first is taken)", 8),
    ]


def test_near_duplicates_across_splits_are_found_if_asked_for(birds):
    lines = lines_of(birds)
    rows = [line.split(",") for line in (birds / "metadata.csv").read_text().splitlines()[1:]]
    train, test = ([row[1] for row in rows if row[3] == split] for split in "02")
    changes = [
        lambda image: image.resize((80, 64)),
        lambda image: ImageEnhance.Brightness(image).enhance(1.15),
        lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    ]
    for source, target, change in zip(train, test, changes, strict=False):
        change(Image.open(birds / source)).save(birds / target, quality=60)
    shutil.copy(birds / train[5], birds / test[5])  # identical, which is another kind
    pairs = {tuple(sorted((lines[a], lines[b]))) for a, b in zip(train[:3], test[:3], strict=True)}
    settings = Waterbirds(root=str(birds))
    assert not any("near" in kind for kind, *_ in found(check(settings)))
    near = [problem for problem in check(settings, near=True).problems if problem.kind.startswith("near-duplicates")]
    said = {(problem.line, int(problem.text.partition(", line ")[2].split()[0])) for problem in near}
    assert said == pairs
