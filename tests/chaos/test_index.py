"""The index under many processes that are killed at random: nothing is lost, and it can be read at every moment."""

import json
import os
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from tests.chaos.child import Child
from tests.chaos.clerk import clerk

MEMORY = Path("/dev/shm")
HANGS = 900
"""Seconds after which processes that have not done their operations wait for each other for ever."""


@pytest.fixture
def home(tmp_path):
    """A home in memory, if the system has a folder there: a kill loses nothing that was written, wherever that is."""
    with TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as folder:
        yield Home.open(Path(folder))


class Clerk:
    """A process that changes the index, and what is known of its runs."""

    def __init__(self, root, seed):
        self.child = Child(clerk, root, seed)
        self.sure = {}
        self.unsure = {}
        self.operations = 0

    def listen(self):
        with suppress(EOFError, OSError):
            while self.child.heard.poll():
                word, id, *state = self.child.heard.recv()
                if word == "begin":
                    self.unsure[id] = state
                else:
                    self.operations += 1
                    del self.unsure[id]
                    self.sure[id] = state


@pytest.mark.parametrize(
    ("processes", "operations"),
    [
        pytest.param(4, 100, id="short"),
        pytest.param(16, 10_000, id="full", marks=pytest.mark.chaos),
    ],
)
def test_nothing_is_lost_when_processes_that_change_the_index_are_killed(home, processes, operations, rng, tried):
    clerks, ended, done, read = [], [], 0, 0
    clerks = [Clerk(home.root, rng.random()) for _ in range(processes)]
    until = time.monotonic() + HANGS
    for number in count():
        RunLog(home).all()
        if home.index.exists():
            json.loads(home.index.read_bytes())
        read += 1
        for one in clerks:
            assert one.child.process.is_alive()
            one.listen()
        done = sum(one.operations for one in (*clerks, *ended))
        if done >= operations:
            break
        assert time.monotonic() < until, f"{done} operations only"
        if number % 20 == 19:
            victim = clerks.pop(rng.randrange(processes))
            victim.child.kill()
            ended.append(victim)
            clerks.append(Clerk(home.root, rng.random()))
            tried["kill -9 of a process that changes the index"] += 1
    for one in clerks:
        one.child.kill()
    everyone = (*clerks, *ended)
    log = RunLog(home)
    for one in everyone:
        one.listen()
        for id, state in one.sure.items():
            if id not in one.unsure:
                found = log.get(id)
                assert (found and [found["name"], found["note"]]) == (state if state[0] else None)
        for id, state in one.unsure.items():  # killed within: it is as before or as after, or between folder and index
            before = one.sure.get(id, [None, None])
            for found in (log.get(id), folder_of(home, id)):
                name, note = [found["name"], found["note"]] if found else (None, None)
                assert name in (before[0], state[0])
                assert note in (before[1], state[1])
    tried["operations on the index"] += sum(one.operations for one in everyone)
    tried["readings of the index meanwhile"] += read
    log.rebuild()
    listed = {run["id"]: run for run in log.all()}
    assert listed == {
        path.name: RunFolder(home, path.name).record().summary()
        for path in home.runs.iterdir()
        if path.name[0] != "." and (path / "run.json").exists()
    }
    unsure = {id for one in everyone for id in one.unsure}
    sure = {id: state for one in everyone for id, state in one.sure.items() if id not in unsure and state[0]}
    assert {id: [run["name"], run["note"]] for id, run in listed.items() if id not in unsure} == sure
    assert list(home.root.glob(".*")) == []  # also what was left by those that were killed within a write


def folder_of(home, id):
    path = home.runs / id / "run.json"
    return RunFolder(home, id).record().summary() if path.exists() else None
