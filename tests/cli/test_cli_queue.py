import os
import signal
import time

import pytest
from driver import TINY

from core.runs.home import Home
from core.runs.lease import holder, is_leased
from experiments.launchers import queue as launcher_module
from experiments.queue import control
from experiments.queue.entries import Queue

RUN = ("run", "erm", *TINY, "--queue")


def wait_for(true, seconds=240):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.fixture
def nobody_starts(monkeypatch):
    """No supervisor is started, so runs wait."""
    monkeypatch.setattr(launcher_module, "ensure", lambda home: None)
    monkeypatch.setattr(control, "ensure", lambda home: None)


@pytest.fixture
def queued(prusc, nobody_starts):
    """`prusc` with two runs that wait."""
    for name in ("first", "second"):
        said = prusc(*RUN, "--name", name)
        assert "is in the queue (see: prusc queue)" in said.out
    return prusc


def names(prusc):
    return [(job["name"], job["state"]) for job in prusc("queue", "--json").json["jobs"]]


def test_queued_runs_are_listed_in_their_order_with_what_they_ask_for(queued):
    assert names(queued) == [("first", "waiting"), ("second", "waiting")]
    said = queued("queue").out
    assert said.index("first") < said.index("second")
    assert "nothing starts the waiting jobs: prusc queue start" in said
    assert queued("show", "first", "--json").json["launcher"] == "queue"


def test_a_job_is_moved_held_released_and_cancelled(queued):
    assert "second is now number 1" in queued("queue", "move", "second", "first").out
    assert names(queued) == [("second", "waiting"), ("first", "waiting")]
    assert queued("queue", "hold", "second").out == "second held\n"
    assert names(queued) == [("first", "waiting"), ("second", "held")]
    assert queued("queue", "release", "second").code == 0
    assert queued("queue", "cancel", "first", "second").code == 0
    assert names(queued) == []
    assert queued("show", "first", "--json").json["status"] == "stopped"


def test_a_job_that_waits_is_stopped_and_resumed_with_the_keys_of_every_run(queued):
    assert queued("stop", "first").code == 0
    assert names(queued) == [("second", "waiting")]
    assert "is in the queue" in queued("resume", "first", "--queue").out
    assert names(queued) == [("second", "waiting"), ("first", "waiting")]
    assert "stop it first" in queued("rm", "-y", "first").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("queue", "move", "first", "middle"), "expected a place in the queue"),
        (("queue", "move", "first", "0"), "places are counted from 1"),
        (("queue", "retry", "first"), "it needs no retry"),
        (("queue", "set"), "needs --slots, --threads or both"),
        (("queue", "set", "--slots", "0"), "expected at least 1"),
        (("queue", "hold", "nobody"), "nobody"),
        ((*RUN, "--gpus", "2"), "this machine has"),
        ((*RUN, "--device", "cuda:0,cuda:1"), "--device"),
        ((*RUN, "--minutes", "5"), "--minutes: is not for launcher 'queue'"),
        (("run", "erm", "--threads", "2"), "--threads: is not for launcher 'local'; use --launcher queue"),
        ((*RUN, "--detach"), "--detach: means --launcher detached"),
    ],
)
def test_bad_input_is_one_sentence_and_queues_nothing(queued, words, message):
    before = names(queued)
    said = queued(*words)
    assert said.code == 2
    assert message in said.err
    assert said.err.count("\n") == 1
    assert names(queued) == before


def test_slots_are_set(prusc):
    assert prusc("queue", "set", "--slots", "3", "--threads", "2").out == (
        "3 jobs at once on the CPU, 2 threads each\n"
    )
    said = prusc("queue", "--json").json
    assert (said["slots"], said["threads"]) == (3, 2)


def test_a_sweep_goes_through_the_queue_to_its_end_although_its_supervisor_is_killed(prusc):
    home = Home.open(prusc.home)
    lease = Queue(home).supervisor_lease
    prusc("queue", "set", "--slots", "1")
    words = ("sweep", "erm", *TINY, "--grid", "select.rule=average", "--seeds", "0-1", "--name", "little")
    assert prusc(*words, "--detach").code == 0
    try:
        wait_for(lambda: any(job.state == "running" for job in control.look(home).jobs))
        os.kill(int(holder(lease)), signal.SIGKILL)
        wait_for(lambda: not is_leased(lease))
        said = prusc("sweep", "little", "--json")
        assert said.code == 0, said.err
        assert (said.json["cells"], said.json["finished"]) == (2, 2)
        runs = prusc("ls", "--json").json["runs"]
        assert len(runs) == 2
        again = prusc("sweep", "little", "--json")
        assert again.json["finished"] == 2
        assert len(prusc("ls", "--json").json["runs"]) == 2
        table = prusc("table", "little")
        assert "rule=average" in table.out
        assert "2 seeds per entry" in table.out
    finally:
        prusc("sweeps", "stop", "little")
        if is_leased(lease):
            os.kill(int(holder(lease)), signal.SIGKILL)


def test_runs_that_share_a_stage_at_the_same_time_compute_it_once(prusc):
    home = Home.open(prusc.home)
    prusc("queue", "set", "--slots", "2")
    words = ("sweep", "finetune-only", *TINY, "--grid", "finetune.lr=1e-3,2e-3", "--name", "two")
    try:
        said = prusc(*words, "--set", "finetune.steps=2", "--json")
        assert said.code == 0, said.err
        first, second = (prusc("show", run["id"], "--json").json for run in prusc("ls", "--json").json["runs"])
        reused = [[stage["name"] for stage in run["stages"] if stage["reused"]] for run in (first, second)]
        assert sorted(map(len, reused))[0] == 0
        assert "erm" in max(reused, key=len)
    finally:
        lease = Queue(home).supervisor_lease
        if is_leased(lease):
            os.kill(int(holder(lease)), signal.SIGKILL)
