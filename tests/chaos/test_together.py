"""Several processes and machines with one run: two resumes at once, deletion of a running run, a shared home."""

import os
import signal
import subprocess
import time

import pytest

from core.errors import InputError
from core.runs.alive import kill
from core.runs.home import Home
from core.runs.log import RunLog
from experiments import actions
from experiments.queue.entries import Queue
from tests.chaos.attacks import forms, rounds
from tests.chaos.child import Child, host
from tests.chaos.lab import LONGER, assert_intact, finish, finished, new_run, until, works


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return finished(Home.open(tmp_path_factory.mktemp("longer") / "home"), "erm", *LONGER)


@pytest.fixture
def folder(home):
    return new_run(home, "erm", *LONGER)


def resume(folder, machine=""):
    child = Child(host, folder.home.root, ("resume", folder.id, "--fresh"), machine)
    assert child.says() == "up"
    return child


@pytest.fixture
def working(folder):
    """A run and the process that works on it, frozen in a stage."""
    child = resume(folder)
    until(lambda: works(folder))
    child.signal(signal.SIGSTOP)
    yield folder, child
    child.kill()


@forms(0.2, 40)
def test_of_processes_that_resume_a_run_at_once_one_works_and_the_others_are_refused(seconds, home, expected, tried):
    for number in rounds(seconds):
        folder = new_run(home, "erm", *LONGER)
        children = [resume(folder) for _ in range(2 + number % 3)]
        until(lambda folder=folder: works(folder))
        record = folder.settled()
        assert record.status in ("running", "finished")  # it takes a second
        assert record.pid in [child.process.pid for child in children]
        answers = [child.says() for child in children]
        assert sorted(code for code, _, _ in answers) == [0] + [2] * (len(children) - 1)
        for code, _, err in answers:
            assert code == 0 or (err.startswith("error: run '") and err.count("\n") == 1)
        assert_intact(folder, expected)
        folder.delete()
        RunLog(home).remove(folder.id)
        tried["resumes of one run at once"] += len(children)


def test_a_running_run_is_not_deleted_and_one_that_was_killed_is(working, tried):
    folder, child = working
    with pytest.raises(InputError, match="is running; stop it first"):
        actions.delete(folder)
    with pytest.raises(InputError, match="being written"):
        folder.delete()
    child.kill()
    assert actions.delete(folder).endswith("deleted")
    assert RunLog(folder.home).all() == []
    tried["rm of a running run"] += 1


@pytest.mark.chaos
def test_a_run_whose_folder_is_removed_by_force_ends_with_one_sentence(working, tried):
    folder, child = working
    subprocess.run(["rm", "-rf", folder.path], check=True)
    child.signal(signal.SIGCONT)
    said = child.says()
    assert said[0] in (1, 2)
    assert said[2].splitlines()[-1] == f"error: no run '{folder.id}' in {folder.home.root}"
    assert "Traceback" not in said[2]
    tried["rm -rf of a running run"] += 1


@pytest.mark.chaos
def test_a_run_that_is_deleted_while_it_is_resumed_is_whole_or_gone(home, expected, tried, rng):
    for _ in rounds(30):
        folder = new_run(home, "erm", *LONGER)
        folder.update(status="stopped")
        child = resume(folder)
        time.sleep(rng.uniform(0, 0.3))
        deleted = True
        try:
            actions.delete(folder)
        except InputError:
            deleted = False
        code, _, err = child.says()
        assert code == 0 or (deleted and code == 2), err
        assert "Traceback" not in err
        assert folder.path.exists() != deleted
        assert (RunLog(home).get(folder.id) is None) == deleted
        if not deleted:
            assert_intact(folder, expected)
            folder.delete()
            RunLog(home).remove(folder.id)
        tried["rm of a run that is being resumed"] += 1


def elsewhere(monkeypatch, name):
    """This process is on a machine of this name from now on."""
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((uname[0], name, *uname[2:])))


@pytest.mark.chaos
def test_a_run_of_another_machine_that_shares_the_home_is_seen_stopped_and_resumed_here(folder, expected, tried):
    there = resume(folder, "node-b")
    until(lambda: works(folder))
    record = folder.settled()
    assert (record.status, record.host) == ("running", "node-b")
    for forbidden in (actions.delete, actions.kill, actions.check_resumable):
        with pytest.raises(InputError, match=r"stop it first|runs on node-b|is running"):
            forbidden(folder)
    actions.stop(folder)
    assert there.says()[0] in (0, 130)
    if folder.status() != "finished":
        assert folder.status() == "stopped"
        finish(folder)
    assert_intact(folder, expected)
    tried["run of another machine in a shared home"] += 1


def test_each_machine_that_shares_a_home_has_a_queue_of_its_own(folder, monkeypatch):
    here = Queue(folder.home)
    elsewhere(monkeypatch, "node-b")
    there = Queue(folder.home)
    assert here.path != there.path
    assert here.supervisor_lease != there.supervisor_lease


def test_a_frozen_run_is_running_here_lost_elsewhere_and_goes_on_unharmed(working, expected, monkeypatch, tried):
    folder, child = working
    long_ago = time.time() - 3600  # instead of waiting for an hour
    for name in ("heartbeat", "run.json"):
        os.utime(folder.path / name, (long_ago, long_ago))
    before = folder.record()
    assert folder.status() == "running"
    with monkeypatch.context() as patch:
        elsewhere(patch, "node-b")
        assert folder.status() == "lost"
    second = resume(folder, "node-b")
    code, _, err = second.says()
    assert code == 2
    assert "is being written by process" in err
    assert folder.record() == before
    child.signal(signal.SIGCONT)
    assert child.says()[0] == 0
    assert_intact(folder, expected)
    tried["SIGSTOP for an hour"] += 1


def test_a_clock_that_is_set_does_not_make_a_running_run_a_lost_one(working, expected, monkeypatch, tried):
    import psutil

    folder, _ = working
    real, create = psutil.boot_time, psutil.Process.create_time
    for jump in (3600, -3600, 1, -1):
        with monkeypatch.context() as patch:  # the system counts both from the clock
            patch.setattr(psutil, "boot_time", lambda jump=jump: real() + jump)
            patch.setattr(psutil.Process, "create_time", lambda self, jump=jump: create(self) + jump)
            assert folder.status() == "running"
            assert RunLog(folder.home).get(folder.id)["status"] == "running"
            tried["clock that is set"] += 1
    kill(folder.settled())
    assert folder.status() == "lost"
    finish(folder)
    assert_intact(folder, expected)
