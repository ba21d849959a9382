"""Starting runs from the screen: detached, and in this process."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import orjson
import pytest

from core.errors import InputError
from core.runs.home import Home
from core.runs.record import ACTIVE
from experiments import actions
from experiments.order import Order
from tests.cli.driver import SETTINGS, environment


@pytest.fixture
def home(tmp_path, monkeypatch, at_once):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return Home.open(tmp_path / "home")


def in_another_process(home, code):
    """What a program prints as its last line, read as JSON; torch stays out of this process."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(home.root),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout.splitlines()[-1])


def test_a_detached_start_gives_the_id_of_a_run_that_lives_elsewhere(home):
    order = Order(target="erm", overrides=(*SETTINGS, "erm.epochs=400"), name="mine", tags=("a",), seed=3)
    folder = actions.start_outside(home, order)
    record = folder.record()
    try:
        assert (record.name, record.recipe, record.tags, record.seed) == ("mine", "erm", ("a",), 3)
        assert record.config["erm"]["epochs"] == 400
        assert folder.status() in ACTIVE
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGKILL)


def test_an_order_that_does_not_fit_is_refused_in_the_command_lines_words(home):
    with pytest.raises(InputError) as refused:
        actions.start_outside(home, Order(target="erm", overrides=("erm.lr=-1",)))
    assert str(refused.value) == "--set: erm.lr = -1: input should be greater than 0"
    assert list(home.runs.iterdir()) == []


BEGIN = """
import json, time
from core.feed.feed import RunFeed
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.folder import RunFolder
from core.errors import InputError
from experiments import actions
from experiments.hosting import ENGINE
from experiments.order import Order
home, deadline = Home.open(), time.monotonic() + 60
def at_work(folder, step):
    feed = RunFeed(folder)
    while feed.poll().stages[0].step < step:
        assert time.monotonic() < deadline, folder.status()
        time.sleep(0.02)
"""


def test_a_run_of_this_process_is_stopped_with_a_checkpoint_and_can_go_on(home):
    said = in_another_process(
        home,
        f"""{BEGIN}
order = Order(target="erm", overrides=(*{SETTINGS!r}, "erm.epochs=400"), device="cpu", launcher="local")
folder = actions.start(home, order)
at_work(folder, 2)
alive = [f.id for f in ENGINE.running()]
late = ENGINE.stop_all(30)
try:
    actions.start(home, order)
    refused = ""
except InputError as error:
    refused = str(error)
print(json.dumps({{
    "alive": alive == [folder.id], "late": late, "refused": refused, "runs": len(list(home.runs.iterdir())),
    "listed": len(RunLog(home).all()), "launcher": folder.record().launcher,
    "stopped": folder.status(), "checkpoint": folder.checkpoint("erm").exists(), "left": len(ENGINE.running()),
}}))
""",
    )
    assert said == {
        "alive": True,
        "late": [],
        "refused": "the program is shutting down; start the run again",
        "runs": 1,
        "listed": 1,
        "launcher": "local",
        "stopped": "stopped",
        "checkpoint": True,
        "left": 0,
    }
    again = in_another_process(
        home,
        f"""{BEGIN}
(run,) = RunLog(home).all()
folder = RunFolder.open(home, run["id"])
actions.resume(folder, device="cpu")
while folder.status() != "running":
    assert time.monotonic() < deadline, folder.status()
    time.sleep(0.02)
actions.stop(folder)
print(json.dumps(actions.ended(folder, 30).status))
""",
    )
    assert again == "stopped"
