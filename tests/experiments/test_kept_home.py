"""A home that version 0.1.0 wrote still opens: runs are listed, shown, compared, exported and resumed."""

import json
import tarfile
from pathlib import Path

import pytest
import torch

from core.errors import InputError
from core.feed.feed import RunFeed
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.tensors import load_tensors
from experiments.fork import plan_fork, read_fork
from tests.cli.driver import Prusc

KEPT = Path(__file__).parent.parent / "kept" / "home-0.1.0.tar.xz"
FINISHED, OTHER, IRM, STOPPED = "9trbqekg", "vk7nvcnz", "fwty52a4", "cybazp8m"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(KEPT) as archive:
        archive.extractall(folder, filter="data")
    return folder / "kept"


@pytest.fixture(scope="module")
def prusc(home):
    """What a command prints that must work."""
    command = Prusc(home)

    def run(*words):
        said = command(*words)
        assert said.code == 0, said.err
        return said.out

    return run


def test_runs_are_listed_from_the_old_index_and_from_their_folders(prusc):
    names = {"finished-0", "finished-1", "irm-0", "stopped-2"}
    assert {run["name"] for run in json.loads(prusc("ls", "--json"))["runs"]} == names
    prusc("index", "rebuild")
    assert {run["name"] for run in json.loads(prusc("ls", "--json"))["runs"]} == names


def test_results_and_events_are_read_as_they_were_written(home):
    snapshot = RunFeed(RunFolder.open(Home.open(home, create=False), FINISHED)).poll()
    record = snapshot.record
    assert [stage.state for stage in snapshot.stages] == ["done"] * 6
    assert record.stage("finetune").keep_ratio == record.stage("prune").keep_ratio < 1
    for stage in ("erm", "prune", "finetune"):
        final = snapshot.evaluations[stage, "test"][-1]
        assert final.final
        assert final.evaluation.to_json() == record.stage(stage).evaluations["test"]
    assert snapshot.pseudo_groups is not None
    assert snapshot.balanced is not None
    assert set(snapshot.selected) == {"erm", "prune", "finetune"}


def test_runs_are_shown_compared_and_exported(prusc, tmp_path):
    assert "finished-0" in prusc("show", "finished-0")
    assert "finished-1" in prusc("compare", "finished-0", "finished-1")
    assert "restarts" in prusc("show", "irm-0")
    prusc("export", "finished-0", "--to", str(tmp_path))
    assert {"model.safetensors", "masks.safetensors", "metrics.csv", "groups.csv"} <= {
        file.name for file in tmp_path.iterdir()
    }


def test_old_clusters_are_not_taken_over_and_the_stage_before_them_is(home):
    fork = read_fork(Home.open(home, create=False), f"{FINISHED}:balance")
    with pytest.raises(InputError, match=r"an earlier version clustered 'finished-0'; reuse its stage 'represent'"):
        plan_fork(fork, None, [])
    fork = read_fork(Home.open(home, create=False), f"{FINISHED}:represent")
    assert plan_fork(fork, None, []).config.find.by == "clusters"


def test_a_stopped_run_is_resumed_to_what_an_uninterrupted_one_comes_to(home, prusc):
    prusc("run", "--from", f"{STOPPED}:represent", "--name", "uninterrupted", "--device", "cpu")
    prusc("resume", STOPPED, "--fresh", "--device", "cpu")
    record = RunFolder.open(Home.open(home, create=False), STOPPED).record()
    stages = ["erm", "represent", "cluster", "find", "balance", "prune", "finetune", "head", "best"]
    assert [(stage.name, stage.status) for stage in record.stages] == [(stage, "done") for stage in stages]
    (other,) = [run["id"] for run in json.loads(prusc("ls", "--json"))["runs"] if run["name"] == "uninterrupted"]
    resumed, whole = (
        load_tensors(home / "runs" / run / "artifacts" / "finetune" / "model.safetensors") for run in (STOPPED, other)
    )
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in resumed)
