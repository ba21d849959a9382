"""`prusc run STUDY`: only what is missing, live, stopped and gone on with by the same command."""

import re
import signal
import subprocess
import time

import pytest
from driver import Prusc, files_below

import experiments.plan
from core.errors import InputError
from core.runs.alive import identity
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from prusc_tui.cli.host import stop_on_signals

SETTINGS = (
    "data.train_size=200",
    "data.validation_size=80",
    "data.test_size=80",
    "model.name=mlp",
    "erm.epochs=0.5",
    "erm.keep_epochs=[0.5]",
    "cluster.candidates=[2]",
    "cluster.min_skew=0.5",
    "train.hidden=8",
    "train.steps=2",
    "train.anneal_until=1",
    "train.restarts=2",
    "select.looks=1",
)
TINY = [word for setting in SETTINGS for word in ("--set", setting)]
STUDY = "cmnist-study"
ONLY = ("--only", "irm,vrex,cmnist-small-eta10,cmnist-small-eta25")
STATE = re.compile(r"^\[(\d)/4\] (\S+ on \S+)(?:  (.+): (\w{8}))?$", re.MULTILINE)
TITLES = [f"{recipe} on cmnist-small-{noise}" for noise in ("eta10", "eta25") for recipe in ("irm", "vrex")]


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """`prusc` with a home that holds a finished study of four runs, and what the command said."""
    prusc = Prusc(tmp_path_factory.mktemp("studied"))
    prusc.said = prusc("run", STUDY, *TINY, *ONLY, "--tag", "tiny", "--json")
    assert prusc.said.code == 0, prusc.said.err
    return prusc


def test_every_run_is_announced_and_ends_with_its_result(studied):
    assert STATE.findall(studied.said.err) == [(str(i), title, "", "") for i, title in enumerate(TITLES, 1)]
    results = re.findall(r"^ +✓ finished after .+  test .+ ± .+ % \(n = 80, restarts: 2\)$", studied.said.err, re.M)
    assert len(results) == 4
    assert "cmnist-study: ✓ 4 finished" in studied.said.err
    assert "prusc table cmnist" in studied.said.err


def test_the_json_lists_the_runs_with_the_tags_and_names_of_the_study(studied):
    told = studied.said.json
    assert (told["study"], told["tasks"]) == (STUDY, 4)
    assert [f"{run['recipe']} on {run['preset']}" for run in told["runs"]] == TITLES
    assert {(run["did"], run["status"], tuple(run["tags"])) for run in told["runs"]} == {
        ("made", "finished", (STUDY, "tiny"))
    }
    assert told["runs"][0]["name"] == "cmnist-study/irm/eta10"


def test_stages_that_runs_share_are_made_once(studied):
    irm, vrex = (studied("show", f"cmnist-study/{recipe}/eta25", "--json").json for recipe in ("irm", "vrex"))
    assert [stage["reused"] for stage in irm["stages"]] == [None] * 6
    assert [stage["reused"] for stage in vrex["stages"]] == [irm["id"]] * 5 + [None]


def test_the_same_command_again_finds_everything_done_and_changes_nothing(studied):
    before = files_below(studied.home / "runs")
    again = studied("run", STUDY, *TINY, *ONLY)
    assert again.code == 0
    ids = [run["id"] for run in studied.said.json["runs"]]
    assert STATE.findall(again.out) == [
        (str(i), title, "finished before", id) for i, (title, id) in enumerate(zip(TITLES, ids, strict=True), 1)
    ]
    assert files_below(studied.home / "runs") == before


def test_only_what_is_missing_is_made_and_another_setting_is_another_run(studied):
    one = ["--only", "irm,cmnist-small-eta25"]
    before = {run["id"] for run in studied("ls", "--json").json["runs"]}
    other = studied("run", STUDY, *TINY, *one, "--set", "train.l2=0.5", "--json").json["runs"]
    seeded = studied("run", STUDY, *TINY, *one, "--seed", "1", "--json").json["runs"]
    try:
        assert [run["did"] for run in (*other, *seeded)] == ["made"] * 2
        assert before.isdisjoint(run["id"] for run in (*other, *seeded))
        assert [run["name"] for run in seeded] == ["cmnist-study/irm/eta25/seed-1"]
        table = " ".join(studied("table", "cmnist", "--format", "markdown").out.split())
        assert "| IRM, inferred environments (ours): train.l2=0.5 |" in table
        assert "| IRM, inferred environments (ours) |" in table
        assert "4 restarts, seeds 0, 1" in table
    finally:
        studied("rm", "-y", *(run["id"] for run in (*other, *seeded)))


def test_a_run_that_another_process_works_on_is_left_alone_and_named(studied):
    id = studied.said.json["runs"][0]["id"]
    folder = RunFolder.open(Home.open(studied.home), id)
    before = folder.record()
    process = subprocess.Popen(["sleep", "60"])
    try:
        RunLog(folder.home).put(folder.update(status="running", **identity(process.pid)))
        said = studied("run", STUDY, *TINY, *ONLY)
        assert said.code == 0
        assert STATE.findall(said.out)[0] == ("1", TITLES[0], "in another process", id)
        assert re.search(rf"^▸ {TITLES[0]}: {id} is running on ", said.out, re.MULTILINE)
        assert "▸ 1 running, ✓ 3 finished" in said.out
    finally:
        process.kill()
        process.wait()
        RunLog(folder.home).put(folder.update(status=before.status, pid=before.pid, pid_started=before.pid_started))


def test_a_run_that_cannot_even_begin_is_failed_with_its_reason_and_the_next_one_begins(prusc, monkeypatch):
    def broken(config):
        raise InputError("the digits are gone")

    monkeypatch.setattr(experiments.plan, "build_pipeline", broken)
    said = prusc("run", STUDY, *TINY, "--only", "erm-pooled,irm-given,cmnist-small-eta25", "--json")
    assert said.code == 1
    assert [(run["status"], run["reason"]) for run in said.json["runs"]] == [("failed", "the digits are gone")] * 2


def test_a_run_that_fails_is_said_the_others_go_on_and_the_same_command_tries_it_again(prusc):
    # k-means cannot make so many clusters of so few images, so the recipe with clusters fails.
    words = ["--set", "cluster.k=512", "--only", "irm,erm-pooled,cmnist-small-eta25"]
    said = prusc("run", STUDY, *TINY, *words)
    assert said.code == 1
    assert re.search(r"^cmnist-study: ✓ 1 finished, ✗ 1 failed$", said.out, re.MULTILINE)
    failed = re.search(r"^✗ irm on cmnist-small-eta25: cluster: .+\n  see: prusc show (\w{8})$", said.out, re.MULTILINE)
    again = prusc("run", STUDY, *TINY, *words, "--json")
    assert again.code == 1
    assert [(run["did"], run["status"]) for run in again.json["runs"]] == [("kept", "finished"), ("resumed", "failed")]
    assert again.json["runs"][1]["id"] == failed[1]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--set", "train.stepz=3"], "'train.steps'"),
        (["--set", "model.name=resnet81"], "'resnet81'"),
        (["--only", "irn"], "'irm'"),
        (["--device", "cuda:9"], "--device cuda:9"),
        (["--data", "demo"], "--data: 'cmnist-study' is a study"),
        (["--name", "mine"], "--name: "),
        (["--from", "last:erm"], "--from: "),
        (["--detach"], "would start"),
    ],
)
def test_bad_input_gets_one_sentence_and_nothing_is_written(prusc, words, hint):
    said = prusc("run", STUDY, *words)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert hint in said.err
    assert not prusc.home.exists()


def test_only_is_for_studies(prusc):
    said = prusc("run", "irm", "--only", "irm")
    assert said.code == 2
    assert "--only" in said.err


def test_recipes_lists_studies_and_shows_which_of_their_runs_are_done(prusc):
    listed = prusc("recipes", "--json").json["studies"]
    assert {"cmnist-study", "cmnist-full"} <= {study["name"] for study in listed}
    assert STUDY in prusc("recipes").out
    own = prusc("recipes", "show", "cmnist-published", "--json").json["settings_of"]
    assert own["erm-pooled"] == {"train.hidden": 256, "train.lr": 0.001, "train.l2": 0.001}
    assert "settings of erm-pooled: train.hidden=256, " in prusc("recipes", "show", "cmnist-published").out
    runs = prusc("recipes", "show", STUDY, "--json").json["runs"]
    assert len(runs) == 30
    assert {run["status"] for run in runs} == {None}
    assert "0 of 30 finished" in prusc("recipes", "show", STUDY).out
    assert not prusc.home.exists()


def test_ctrl_c_stops_with_a_checkpoint_and_the_same_command_goes_on(prusc):
    steps = ["--set", "train.steps=800", "--set", "train.restarts=1"]
    longer = [*TINY, *steps, "--only", "erm-pooled,cmnist-small-eta10,cmnist-small-eta25"]

    def trains():
        return any(b'"scalars"' in path.read_bytes() for path in prusc.home.glob("runs/*/events.jsonl"))

    with prusc.start("run", STUDY, *longer, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not trains() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "The same command continues" in err
    assert "■ stopped" in out
    assert "1 to come" in out
    assert [run["status"] for run in RunLog(Home.open(prusc.home)).all()] == ["stopped"]
    again = prusc("run", STUDY, *longer, "--json")
    assert again.code == 0
    assert re.search(r"^train: starts, 800 steps, from step [1-9]", again.err, re.MULTILINE)
    assert [(run["did"], run["status"]) for run in again.json["runs"]] == [
        ("resumed", "finished"),
        ("made", "finished"),
    ]


@pytest.mark.parametrize(("before", "stops"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_hang_up_stops_unless_the_process_was_started_to_ignore_it(before, stops):
    kept = signal.signal(signal.SIGHUP, before)
    try:
        with stop_on_signals() as stopper:
            signal.raise_signal(signal.SIGHUP)
            assert stopper.asked is stops
        assert signal.getsignal(signal.SIGHUP) == before
    finally:
        signal.signal(signal.SIGHUP, kept)
