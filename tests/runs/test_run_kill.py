import os
import signal
import subprocess
import sys

import psutil
import pytest

from core.errors import InputError
from core.runs.alive import here, identity, kill
from core.runs.folder import RunFolder
from core.runs.log import RunLog

SLEEPS = "print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def running(home, make, start):
    """A run that another process works on, one that ignores every request."""
    process = start(SLEEPS)
    assert process.stdout.readline() == "up\n"
    folder = RunFolder.create(home, make(status="running", **identity(process.pid)))
    RunLog(home).put(folder.record())
    return folder, process


def test_the_process_dies_and_the_run_is_lost(running):
    folder, process = running
    kill(folder.record())
    assert process.wait(10) == -signal.SIGKILL
    assert folder.status() == "lost"
    assert RunLog(folder.home).get(folder.id)["status"] == "lost"
    with pytest.raises(InputError, match=r"no longer exists; the run can be resumed"):
        kill(folder.record())


def test_a_worker_that_leads_a_group_takes_its_children_along(home, make):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        child = psutil.Process(int(leader.stdout.readline()))
        kill(RunFolder.create(home, make(status="running", **identity(leader.pid))).record())
        psutil.wait_procs([child], timeout=10)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    finally:
        leader.kill()
        leader.communicate()


def test_a_process_in_the_group_of_this_one_dies_alone(running):
    folder, process = running
    assert os.getpgid(process.pid) == os.getpgrp()
    kill(folder.record())  # this process goes on to the next line
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"host": "elsewhere"}, "runs on elsewhere; kill process"),
        ({"status": "finished"}, "is finished: there is no process to kill"),
        ({"status": "stopped"}, "is stopped"),
        ({"pid": None}, "there is no process"),
        ({"pid_started": 1000.0}, "no longer exists"),
        ({"pid_started": None}, "no longer exists"),
        (here(), "in this process"),
    ],
)
def test_what_may_not_be_killed_lives_on(running, changes, sentence):
    folder, process = running
    with pytest.raises(InputError, match=sentence):
        kill(folder.update(**changes))
    assert process.poll() is None
