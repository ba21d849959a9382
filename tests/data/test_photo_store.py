import csv
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core.data import contents, squares, store
from core.data.photos import PhotoSource
from core.data.sets.celeba import Celeba
from core.data.sets.folder import Folder
from core.data.store import stores
from core.data.watch import Watch
from core.errors import InputError, Stopped
from tests.data.photo_lab import celeba, pixels_of, plain, settings, waterbirds

SPLITS = ("train", "validation", "test")


def reference(path: Path, side: int) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)).transpose(
        2, 0, 1
    )


def settled(folder: Path) -> None:
    """Let no file be so new that a change at the same moment could go unseen."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (1_700_000_000, 1_700_000_000))


class Counted:
    """Counts the calls of a method of a class while it works as before."""

    def __init__(self, patch, owner, name):
        self.calls = 0
        inner = getattr(owner, name)

        def counting(*given):
            self.calls += 1
            return inner(*given)

        patch.setattr(owner, name, counting)


def test_every_row_is_the_image_that_the_table_names(birds, cache):
    dataset = PhotoSource(settings(birds), cache).load()
    with (birds / "metadata.csv").open() as file:
        table = list(csv.DictReader(file))
    seen = 0
    for number, name in enumerate(SPLITS):
        split = dataset.splits[name]
        mine = [row for row in table if int(row["split"]) == number]
        assert split.index.tolist() == [table.index(row) for row in mine]
        assert split.labels.tolist() == [int(row["y"]) for row in mine]
        assert split.attributes[:, 0].tolist() == [int(row["place"]) for row in mine]
        for image, row in zip(split.images[:], mine, strict=True):
            assert np.array_equal(image, reference(birds / row["img_filename"], 32))
        seen += len(split)
    assert seen == len(table) == 300
    assert (dataset.crop, dataset.augment) == (28, True)
    assert dataset.mean == (0.485, 0.456, 0.406)


def test_splits_are_views_of_one_mapped_array(birds, cache):
    dataset = PhotoSource(settings(birds), cache).load()
    train, validation, test = (dataset.splits[name].images for name in SPLITS)
    assert isinstance(train, np.memmap)
    assert not train.flags.writeable
    (found,) = stores(cache)
    whole = np.load(found.path / "pixels.npy")
    assert np.array_equal(whole, np.concatenate([train, validation, test]))
    assert (found.images, found.side, found.done, found.root) == (300, 32, 300, str(birds))


@pytest.mark.parametrize("kind", ["waterbirds", "celeba"])
def test_a_stream_gives_the_very_same_numbers(kind, birds, tmp_path, cache):
    given = settings(birds)
    if kind == "celeba":
        given = Celeba(root=str(celeba(tmp_path / "celeba")), stored=48, size=48)
    kept = PhotoSource(given, cache).load()
    streamed = PhotoSource(given.model_copy(update={"cache": False}), cache).load()
    assert streamed.fingerprint == kept.fingerprint
    for name in SPLITS:
        ours, theirs = streamed.splits[name].images, kept.splits[name].images
        assert (ours.shape, ours.dtype, len(ours)) == (theirs.shape, theirs.dtype, len(theirs))
        for rows in (0, -1, slice(None), slice(3, 9), slice(None, None, 5), np.array([7, 2, 2, -3]), np.arange(0)):
            assert np.array_equal(ours[rows], theirs[rows])
        with pytest.raises(IndexError):
            ours[len(ours)]
    assert np.array_equal(streamed.splits["train"].labels, kept.splits["train"].labels)


def test_a_stream_keeps_nothing_on_disk(birds, cache):
    dataset = PhotoSource(settings(birds, cache=False), cache).load()
    assert dataset.splits["train"].images[3].shape == (3, 32, 32)
    assert stores(cache) == []


def test_the_second_time_nothing_is_read_and_nothing_decoded(tmp_path, cache, monkeypatch):
    root = waterbirds(tmp_path / "birds", n=60)
    settled(root)
    read, decoded = Counted(monkeypatch, contents.ImageFiles, "read"), Counted(monkeypatch, squares.Squares, "one")
    first = PhotoSource(settings(root), cache).load()
    assert (read.calls, decoded.calls) == (120, 60)
    again = PhotoSource(settings(root), cache).load()
    assert (read.calls, decoded.calls) == (120, 60)
    assert np.array_equal(pixels_of(first), pixels_of(again))
    assert first.fingerprint == again.fingerprint


def test_a_change_of_one_image_is_seen_and_costs_a_look_at_that_one(tmp_path, cache, monkeypatch):
    root = waterbirds(tmp_path / "birds", n=60)
    settled(root)
    before = PhotoSource(settings(root), cache).load()
    changed = next(root.rglob("*.jpg"))
    Image.new("RGB", (20, 20), "red").save(changed)
    read = Counted(monkeypatch, contents.ImageFiles, "read")
    key = PhotoSource(settings(root), cache).fingerprint()
    assert read.calls == 1
    assert key != before.fingerprint
    after = PhotoSource(settings(root), cache).load()
    assert after.fingerprint == key
    differ = (pixels_of(before) != pixels_of(after)).any(axis=(1, 2, 3))
    assert differ.sum() == 1
    assert len(stores(cache)) == 2


def test_a_change_that_leaves_size_and_date_is_found_when_the_image_is_decoded(tmp_path, cache):
    root = plain(tmp_path / "any", n=60, ending="png")
    settled(root)
    given = Folder(root=str(root), attribute_columns=("background",), split_column="split", stored=16, size=16)
    PhotoSource(given, cache).fingerprint()
    changed = sorted(root.rglob("*.png"))[5]
    data = bytearray(changed.read_bytes())
    data[-20] ^= 255
    changed.write_bytes(data)
    settled(root)
    with pytest.raises(InputError, match=rf"metadata\.csv, line \d+: image '.*{changed.name}' has changed"):
        PhotoSource(given, cache).load()
    with pytest.raises(InputError, match=r"cannot be decoded"):  # what is wrong with it is seen the next time
        PhotoSource(given, cache).load()


def test_the_fingerprint_is_of_the_content_and_not_of_the_place(birds, tmp_path, cache):
    key = PhotoSource(settings(birds), cache).fingerprint()
    shutil.copytree(birds, tmp_path / "elsewhere")
    settled(tmp_path / "elsewhere")
    assert PhotoSource(settings(tmp_path / "elsewhere"), tmp_path / "other cache").fingerprint() == key
    PhotoSource(settings(birds), cache).load()
    PhotoSource(settings(tmp_path / "elsewhere"), cache).load()
    assert len(stores(cache)) == 1


def test_the_fingerprint_changes_with_all_that_a_run_sees(birds, tmp_path, cache):
    given = settings(birds)
    prints = {
        PhotoSource(given.model_copy(update=update), cache).fingerprint()
        for update in ({}, {"stored": 30}, {"size": 20}, {"augment": False}, {"cache": False})
    }
    assert len(prints) == 4  # `cache` changes nothing that is seen
    moved = shutil.copytree(birds, tmp_path / "moved")
    table = (moved / "metadata.csv").read_text().splitlines()
    label = table[0].split(",").index("y")
    cells = table[5].split(",")
    cells[label] = str(1 - int(cells[label]))
    (moved / "metadata.csv").write_text("\n".join([*table[:5], ",".join(cells), *table[6:]]) + "\n")
    prints.add(PhotoSource(settings(moved), cache).fingerprint())
    assert len(prints) == 5


def test_targets_of_the_same_faces_share_their_pixels(tmp_path, cache):
    root = str(celeba(tmp_path / "celeba"))
    blond, young = (Celeba(root=root, target=target, stored=32, size=32) for target in ("Blond_Hair", "Young"))
    assert PhotoSource(blond, cache).load().fingerprint != PhotoSource(young, cache).load().fingerprint
    assert len(stores(cache)) == 1


def test_a_build_that_was_stopped_goes_on_where_it_was(birds, cache, monkeypatch):
    decoded = Counted(monkeypatch, squares.Squares, "one")
    said = []
    stopping = Watch(lambda *told: said.append(told), lambda: said[-1][0] == "decoding" and said[-1][1] > 0)
    with pytest.raises(Stopped):
        PhotoSource(settings(birds), cache).load(stopping)
    at_stop = decoded.calls
    assert 0 < at_stop < 300
    (found,) = stores(cache)
    assert 0 < found.done < 300
    told = []
    whole = PhotoSource(settings(birds), cache).load(Watch(lambda *each: told.append(each)))
    assert decoded.calls == at_stop + 300 - found.done
    counts = [done for doing, done, total in told if doing == "decoding"]
    assert counts[0] == found.done
    assert counts == sorted(counts)
    assert counts[-1] == 300
    assert np.array_equal(pixels_of(whole), pixels_of(PhotoSource(settings(birds, cache=False), cache).load()))


def test_a_damaged_store_is_made_anew(birds, cache):
    before = pixels_of(PhotoSource(settings(birds), cache).load())
    (found,) = stores(cache)
    os.truncate(found.path / "pixels.npy", 10_000)
    assert np.array_equal(pixels_of(PhotoSource(settings(birds), cache).load()), before)


def test_a_small_disk_is_refused_before_anything_is_decoded(birds, cache, monkeypatch):
    full = SimpleNamespace(free=store.SPARE + 900_000)
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: full)
    decoded = Counted(monkeypatch, squares.Squares, "one")
    with pytest.raises(InputError, match=r"need 1 MB, but only 68 MB are free; use --no-cache, a smaller data\.stored"):
        PhotoSource(settings(birds), cache).load()
    assert decoded.calls == 0
    PhotoSource(settings(birds, stored=28), cache).load()  # that fits


def test_a_folder_that_cannot_be_written_is_refused_and_a_stream_goes_without(birds, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = tmp_path / "file" / "cache"
    with pytest.raises(InputError, match="PRUSC_CACHE"):
        PhotoSource(settings(birds), blocked).load()
    assert len(PhotoSource(settings(birds, cache=False), blocked).load().splits["test"].images[:]) == 60


@pytest.mark.parametrize("streamed", [False, True])
def test_a_broken_image_is_named_with_table_and_line(tmp_path, cache, streamed):
    root = waterbirds(tmp_path / "birds", n=60)
    lines = (root / "metadata.csv").read_text().splitlines()
    path = lines[7].split(",")[1]
    (root / path).write_bytes((root / path).read_bytes()[:300])
    with pytest.raises(InputError) as raised:
        pixels_of(PhotoSource(settings(root, cache=not streamed), cache).load())
    assert str(raised.value).startswith(f"{root}/metadata.csv, line 8: image '{path}' cannot be decoded")
    assert "prusc data check" in str(raised.value)


def test_a_missing_image_is_named_by_the_fingerprint_already(tmp_path, cache):
    root = waterbirds(tmp_path / "birds", n=60)
    path = (root / "metadata.csv").read_text().splitlines()[1].split(",")[1]
    (root / path).unlink()
    with pytest.raises(InputError, match=r"metadata\.csv, line 2: image '.*' is missing"):
        PhotoSource(settings(root), cache).fingerprint()


def test_a_table_that_does_not_fit_is_refused_without_a_look_at_an_image(tmp_path, cache, monkeypatch):
    root = waterbirds(tmp_path / "birds", n=60)
    read = Counted(monkeypatch, contents.ImageFiles, "read")
    with pytest.raises(InputError, match=r"metadata\.csv"):
        PhotoSource(settings(tmp_path), cache)
    assert PhotoSource(settings(root), cache).table.root == root
    assert read.calls == 0
    assert not cache.exists()
