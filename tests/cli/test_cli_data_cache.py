import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from driver import environment

from tests.data.photo_lab import waterbirds


@pytest.fixture(scope="module")
def birds(tmp_path_factory) -> Path:
    return waterbirds(tmp_path_factory.mktemp("birds"), n=120)


@pytest.fixture
def cache(prusc) -> Path:
    return Path(environment(prusc.home)["PRUSC_CACHE"])


def of(birds: Path, *more: str) -> list[str]:
    return ["waterbirds", "--data-root", str(birds), "--set", "data.stored=40", "--set", "data.size=32", *more]


def until(ready: Callable[[], bool]) -> None:
    """Wait for a condition, and not for ever."""
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_images_are_decoded_ahead_of_a_run_and_the_size_is_told_first(prusc, birds, cache):
    said = prusc("data", "cache", *of(birds))
    assert said.code == 0, said.err
    first, last = said.out.splitlines()
    assert first.startswith(f"120 images of 40 × 40: 576.1 kB in {cache} (")
    assert last.startswith("✓ 120 images decoded: ")
    assert np.load(Path(last.partition(": ")[2]) / "pixels.npy").shape == (120, 3, 40, 40)
    again = prusc("data", "cache", *of(birds))
    assert again.out.startswith("✓ 120 images already decoded: ")
    assert prusc("data", "cache", *of(birds, "--json")).json["images"] == 120


def test_what_is_decoded_is_listed_and_removed_one_by_one_or_whole(prusc, birds, cache):
    assert "no decoded images" in prusc("data", "cache", "--list").out
    small, large = (prusc("data", "cache", *of(birds, "--set", f"data.stored={s}", "--json")).json for s in (36, 48))
    listed = prusc("data", "cache", "--list")
    assert str(birds) in listed.out.replace("\n", "")
    assert "36" in listed.out
    found = prusc("data", "cache", "--list", "--json").json["stores"]
    assert {store["path"] for store in found} == {small["path"], large["path"]}
    assert all(store["decoded"] == store["images"] == 120 for store in found)
    gone = prusc("data", "cache", *of(birds, "--set", "data.stored=36", "--clear", "--json")).json["removed"]
    assert [store["path"] for store in gone] == [small["path"]]
    assert not Path(small["path"]).exists()
    assert Path(large["path"]).exists()
    assert prusc("data", "cache", "--clear").out.startswith("removed 1, ")
    assert prusc("data", "cache", "--list", "--json").json["stores"] == []


def test_ctrl_c_keeps_what_is_decoded(prusc, tmp_path, cache):
    many = waterbirds(tmp_path / "many", n=500)
    words = ["waterbirds", "--data-root", str(many), "--set", "data.stored=512", "--json"]
    with prusc.start("data", "cache", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            if line.startswith("500 images"):
                break
        until(lambda: sum(path.stat().st_blocks * 512 for path in cache.glob("images/*/pixels.npy")) > 4_000_000)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "the same command continues from there" in err
    assert out == ""
    (store,) = prusc("data", "cache", "--list", "--json").json["stores"]
    assert 0 < store["decoded"] < 500


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name a data set"),
        (["--data-root", "."], "which data set?"),
        (["demo"], "is bundled and needs no cache"),
        (["--list", "--clear"], "--list"),
        (["waterbirds", "--data-root", "."], "metadata.csv"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(prusc, cache, words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = prusc("data", "cache", *words)
    assert said.code == 2
    assert sentence in said.err
    assert said.out == ""
    assert not cache.exists()


def test_a_run_on_a_folder_without_its_table_writes_nothing(prusc, cache, tmp_path):
    (tmp_path / "empty").mkdir()
    said = prusc("run", "erm", "--data", "waterbirds", "--data-root", tmp_path / "empty")
    assert said.code == 2
    assert "metadata.csv" in said.err
    assert not prusc.home.exists()
    assert not cache.exists()
