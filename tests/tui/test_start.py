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
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import ACTIVE
from experiments.order import Order
from prusc_tui.screens.new_run.start import start_detached
from tests.cli.driver import SETTINGS, environment


@pytest.fixture
def home(tmp_path, monkeypatch):
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
    id = start_detached(order, home)
    folder = RunFolder.open(home, id)
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
        start_detached(Order(target="erm", overrides=("erm.lr=-1",)), home)
    assert str(refused.value) == "--set: erm.lr = -1: input should be greater than 0"
    assert list(home.runs.iterdir()) == []


def test_a_run_of_this_process_is_stopped_with_a_checkpoint_and_can_go_on(home):
    said = in_another_process(
        home,
        f"""
        import json, time
        from core.runs.home import Home
        from core.runs.folder import RunFolder
        from core.feed.feed import RunFeed
        from core.errors import InputError
        from experiments.order import Order
        from prusc_tui.screens.new_run.start import Hosted
        home, hosted = Home.open(), Hosted()
        settings = {SETTINGS!r}
        order = Order(target="erm", overrides=(*settings, "erm.epochs=400"), device="cpu", detach=False)
        id = hosted.start(order, home)
        folder = RunFolder.open(home, id)
        deadline = time.monotonic() + 60
        feed = RunFeed(folder)
        while feed.poll().stages[0].step < 2:
            assert time.monotonic() < deadline, folder.status()
            time.sleep(0.02)
        alive = [f.id for f in hosted.running()]
        late = hosted.stop_all(30)
        try:
            hosted.start(order, home)
            refused = ""
        except InputError as error:
            refused = str(error)
        again = Hosted()
        stopped, checkpoint = folder.status(), folder.checkpoint("erm").exists()
        again.resume(folder, "cpu")
        while folder.status() != "running":
            assert time.monotonic() < deadline, folder.status()
            time.sleep(0.02)
        again.stop_all(30)
        print(json.dumps({{
            "alive": alive == [id], "late": late, "refused": refused, "runs": len(list(home.runs.iterdir())),
            "stopped": stopped, "checkpoint": checkpoint, "again": folder.status(),
            "left": len(hosted.running()),
        }}))
        """,
    )
    assert said == {
        "alive": True,
        "late": [],
        "refused": "the screen is being left; start the run again",
        "runs": 1,
        "stopped": "stopped",
        "checkpoint": True,
        "again": "stopped",
        "left": 0,
    }
