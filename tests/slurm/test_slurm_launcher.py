"""What the SLURM launcher asks of SLURM and makes of its answers, with commands that only pretend to be SLURM's."""

import os
import signal
import subprocess
import sys
import time

import orjson
import pytest
from driver import TINY, Prusc, environment, files_below, said

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from experiments import actions, launchers
from experiments.launchers.slurm import SlurmLauncher
from experiments.resources import Resources
from experiments.slurm import cluster, job, profiles
from experiments.slurm.job import RunJob
from experiments.slurm.profiles import read_profile
from tests.forked import Forked
from tests.slurm.fake import Fake

pytest.importorskip("submitit", reason="submitit is not installed")


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))
    yield Fake(folder)
    cluster._lists.clear()


def a_run(home, name="one", **changes):
    record = RunRecord(id=new_id(), name=name, recipe="erm", data="demo", stages=(StageRecord("erm"),), **changes)
    folder = RunFolder.create(home, record)
    RunLog(home).register(record)
    return folder


def with_job(home, name="one", **changes):
    return a_run(home, name, **({"launcher": "slurm", "job": "7"} | changes))


def settings(tmp_path, text):
    (tmp_path / "settings.toml").write_text(text)


def test_many_runs_are_one_array_with_what_their_profile_asks_for(slurm, home, tmp_path):
    settings(
        tmp_path,
        """
        [slurm.default]
        partition = "short"
        account = "vision"
        memory_gb = 1.5
        threads = 4
        at_once = 2
        setup = ["module load cuda"]
        [slurm.default.sbatch]
        reservation = "paper; rm"
        """,
    )
    names = ("one", "two; rm -rf", "three")
    folders = [a_run(home, name, config={"seed": seed}) for seed, name in enumerate(names)]
    SlurmLauncher().start_all(folders, device="auto", fresh=False, resources=Resources(gpus=1, minutes=20))
    script = slurm.read("submitted")
    for line in (
        "#SBATCH --array=0-2%2",
        "#SBATCH --partition=short",
        "#SBATCH --account=vision",
        "#SBATCH --mem=1536M",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --gpus-per-node=1",
        "#SBATCH --time=20",
        "#SBATCH --reservation='paper; rm'",
        "#SBATCH --requeue",
        "module load cuda",
    ):
        assert line in script.splitlines()
    assert "rm -rf" not in script
    assert len(slurm.called("sbatch")) == 1
    slurm.says("1_0|PENDING|Priority|", "1_1|PENDING|Priority|", "1_2|PENDING|Priority|")
    runs = RunLog(home).all()
    assert {run["job"] for run in runs} == {"1_0", "1_1", "1_2"}
    assert {(run["status"], run["launcher"], run["pid"]) for run in runs} == {("queued", "slurm", None)}
    assert not launchers.settle(home, runs)
    assert SlurmLauncher().state(folders[1]).reason == "job 1_1: PENDING (Priority)"


@pytest.mark.parametrize(
    ("asked", "device", "minutes"),
    [
        ({}, "cpu", 240),
        ({"gpus": 1}, "cuda", 240),
        ({"gpus": 2, "minutes": 5}, "cuda:0,cuda:1", 5),
    ],
    ids=["nothing", "gpu", "gpus"],
)
def test_a_run_takes_no_more_gpus_than_it_asks_for_and_the_usual_time_of_its_partition(slurm, asked, device, minutes):
    wanted = profiles.request("auto", Resources(**asked))
    assert (wanted.device, wanted.minutes) == (device, minutes)


PROCESS = {"pid": 12, "pid_started": 1.0, "host": "a-node"}
WAITS, BEGAN, WORKS = {}, {"started": 5.0}, {"status": "running", "started": 5.0, **PROCESS}


@pytest.mark.parametrize(
    ("record", "jobs", "status", "reason"),
    [
        (WAITS, ["7|PENDING|Resources|"], "queued", ""),
        (WAITS, ["7|RUNNING|None|a-node"], "queued", ""),
        (WAITS, ["7|FAILED|NonZeroExitCode|a-node"], "failed", "job 7: FAILED (NonZeroExitCode)"),
        (WAITS, ["7|NODE_FAIL|None|a-node"], "failed", "job 7: NODE_FAIL"),
        (WAITS, ["7|PENDING|PartitionTimeLimit|"], "failed", "job 7: PENDING (PartitionTimeLimit)"),
        (WAITS, ["7|CANCELLED|None|"], "stopped", "job 7: CANCELLED"),
        (WAITS, ["70|PENDING|None|"], "failed", "job 7: SLURM no longer knows it"),
        (BEGAN, ["7|TIMEOUT|None|a-node"], "stopped", "job 7: TIMEOUT"),
        (BEGAN, ["7|NODE_FAIL|None|a-node"], "lost", "job 7: NODE_FAIL"),
        (WORKS, ["7|RUNNING|None|a-node"], "running", ""),
        (WORKS, ["7|COMPLETING|None|a-node"], "running", ""),
        (WORKS, ["7|NODE_FAIL|NodeDown|a-node"], "lost", "job 7: NODE_FAIL (NodeDown)"),
        (WORKS, ["7|OUT_OF_MEMORY|OutOfMemory|a-node"], "lost", "job 7: OUT_OF_MEMORY (OutOfMemory)"),
        (WORKS, ["7|PENDING|BeginTime|"], "queued", ""),
        (WORKS, ["70|PENDING|None|"], "running", ""),  # which its heartbeat must tell
    ],
)
def test_what_slurm_says_of_a_job_is_what_becomes_of_its_run(slurm, home, record, jobs, status, reason):
    folder = with_job(home, **record)
    slurm.says(*jobs)
    SlurmLauncher().settle(home, [folder.id])
    (run,) = RunLog(home).all()
    assert (run["status"], run["reason"]) == (status, reason)
    assert (run["pid"] is None) == (status != "running")


def test_a_job_that_can_never_start_is_cancelled(slurm, home):
    folder = with_job(home)
    slurm.says("7|PENDING|BadConstraints|")
    SlurmLauncher().settle(home, [folder.id])
    assert slurm.called("scancel") == ["--quiet 7"]


def test_jobs_that_are_held_are_known(slurm, home):
    folders = [with_job(home, f"run {number}", job=f"7_{number}") for number in range(5)]
    held = ("JobHeldUser", "JobHeldAdmin", "job requeued in held state")
    slurm.says(
        *(f"7_{number}|PENDING|{reason}|" for number, reason in enumerate(held)),
        "7_3|PENDING|Priority|",
        "7_4|RUNNING|None|a-node",
    )
    assert launchers.held(home, RunLog(home).all()) == {folder.id for folder in folders[:3]}


@pytest.mark.parametrize(("jobs", "status"), [("7|CANCELLED|None|", "stopped"), ("7|NODE_FAIL|None|a-node", "lost")])
def test_whoever_sees_what_became_of_a_job_tells_once(slurm, home, tmp_path, jobs, status):
    told = tmp_path / "told"
    words = [sys.executable, "-c", f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())"]
    settings(tmp_path, f"[notify]\ncommand = {orjson.dumps(words).decode()}\n")
    folder = with_job(home, **(WORKS if status == "lost" else BEGAN))
    slurm.says(jobs)
    for _ in range(2):
        SlurmLauncher().settle(home, [folder.id])
    until = time.monotonic() + 30
    while not (told.exists() and told.read_text().endswith("\n")):
        assert time.monotonic() < until
        time.sleep(0.05)
    (line,) = told.read_text().splitlines()
    assert (orjson.loads(line)["id"], orjson.loads(line)["status"]) == (folder.id, status)


def test_nothing_changes_while_slurm_does_not_answer(slurm, home):
    folder = with_job(home)
    (slurm.folder / "silent").touch()
    assert not SlurmLauncher().settle(home, [folder.id])
    assert SlurmLauncher().state(folder).status == "queued"


def test_a_run_that_ends_while_slurm_is_asked_stays_as_it_ended(slurm, home, monkeypatch):
    folder = with_job(home, **WORKS)
    slurm.says("7|COMPLETED|None|a-node")
    ask = cluster.ask

    def meanwhile(*command, **options):
        folder.update(status="finished")
        return ask(*command, **options)

    monkeypatch.setattr(cluster, "ask", meanwhile)
    SlurmLauncher().settle(home, [folder.id])
    assert folder.record().status == "finished"


def test_slurm_is_asked_once_for_many_runs(slurm, home):
    folders = [with_job(home, f"run {number}", job=f"7_{number}") for number in range(30)]
    slurm.says(*(f"7_{number}|PENDING|Priority|" for number in range(30)))
    SlurmLauncher().settle(home, [folder.id for folder in folders])
    for folder in folders:
        SlurmLauncher().state(folder)
    assert len(slurm.called("squeue")) == 1


def test_many_runs_are_stopped_at_once_those_that_wait_by_scancel(slurm, home):
    waiting = [with_job(home, name, job=f"7_{name}") for name in "01"]
    running = with_job(home, "runs", job="7_2", status="running", **PROCESS)
    slurm.says("7_0|PENDING|None|", "7_1|PENDING|None|", "7_2|RUNNING|None|a-node")
    SlurmLauncher().stop_all([*waiting, running])
    assert slurm.called("scancel") == ["--quiet 7_0 7_1"]
    assert [folder.record().status for folder in (*waiting, running)] == ["stopped", "stopped", "running"]
    assert [folder.stop_requested() for folder in (*waiting, running)] == [False, False, True]


def test_a_run_that_is_started_again_leaves_its_old_job(slurm, home):
    folder = with_job(home, **WORKS)
    slurm.says("7|RUNNING|None|a-node")
    SlurmLauncher().start(folder, device="auto", fresh=False)
    assert slurm.called("scancel") == ["--quiet 7"]
    assert (folder.record().job, folder.record().status) == ("1", "queued")


def test_runs_that_slurm_does_not_take_have_failed_with_its_words(slurm, home):
    folders = [a_run(home, name) for name in ("one", "two")]
    slurm.refuses("sbatch: error: Batch job submission failed: Invalid account or account/partition combination\n")
    with pytest.raises(InputError, match=r"^SLURM says: Invalid account or account/partition combination"):
        SlurmLauncher().start_all(folders, device="auto", fresh=False)
    assert {(run["status"], run["job"]) for run in RunLog(home).all()} == {("failed", "")}
    assert "Invalid account" in folders[0].record().reason


def test_before_a_job_starts_its_console_is_what_slurm_writes(slurm, home):
    folder = with_job(home, job="7_3")
    assert actions.log_path(folder) == home.root / "slurm" / "7_3_0_log.out"
    folder.log.write_text("it started\n")
    assert actions.log_path(folder) == folder.log


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (["--gpus", "4"], "refuse", "SLURM says: Requested node configuration is not available"),
        (["--profile", "fats"], "[slurm.fast]", "has no table [slurm.fats]; did you mean 'fast'?; it has fast"),
        (["--profile", "fast"], "", "has no table [slurm.fast]; it has none"),
        ([], "[slurm.default]\npartiton = 'gpu'", "unknown key 'partiton'; did you mean 'partition'?"),
        ([], "[slurm.default]\npartition = 'gpus'", "no partition 'gpus'; did you mean 'gpu'?; it has gpu, short"),
        (["--minutes", "31"], "[slurm.default]\npartition = 'short'", "partition 'short' allows at most 30"),
        ([], "[slurm.default]\ngpus = true", "gpus must be a whole number from 0"),
        ([], "[slurm.default]\nmemory_gb = 0", "memory_gb must be GiB"),
        ([], '[slurm.default]\naccount = "a\\nb"', "account must be text in one line"),
        ([], "[slurm.default]\nsetup = 'module load'", "setup must be a list of lines"),
        ([], "[slurm.default.sbatch]\narray = '0-3'", "sbatch cannot have option 'array'"),
        ([], "slurm = 3", "slurm must have one table for each profile"),
        (["--device", "cuda:1"], "", "SLURM chooses the GPU"),
        (["--device", "cpu", "--gpus", "1"], "", "--device cpu: cannot be combined with --gpus"),
        (["--gpu-memory", "4"], "", "--gpu-memory: is not for launcher 'slurm'"),
    ],
    ids=lambda value: None if isinstance(value, list) else "".join(c if c.isalnum() else "-" for c in value)[:40],
)
def test_bad_input_gets_one_sentence_and_nothing_is_queued(slurm, tmp_path, words, text, message):
    if text == "refuse":
        slurm.refuses("allocation failure: Requested node configuration is not available\n")
    else:
        settings(tmp_path, text)
    prusc = Prusc(tmp_path / "none")
    answer = prusc("run", "erm", *TINY, "--launcher", "slurm", *words)
    assert (answer.code, message in answer.err) == (2, True), answer.err
    assert len(answer.err.splitlines()) == 1
    assert not prusc.home.exists()
    assert all("--test-only" in call for call in slurm.called("sbatch"))


def test_without_slurm_or_submitit_the_launcher_says_what_is_missing(tmp_path, monkeypatch):
    prusc = Prusc(tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = prusc("run", "erm", *TINY, "--launcher", "slurm")
    assert (answer.code, "there is no SLURM here" in answer.err) == (2, True), answer.err
    monkeypatch.setattr("experiments.launchers.slurm.find_spec", lambda name: None)
    answer = prusc("run", "erm", *TINY, "--launcher", "slurm")
    assert (answer.code, "pip install 'prusc-tui[slurm]'" in answer.err) == (2, True), answer.err
    assert not prusc.home.exists()


def test_a_profile_has_what_its_table_says_and_the_default_need_not_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))
    assert read_profile(None) == profiles.Profile()
    settings(tmp_path, "[slurm.default]\nqos = 'long'\n[slurm.fast]\ngpus = 2\nmemory_gb = 8")
    assert read_profile(None) == profiles.Profile(qos="long")
    assert read_profile("fast") == profiles.Profile(gpus=2, memory_gb=8.0)


def test_a_job_leaves_a_run_alone_that_was_started_elsewhere_meanwhile(home, monkeypatch, capsys):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    folder = with_job(home, job="8")
    before = files_below(folder.path)
    RunJob(str(home.root), folder.id, "cpu", False, 1)()
    assert "started again elsewhere" in capsys.readouterr().out
    assert files_below(folder.path) == before


def test_a_run_that_never_gets_on_fails_instead_of_being_queued_for_ever(home, monkeypatch):
    monkeypatch.setattr(job.signal, "signal", lambda *_: None)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    folder = with_job(home)
    work = RunJob(str(home.root), folder.id, "cpu", False, 1)
    for _ in range(2):
        work = work.checkpoint().function
        assert folder.record().status == "queued"
    assert work.checkpoint() is None
    assert (folder.record().status, "more --minutes" in folder.record().reason) == ("failed", True)


def test_a_job_whose_time_is_up_asks_slurm_to_queue_it_again_and_goes_on_where_it_was(slurm, tmp_path):
    told = tmp_path / "told"
    words = [sys.executable, "-c", f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())"]
    settings(tmp_path, f"[notify]\ncommand = {orjson.dumps(words).decode()}\n")
    prusc = Prusc(tmp_path / "home")
    slow = [*TINY, "--set", "erm.epochs=8"]
    found = said(prusc("run", "erm", *slow, "--launcher", "slurm", "--json"))
    folder = RunFolder.open(Home.open(prusc.home), found["id"])
    own = {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "1"}

    def in_a_job():
        return Forked(
            [sys.executable, "-m", "submitit.core._submit", str(prusc.home / "slurm")],
            env={**environment(prusc.home), **own},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    process = in_a_job()
    until = time.monotonic() + 120
    while not folder.events.exists() or b'"kind":"progress"' not in folder.events.read_bytes():
        assert process.poll() is None, folder.log.read_text()
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR2)
    process.wait(timeout=60)
    record = folder.record()
    assert (record.status, record.pid, record.job, record.reason) == ("queued", None, "1", "")
    assert slurm.called("scontrol") == ["requeue 1"]
    assert not told.exists()
    assert in_a_job().wait(timeout=120) == 0
    assert folder.record().status == "finished"
    assert folder.events.read_text().count('"kind":"run-started"') == 2
    assert [orjson.loads(line)["status"] for line in told.read_text().splitlines()] == ["finished"]


def test_runs_that_begin_with_the_same_stage_wait_for_the_first_of_them(slurm, tmp_path):
    prusc = Prusc(tmp_path / "home")
    words = ("--grid", "prune.lr=0.1,0.2,0.3", "--seeds", "0-1", "--launcher", "slurm", "--name", "six", "--detach")
    slurm.says(*(f"{job}|PENDING|Priority|" for job in ("1_0", "1_1", "2_0", "2_1", "2_2", "2_3")))
    said(prusc("sweep", "prusc", *TINY, *words, "--json"))
    runs = {run["name"]: run["job"] for run in RunLog(Home.open(prusc.home)).all()}
    assert sorted(runs.values()) == ["1_0", "1_1", "2_0", "2_1", "2_2", "2_3"]
    assert {name.endswith("seed-1") for name, number in runs.items() if number.startswith("1_")} == {True, False}
    assert slurm.read("submitted").count("#SBATCH --dependency=afterany:1\n") == 1
