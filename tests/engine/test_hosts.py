"""The engine in this process, and worker processes of their own: queue, stop, kill, and whose word counts."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from core.config import Config
from core.engine import engine as engine_module
from core.engine.engine import Engine, Job
from core.errors import InputError
from core.events import RunStarted, StageStarted
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.launch import create_run
from experiments.launchers import launcher
from experiments.launchers.detached import WORKER
from experiments.plan import config_of
from tests.engine.lab import (
    CPU,
    assert_same_results,
    events,
    finished,
    forked_after,
    go_on,
    lines_are_whole,
    pipeline_of,
    plan_of,
)

PATIENCE = 60.0
"""Seconds after which something that never happens fails a test."""
LONG = ("finetune.steps=100000", "select.looks=1")
ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def submit(engine: Engine, folder: RunFolder) -> Job:
    return engine.submit(folder, config_of(folder.record()), CPU)


def works_in(folder: RunFolder, stage: str) -> bool:
    return any(isinstance(e, StageStarted) and e.stage == stage for e in events(folder))


@pytest.fixture
def start(at_once: None) -> Iterator[Callable[[RunFolder], int]]:
    """Start the worker of a run, which ends with the test at the latest; gives its process id."""
    started: list[psutil.Process] = []

    def run(folder: RunFolder) -> int:
        launcher("detached").start(folder, device="cpu", fresh=False)
        pid = folder.record().pid
        assert pid is not None
        started.append(psutil.Process(pid))
        return pid

    yield run
    for process in started:
        if process.is_running():
            process.kill()
            process.wait(PATIENCE)


# The engine


def test_runs_on_one_device_are_queued_and_run_one_after_the_other(home: Home) -> None:
    working, most = 0, 0
    lock = threading.Lock()

    def build(config: Config):  # type: ignore[no-untyped-def]
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        return pipeline_of(config)

    class Counting(Engine):
        def _host(self, job: Job) -> str:
            nonlocal working
            try:
                return super()._host(job)
            finally:
                with lock:
                    working -= 1

    engine = Counting(build)
    folders = [create_run(home, plan_of("erm", seed=seed)) for seed in range(3)]
    jobs = [submit(engine, folder) for folder in folders]
    assert all(job.wait(PATIENCE) for job in jobs)
    assert [job.status for job in jobs] == ["finished"] * 3
    assert most == 1
    records = [folder.record() for folder in folders]
    for earlier, later in pairwise(records):
        assert earlier.ended is not None
        assert later.started is not None
        assert earlier.ended <= later.started


def test_a_run_that_another_writes_is_refused_and_the_engine_lives_on(home: Home) -> None:
    engine = Engine(pipeline_of)
    taken, other = create_run(home, plan_of("erm")), create_run(home, plan_of("erm", seed=1))
    with taken.writer():
        job = submit(engine, taken)
        assert job.wait(PATIENCE)
    assert isinstance(job.error, InputError)
    assert "is being written by process" in str(job.error)
    assert taken.record().status == "queued"
    after = submit(engine, other)
    assert after.wait(PATIENCE)
    assert after.status == "finished"


def test_a_run_that_another_lets_go_of_in_a_moment_is_worked_on(home: Home) -> None:
    """Of processes that claim a run at once, those that are refused hold its lock while they look."""
    engine, folder = Engine(pipeline_of), create_run(home, plan_of("erm"))
    with folder.writer():
        job = submit(engine, folder)
        assert not job.wait(0.2)
    assert job.wait(PATIENCE)
    assert job.status == "finished"


def test_a_pipeline_that_cannot_be_built_is_the_jobs_error(home: Home) -> None:
    def build(config: Config):  # type: ignore[no-untyped-def]
        raise InputError("no such network")

    job = submit(Engine(build), create_run(home, plan_of("erm")))
    assert job.wait(PATIENCE)
    assert job.status == "failed"
    assert str(job.error) == "no such network"


def test_a_job_stops_with_a_checkpoint_and_goes_on(copy_of_whole: RunFolder) -> None:
    folder = forked_after(copy_of_whole, "prune", plan_of("prusc", *LONG))
    job = submit(Engine(pipeline_of), folder)
    until(lambda: works_in(folder, "finetune"))
    job.stop()
    assert job.wait(PATIENCE)
    assert job.status == folder.record().status == "stopped"
    assert folder.checkpoint("finetune").exists()


@pytest.mark.parametrize("when", ["at work", "in the queue"])
def test_a_request_in_the_folder_stops_a_run(
    copy_of_whole: RunFolder, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(engine_module, "WATCH_EVERY", 0.01)
    folder = forked_after(copy_of_whole, "prune", plan_of("prusc", *LONG))
    if when == "in the queue":
        folder.request_stop()
        job = submit(Engine(pipeline_of), folder)
    else:
        job = submit(Engine(pipeline_of), folder)
        until(lambda: works_in(folder, "finetune"))
        folder.request_stop()
    assert job.wait(PATIENCE)
    assert folder.record().status == "stopped"
    assert not folder.stop_requested()  # answered: whoever resumes the run is not stopped by it


# Worker processes


def test_a_detached_run_is_started_followed_and_stopped(
    copy_of_whole: RunFolder, start: Callable[[RunFolder], int]
) -> None:
    detached = launcher("detached")
    folder = forked_after(copy_of_whole, "prune", plan_of("prusc", *LONG))
    assert detached.state(folder).status == "queued"
    start(folder)
    assert detached.state(folder).status in ("queued", "running")
    until(lambda: works_in(folder, "finetune"))
    assert detached.state(folder).status == "running"
    detached.stop(folder)
    until(lambda: detached.state(folder).status not in ("queued", "running"))
    assert detached.state(folder).status == "stopped"
    assert folder.checkpoint("finetune").exists()
    assert detached.log_path(folder).read_text() == ""
    until(lambda: RunLog(folder.home).get(folder.id)["status"] == "stopped")  # type: ignore[index]


def test_a_worker_that_is_killed_leaves_a_lost_run_that_goes_on_to_the_same_bits(
    home: Home, whole: RunFolder, start: Callable[[RunFolder], int]
) -> None:
    folder = create_run(home, plan_of())
    pid = start(folder)
    until(lambda: works_in(folder, "erm"))
    psutil.Process(pid).send_signal(signal.SIGKILL)
    until(lambda: folder.status() == "lost")
    assert lines_are_whole(folder)
    assert go_on(folder) == "finished"
    assert [e.resumed for e in events(folder) if isinstance(e, RunStarted)] == [False, True]
    assert_same_results(folder, whole)


def worker(folder: RunFolder) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", WORKER, "--home", str(folder.home.root), "--device", "cpu", folder.id]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=ROOT)


def test_a_second_worker_leaves_the_first_ones_run_alone(home: Home, at_once: None) -> None:
    folder = create_run(home, plan_of("erm"))
    folder.update(status="running")
    with folder.writer():
        second = worker(folder)
    assert second.returncode == 2
    assert "is being written by process" in second.stderr
    assert folder.record().status == "running"
    assert folder.record().reason == ""


def test_a_worker_that_cannot_begin_says_so_in_the_record(home: Home, at_once: None) -> None:
    folder = create_run(home, plan_of("erm"))
    config = dict(folder.record().config)
    folder.update(config={**config, "unheard": 1})
    failed = worker(folder)
    assert failed.returncode == 2
    assert "unheard" in failed.stderr
    assert folder.record().status == "failed"
    assert "unheard" in folder.record().reason


def test_a_worker_and_this_process_come_to_the_same_bits(home: Home, tmp_path: Path) -> None:
    folder = create_run(home, plan_of("erm"))
    assert worker(folder).returncode == 0
    assert_same_results(folder, finished(Home.open(tmp_path / "other"), "erm"))
