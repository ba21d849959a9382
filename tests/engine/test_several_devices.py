"""Runs on several devices: the processes behind them, and what becomes of the run if one of them ends."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from core.events import StageStarted
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.hosting import ENGINE
from experiments.launchers import launcher
from experiments.plan import config_of
from experiments.torchrun import _settle
from tests.engine.lab import CPU, events, forked_after, go_on, plan_of

PATIENCE = 120.0
"""Seconds after which something that never happens fails a test."""
LONG = ("finetune.steps=100000", "select.looks=1")


def until(condition: Callable[[], bool], folder: RunFolder) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, folder.log.read_text() if folder.log.exists() else "waited in vain"
        time.sleep(0.05)


def starts(folder: RunFolder) -> int:
    return len([e for e in events(folder) if isinstance(e, StageStarted) and e.stage == "finetune"])


def processes(folder: RunFolder) -> tuple[psutil.Process, list[psutil.Process]]:
    """The process that hosts a run, and the others that share its work."""
    first = psutil.Process(folder.record().pid)
    launched = first.parent()
    assert launched is not None
    alive = [p for p in launched.children() if p != first and p.status() != psutil.STATUS_ZOMBIE]
    others = [p for p in alive if "experiments.rank" in p.cmdline()]
    assert len(others) == 1
    return first, others


@pytest.fixture
def long(copy_of_whole: RunFolder) -> RunFolder:
    return forked_after(copy_of_whole, "prune", plan_of("prusc", *LONG))


def test_a_run_on_two_devices_is_stopped_and_killed_like_any_other(long: RunFolder, at_once: None) -> None:
    reach = launcher("detached")
    reach.start(long, device="cpu,cpu", fresh=False)
    until(lambda: starts(long) == 1, long)
    first, others = processes(long)
    reach.stop(long)
    until(lambda: reach.state(long).status == "stopped", long)
    assert long.checkpoint("finetune").exists()
    until(lambda: not any(p.is_running() for p in (first, *others)), long)

    reach.start(long, device="cpu,cpu", fresh=False)
    until(lambda: starts(long) == 2, long)
    first, others = processes(long)
    reach.kill(long)
    assert reach.state(long).status == "lost"
    until(lambda: not any(p.is_running() for p in others), long)
    until(lambda: _writable(long), long)
    assert reach.state(long).status == "lost"


def test_a_run_fails_with_the_process_that_was_killed(long: RunFolder) -> None:
    job = ENGINE.submit(long, config_of(long.record()), CPU, CPU)
    until(lambda: starts(long) == 1 or job.wait(0), long)
    first, (other,) = processes(long)
    other.kill()
    assert job.wait(PATIENCE)
    assert job.error is None
    assert job.status == "failed"
    assert long.record().reason == "the process on cpu was ended by SIGKILL"
    assert not first.is_running()


def _writable(folder: RunFolder) -> bool:
    try:
        with folder.writer():
            return True
    except Exception:
        return False


def end(code: int, at: int = 0) -> SimpleNamespace:
    return SimpleNamespace(exitcode=code, timestamp=at, signal_name=lambda: signal.Signals(-code).name)


@pytest.mark.parametrize(
    ("failures", "said", "status", "reason"),
    [
        ({1: end(1)}, "prune: out of memory", "failed", "prune: out of memory"),
        ({1: end(1), 0: end(-9, 30)}, "prune: out of memory", "failed", "prune: out of memory"),
        ({1: end(-9), 0: end(1)}, "prune: connection closed", "failed", "the process on cpu was ended by SIGKILL"),
        ({0: end(-9), 1: end(1)}, "prune: connection closed", "lost", ""),
        ({1: end(2)}, None, "failed", "the process on cpu ended with code 2; the console log may say why"),
    ],
)
def test_the_first_failure_is_the_reason(
    whole: RunFolder, home: Home, tmp_path: Path, failures: dict, said: str | None, status: str, reason: str
) -> None:
    from experiments.launch import create_run

    folder = create_run(home, plan_of("erm"))
    folder.update(status="running", pid=2**22 + 1, pid_started=0.0)
    failure = tmp_path / "failure"
    if said is not None:
        failure.write_text(said)
    _settle(folder, (CPU, CPU), failures, failure)
    assert folder.status() == status
    assert folder.record().reason == reason


def test_what_the_first_process_recorded_stays(home: Home, tmp_path: Path) -> None:
    from experiments.launch import create_run

    folder = create_run(home, plan_of("erm"))
    assert go_on(folder, lambda: True) == "stopped"
    _settle(folder, (CPU, CPU), {1: end(1)}, tmp_path / "failure")
    assert folder.status() == "stopped"
