"""The files that ship, and what is read from them."""

import gzip
import hashlib
import shutil
import subprocess
import sys
import zlib

import numpy as np
import pytest

from core.data.idx import NAMES, checksums, parse_idx, read_digits
from core.data.load import load
from core.data.sets.colored_mnist import ColoredMnist
from core.data.sets.multi_mnist import MultiMnist
from core.data.sets.patch_mnist import PatchMnist
from core.data.sets.texture_mnist import TextureMnist
from core.errors import InputError
from experiments.bundled import folder
from experiments.bundled.pack import main, pack

LABELS = "t10k-labels-idx1-ubyte"


def fingerprint(settings, digits):
    return settings.source(digits, None).fingerprint()


@pytest.fixture
def copy(tmp_path):
    """A copy of the small files of the bundle, to damage."""
    for name in ("SHA256SUMS", f"{LABELS}.gz", "t10k-images-idx3-ubyte.gz"):
        shutil.copy(folder() / name, tmp_path)
    return tmp_path


def test_the_bundle_is_whole_small_and_has_its_licence(train_digits, test_digits):
    assert train_digits.images.shape == (60_000, 28, 28)
    assert test_digits.images.shape == (10_000, 28, 28)
    assert np.bincount(train_digits.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test_digits.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert sum(path.stat().st_size for path in folder().glob("*.gz")) <= 12_000_000
    text = (folder() / "LICENSE").read_text()
    assert all(word in text for word in ("LeCun", "Cortes", "Burges", "creativecommons.org/licenses/by-sa/3.0"))


def test_packing_the_unpacked_digits_again_gives_the_same_bytes(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in NAMES:
        content = gzip.decompress((folder() / f"{name}.gz").read_bytes())
        (source / f"{name}.gz").write_bytes(gzip.compress(content, 1))
    pack(source, target)
    assert checksums(target) == checksums(folder())
    if "ng" in zlib.ZLIB_RUNTIME_VERSION:
        pytest.skip("zlib-ng compresses to other bytes; the content is the same")
    for name in ("SHA256SUMS", *(f"{name}.gz" for name in NAMES)):
        assert (target / name).read_bytes() == (folder() / name).read_bytes()


def test_the_sums_are_those_of_the_files():
    lines = (folder() / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == 8
    for line in lines[:4]:
        digest, name = line.split("  ")
        assert hashlib.sha256((folder() / name).read_bytes()).hexdigest() == digest


def test_packing_what_is_not_mnist_gives_a_sentence_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz: is missing"):
        pack(tmp_path, tmp_path)
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x02ab"))
    with pytest.raises(InputError, match=r"shape \(2,\), expected \(60000, 28, 28\)"):
        pack(tmp_path, tmp_path)
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(gzip.compress(b"no idx"))
    with pytest.raises(InputError, match="is not an idx file"):
        pack(tmp_path, tmp_path)
    assert main([str(tmp_path)]) == 2
    assert "is not an idx file" in capsys.readouterr().err
    assert main([]) == 2
    assert not (tmp_path / "SHA256SUMS").exists()


def test_idx_arrays_have_the_shape_of_their_header():
    content = b"\x00\x00\x08\x02" + (2).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes(range(6))
    assert parse_idx(content).tolist() == [[0, 1, 2], [3, 4, 5]]
    for broken in (content[:-1], content + b"x", b"\x00\x00\x0d" + content[3:], content[:7], b""):
        with pytest.raises(ValueError, match=r"idx file|values"):
            parse_idx(broken)


@pytest.mark.parametrize("name", ["SHA256SUMS", f"{LABELS}.gz"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(InputError, match=rf"{name}: is missing; reinstall prusc-tui"):
        read_digits(copy, "t10k")


@pytest.mark.parametrize("where", [0, 2_000, -3])
def test_a_damaged_file_is_named(copy, where):
    path = copy / f"{LABELS}.gz"
    data = bytearray(path.read_bytes())
    data[where] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"{LABELS}.gz: is damaged.*; reinstall prusc-tui"):
        read_digits(copy, "t10k")


def test_a_cut_file_is_named(copy):
    path = copy / f"{LABELS}.gz"
    path.write_bytes(path.read_bytes()[:3_000])
    with pytest.raises(InputError, match=rf"{LABELS}.gz: is damaged"):
        read_digits(copy, "t10k")


def test_other_content_in_a_whole_file_is_refused(copy):
    (copy / f"{LABELS}.gz").write_bytes(
        gzip.compress(b"\x00\x00\x08\x01" + (10_000).to_bytes(4, "big") + bytes(10_000))
    )
    with pytest.raises(InputError, match="its checksum does not match SHA256SUMS"):
        read_digits(copy, "t10k")


def test_sums_that_lack_a_file_are_refused(copy):
    (copy / "SHA256SUMS").write_text("0  train-images-idx3-ubyte\n")
    with pytest.raises(InputError, match="SHA256SUMS: is damaged"):
        checksums(copy)


def test_the_fingerprint_changes_with_any_setting_and_with_nothing_else():
    base = MultiMnist()
    changes = {
        "train_size": 20_000,
        "validation_size": 400,
        "test_size": 400,
        "label_noise": 0.1,
        "evaluation": "as-train",
        "seed": 1,
        "correlation": 0.9,
        "saturation": 1.0,
        "patch_correlation": 0.9,
        "patch_size": 4,
    }
    assert set(changes) == set(MultiMnist.model_fields) - {"name"}
    others = [base.model_copy(update={key: value}) for key, value in changes.items()]
    others += [ColoredMnist(), ColoredMnist(classes=5), PatchMnist(), TextureMnist(), TextureMnist(contrast=0.4)]
    prints = [fingerprint(settings, folder()) for settings in (base, *others)]
    assert len(set(prints)) == len(prints)
    assert fingerprint(MultiMnist(seed=0, patch_size=5), folder()) == prints[0]


def test_the_fingerprint_needs_no_images_and_changes_with_the_digits(tmp_path):
    path = tmp_path / "SHA256SUMS"
    shutil.copy(folder() / "SHA256SUMS", path)
    assert fingerprint(ColoredMnist(), tmp_path) == fingerprint(ColoredMnist(), folder())
    path.write_text(path.read_text().replace(checksums(folder())[LABELS], "0" * 64))
    assert fingerprint(ColoredMnist(), tmp_path) != fingerprint(ColoredMnist(), folder())


def test_loading_gives_the_data_set_of_the_section_with_its_fingerprint(make):
    settings = TextureMnist(train_size=500, validation_size=40, test_size=40)
    loaded, made = load(settings, folder()), make(settings)
    assert loaded.fingerprint == fingerprint(settings, folder())
    assert loaded.name == "texture-mnist"
    for name, split in loaded.splits.items():
        assert np.array_equal(split.images, made.splits[name].images)


def test_importing_the_data_half_brings_in_nothing_heavy():
    code = "import sys, core.data, core.data.sample; print({'torch', 'PIL', 'pandas', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
