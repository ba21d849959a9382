"""What a run stores of its clusters to be looked at, and maps that are computed beside it."""

import shutil
import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pytest
from safetensors.numpy import load_file

from core.artifacts import MAPPED, MODEL, features_file
from core.data.load import load
from core.events import Choice, PseudoGroupsFound
from core.explore.pictures import read_map, read_samples
from core.feed.feed import RunFeed
from core.finding.pseudo_groups import PseudoGroups
from core.runs import disk
from core.runs.disk import locked
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.training.images import Images
from core.training.network import load_network
from core.training.predict import predict
from experiments import bundled, maps
from experiments.maps import compute, main, words
from experiments.plan import config_of
from tests.engine.lab import CPU, After, copied, events, finished, forked_after, go_on, plan_of

SHOWN = ("map-pca.json", "samples.json", "samples.png")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished(Home.open(tmp_path_factory.mktemp("maps")), "prune-only")


@pytest.fixture
def copy(whole: RunFolder, tmp_path: Path) -> RunFolder:
    return copied(whole, Home.open(tmp_path / "home"))


def test_the_clusters_of_a_run_are_told_by_group_after_the_choice(whole: RunFolder) -> None:
    told = events(whole)
    kinds = [type(event) for event in told]
    assert kinds.index(Choice) < kinds.index(PseudoGroupsFound)
    clustered = told[kinds.index(PseudoGroupsFound)]
    assert isinstance(clustered, PseudoGroupsFound)
    assert clustered.groups == ["0–4 · red", "0–4 · green", "5–9 · red", "5–9 · green"]
    for by_group, by_label in zip(clustered.group_table, clustered.table, strict=True):
        assert [sum(by_group[:2]), sum(by_group[2:])] == by_label
    assert sum(map(sum, clustered.group_table)) == 600
    assert RunFeed(whole).poll().pseudo_groups == clustered


def test_the_map_of_a_run_agrees_with_its_clusters_and_predictions(whole: RunFolder) -> None:
    found = read_map(whole, "pca")
    assert found is not None
    assert len(found) == len(found.x) == len(found.y) == len(found.label) == 600
    clusters = PseudoGroups.load(whole.artifacts("find")).train
    assert [clusters[i] for i in found.index] == found.cluster
    assert 0 < sum(found.explained) <= 1
    classes = load_file(features_file(whole.artifacts("represent"), found.epoch))["classes"]
    assert found.correct == [int(classes[i] == y) for i, y in zip(found.index, found.label, strict=True)]
    assert found.group is not None
    assert {
        found.groups[g].partition(" ")[0] == found.labels[y] for g, y in zip(found.group, found.label, strict=True)
    } == {True}


def test_predictions_beside_the_representation_are_those_of_its_network(whole: RunFolder) -> None:
    config = config_of(whole.record())
    data = load(config.data, bundled.folder())
    network = load_network(config.model, data, whole.artifacts("erm") / MODEL, CPU)
    expected = predict(network, Images(data, "train", CPU)).classes.numpy()
    stored = load_file(features_file(whole.artifacts("represent"), config.erm.epochs))["classes"]
    assert (stored == expected).mean() > 0.99  # other batches round otherwise


def test_samples_of_a_run_are_images_of_its_clusters(whole: RunFolder) -> None:
    samples = read_samples(whole)
    assert samples is not None
    clusters = PseudoGroups.load(whole.artifacts("find")).train
    assert all(clusters[tile.index] == tile.cluster for tile in samples.tiles)
    assert 1 <= len(samples.of(0, 0)) <= 8
    assert samples.tile(samples.of(0, 0)[0]).size == samples.size == (28, 28)
    assert samples.tile(-1).getextrema() != ((0, 0),) * 3
    with pytest.raises(IndexError):
        samples.tile(len(samples.tiles))


@pytest.mark.parametrize(("source", "calls"), [("erm", 2), ("erm", 4), ("represent", 3)])
def test_a_stop_changes_nothing_of_what_is_shown(copy: RunFolder, source: str, calls: int) -> None:
    folder = forked_after(copy, source, plan_of("prune-only"))
    assert go_on(folder, After(calls), fresh=True) == "stopped"
    assert not folder.artifacts("find").exists()
    assert go_on(folder, fresh=True) == "finished"
    for name in SHOWN:
        ours, theirs = (f.artifacts("find") / name for f in (folder, copy))
        assert ours.read_bytes() == theirs.read_bytes(), name


def test_tsne_is_computed_by_a_process_of_its_own_while_another_writes_the_run(copy: RunFolder, at_once: None) -> None:
    record = copy.record_path.read_bytes()
    with copy.writer():
        command = [sys.executable, "-m", "experiments.maps", *words(copy, "tsne")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    ours, pca = read_map(copy, "tsne"), read_map(copy, "pca")
    assert ours is not None
    assert pca is not None
    assert (ours.method, ours.explained) == ("tsne", [])
    assert ours.index == pca.index
    assert ours.cluster == pca.cluster
    assert copy.record_path.read_bytes() == record


def said(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command answers where it cannot compute, checked to be one sentence with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["maps", *words(folder, "tsne")])
    monkeypatch.setattr("os.nice", lambda _: 0)  # of this process it could not be taken back
    assert main() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not list((folder.path / "views").glob("*.json"))
    return error


def test_bad_cases_are_one_sentence(
    copy: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(copy.artifacts("represent"))
    (copy.artifacts("find") / MAPPED).unlink()
    assert "is gone" in said(copy, monkeypatch, capsys)
    shutil.rmtree(copy.artifacts("find"))
    assert "has no pseudo-groups yet" in said(copy, monkeypatch, capsys)
    copy.delete()
    assert "no run" in said(copy, monkeypatch, capsys)


def test_who_asks_for_a_map_that_is_being_computed_gets_that_one(
    copy: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []
    at_the_lock, go_ahead = threading.Semaphore(0), threading.Event()

    def slowly(folder: RunFolder, method: str) -> bytes:
        assert go_ahead.wait(60)
        computed.append(method)
        return b"{}"

    def arrive(*args: Any, **options: Any) -> AbstractContextManager[None]:
        at_the_lock.release()
        return locked(*args, **options)

    monkeypatch.setattr(maps, "_computed", slowly)
    monkeypatch.setattr(disk, "locked", arrive)
    threads = [threading.Thread(target=compute, args=(copy, "tsne")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert at_the_lock.acquire(timeout=300)
    go_ahead.set()
    for thread in threads:
        thread.join(60)
    assert computed == ["tsne"]
    assert (copy.path / "views" / "map-tsne.json").read_bytes() == b"{}"


@pytest.mark.parametrize("content", [b"{", b"[]", orjson.dumps({"method": "pca"})])
def test_a_damaged_map_is_none(copy: RunFolder, content: bytes) -> None:
    (copy.artifacts("find") / "map-pca.json").write_bytes(content)
    (copy.artifacts("find") / "samples.json").write_bytes(content)
    assert read_map(copy, "pca") is None
    assert read_samples(copy) is None


def test_reading_needs_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, experiments.maps, core.explore.pictures; "
        "print([m for m in ('torch', 'sklearn', 'pandas', 'numpy', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
