"""Work on the data within a run: told in its log, stopped like any other, and gone on with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from core.data import squares, store
from core.data.photos import PhotoSource
from core.data.sets.waterbirds import Waterbirds
from core.data.store import stores
from core.engine import data_progress
from core.engine.data_progress import DataProgress
from core.engine.runner import Runner
from core.engine.stage import Pipeline, Stage
from core.events import Logged, Progress, StageStarted
from core.feed.feed import RunFeed
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.fork import Fork
from experiments.launch import create_run
from tests.data.photo_lab import waterbirds
from tests.engine.lab import CPU, events, never, plan_of


@dataclass(frozen=True)
class Look(Stage):
    """A stage that needs the data and hands on what it saw of them."""

    name: ClassVar[str] = "erm"

    def run(self, context) -> None:
        images = context.data.splits["train"].images
        context.emit(StageStarted(self.name, 1))
        np.save(context.directory / "sums.npy", images[:].sum(axis=(1, 2, 3)))


@dataclass(frozen=True)
class LookAgain(Look):
    """A second one."""

    name: ClassVar[str] = "find"


@pytest.fixture(scope="module")
def birds(tmp_path_factory) -> Path:
    return waterbirds(tmp_path_factory.mktemp("birds"), n=300)


@pytest.fixture
def loud(monkeypatch):
    """Every step is told, as if each had taken long."""
    for name in ("QUIET_FOR", "LINE_EVERY", "PROGRESS_EVERY"):
        monkeypatch.setattr(data_progress, name, 0.0)


def pipeline(birds: Path, cache: Path) -> Pipeline:
    source = PhotoSource(Waterbirds(root=str(birds), stored=32, size=32), cache)
    return Pipeline((Look(),), identify=source.fingerprint, load_data=source.load)


def work(folder: RunFolder, of: Pipeline, stop: Callable[[], bool] = never) -> str:
    return Runner(folder, of, plan_of("erm").config, CPU, stop).run()


def new_run(home: Home) -> RunFolder:
    return create_run(home, plan_of("erm"))


def lines(folder: RunFolder) -> list[str]:
    return [event.text for event in events(folder) if isinstance(event, Logged) and event.level == "data"]


def test_a_run_that_is_stopped_while_it_decodes_goes_on_there(birds, home, tmp_path, monkeypatch, loud):
    decoded, inner = [], squares.Squares.one
    monkeypatch.setattr(squares.Squares, "one", lambda self, row: decoded.append(row) or inner(self, row))
    folder = new_run(home)
    assert work(folder, pipeline(birds, tmp_path / "cache"), lambda: len(decoded) > 0) == "stopped"
    assert folder.record().status == "stopped"
    assert any(line.startswith("decoding 300 images: ") for line in lines(folder))
    (found,) = stores(tmp_path / "cache")
    assert 0 < found.done < 300
    before = len(decoded)
    assert work(folder, pipeline(birds, tmp_path / "cache")) == "finished"
    assert len(decoded) == before + 300 - found.done
    assert "decoding 300 images: 100 %" in lines(folder)
    undisturbed = new_run(home)
    assert work(undisturbed, pipeline(birds, tmp_path / "other cache")) == "finished"
    sums = [np.load(each.artifacts("erm") / "sums.npy") for each in (folder, undisturbed)]
    assert np.array_equal(*sums)


def test_a_run_that_is_stopped_while_its_images_are_read_has_begun_no_stage(birds, home, tmp_path, loud):
    folder = new_run(home)
    asked = iter([True])
    assert work(folder, pipeline(birds, tmp_path / "cache"), lambda: next(asked, True)) == "stopped"
    assert [stage.status for stage in folder.record().stages] == ["waiting"]
    assert any(line.startswith("reading 300 images: ") for line in lines(folder))
    assert not [event for event in events(folder) if isinstance(event, Progress)]


def test_how_far_decoding_is_is_the_progress_of_the_stage_until_it_starts(birds, home, tmp_path, loud):
    folder = new_run(home)
    assert work(folder, pipeline(birds, tmp_path / "cache")) == "finished"
    said = events(folder)
    start = next(i for i, event in enumerate(said) if isinstance(event, StageStarted))
    steps = [event.step for event in said[:start] if isinstance(event, Progress)]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 300)
    assert not [event for event in said[start:] if isinstance(event, Progress)]
    (stage,) = RunFeed(folder).poll().stages
    assert (stage.step, stage.total) == (1, 1)


def test_a_run_on_decoded_images_says_nothing_of_them(birds, home, tmp_path):
    work(new_run(home), pipeline(birds, tmp_path / "cache"))
    folder = new_run(home)
    assert work(folder, pipeline(birds, tmp_path / "cache")) == "finished"
    assert lines(folder) == []
    assert not [event for event in events(folder) if isinstance(event, Progress)]


def test_equal_images_elsewhere_give_the_same_key_and_are_reused(birds, home, tmp_path):
    import shutil

    first, second = new_run(home), new_run(home)
    work(first, pipeline(birds, tmp_path / "cache"))
    copied = Path(shutil.copytree(birds, tmp_path / "copy"))
    work(second, pipeline(copied, tmp_path / "cache"))
    assert second.record().stage("erm").reused == first.id


def test_a_broken_image_fails_the_run_with_its_line(home, tmp_path):
    root = waterbirds(tmp_path / "birds", n=60)
    path = (root / "metadata.csv").read_text().splitlines()[3].split(",")[1]
    (root / path).write_bytes(b"nothing")
    folder = new_run(home)
    assert work(folder, pipeline(root, tmp_path / "cache")) == "failed"
    assert f"metadata.csv, line 4: image '{path}' is not an image" in folder.record().reason


def test_a_full_disk_fails_the_run_and_a_resume_goes_on(birds, home, tmp_path, monkeypatch):
    import errno
    import os

    write, left = os.pwrite, [100]

    def full(*given):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(*given)

    monkeypatch.setattr(store.os, "pwrite", full)
    folder = new_run(home)
    assert work(folder, pipeline(birds, tmp_path / "cache")) == "failed"
    assert "the disk is full" in folder.record().reason
    monkeypatch.setattr(store.os, "pwrite", write)
    assert work(folder, pipeline(birds, tmp_path / "cache")) == "finished"


def test_lines_are_few_and_the_last_one_is_told():
    said, now = [], [0.0]
    tell = DataProgress(said.append, "erm", lambda: now[0])
    for second in range(31):
        now[0] = float(second)
        tell("decoding", second * 10, 300)
    texts = [event.text for event in said if isinstance(event, Logged)]
    assert texts == [f"decoding 300 images: {share} %" for share in (6, 40, 73, 100)]
    assert [event.step for event in said if isinstance(event, Progress)] == list(range(20, 301, 10))
    said.clear()
    for done in (0, 20):
        tell("reading", done, 20)
    assert said == []  # too short a work to speak of


@pytest.mark.parametrize("forks", [False, True])
def test_a_run_does_not_go_on_with_other_data(home, tmp_path, forks):
    root, cache = waterbirds(tmp_path / "birds", n=60), tmp_path / "cache"

    def two_stages() -> Pipeline:
        first = pipeline(root, cache)
        return replace(first, stages=(Look(), LookAgain()))

    folder = create_run(home, plan_of("prune-only"))
    assert work(folder, two_stages(), lambda: folder.artifacts("erm").exists()) == "stopped"
    if forks:
        folder = create_run(home, plan_of("prune-only"), fork=Fork(folder.record(), "erm"))
    table = root / "metadata.csv"
    before = table.read_text()
    heading, *rows = before.splitlines()
    table.write_text("\n".join([heading, *rows[::-1]]))
    assert work(folder, two_stages()) == "failed"
    assert folder.record().reason == "the start: the data has changed since the run began; start a new run with it"
    table.write_text(before)
    assert work(folder, two_stages()) == "finished"


def test_an_image_that_ended_a_run_at_its_start_can_be_repaired(home, tmp_path):
    root = waterbirds(tmp_path / "birds", n=60)
    path = root / (root / "metadata.csv").read_text().splitlines()[3].split(",")[1]
    whole = path.read_bytes()
    path.write_bytes(b"nothing")
    folder = new_run(home)
    assert work(folder, pipeline(root, tmp_path / "cache")) == "failed"
    path.write_bytes(whole)
    assert work(folder, pipeline(root, tmp_path / "cache")) == "finished"
