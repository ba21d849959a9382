"""SIGINT, SIGTERM and SIGHUP, once and twice: a checkpoint, or with the second Ctrl-C a lost run; both are resumed."""

import signal
import time
from signal import SIGHUP, SIGINT, SIGTERM

import pytest

from core.runs.home import Home
from tests.chaos.attacks import forms, rounds
from tests.chaos.child import Child, host, worker
from tests.chaos.lab import LONGER, assert_intact, finish, finished, new_run, removed, until, works

SENT = [(SIGINT,), (SIGTERM,), (SIGHUP,), (SIGTERM, SIGTERM), (SIGHUP, SIGHUP), (SIGTERM, SIGHUP), (SIGINT, SIGINT)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return finished(Home.open(tmp_path_factory.mktemp("longer") / "home"), "erm", *LONGER)


@pytest.mark.parametrize("of", ["prusc", pytest.param("worker", marks=pytest.mark.chaos)])
@forms(0.2, 40)
def test_a_run_that_gets_signals_stops_with_a_checkpoint_and_is_resumed(of, seconds, home, expected, rng, tried):
    for number in rounds(seconds):
        folder, sent = new_run(home, "erm", *LONGER), SENT[number % len(SENT)] if seconds > 1 else rng.choice(SENT)
        words = (host, home.root, ("resume", folder.id, "--fresh")) if of == "prusc" else (worker, home.root, folder.id)
        child = Child(*words)
        until(lambda folder=folder: works(folder))
        time.sleep(rng.uniform(0, 0.4))
        for each in sent:
            child.signal(each)
            time.sleep(rng.uniform(0, 0.02))
        code = child.ends()
        status = folder.status()
        if of == "prusc" and sent == (SIGINT, SIGINT):
            assert status in ("lost", "stopped", "finished")
        else:
            assert status in ("stopped", "finished"), code
            assert folder.has_checkpoint("erm") or folder.record().unfinished != "erm"
        assert code in (0, 130)
        if status != "finished":
            finish(folder)
        assert_intact(folder, expected)
        removed(folder)
        names = " and ".join(signal.Signals(each).name for each in sent)
        tried[f"{names} to {of}"] += 1
