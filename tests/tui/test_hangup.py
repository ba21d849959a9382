"""The line drops: the program ends by itself, whether or not the hang-up reaches it as a signal, even as it draws."""

import os
import signal
import sys
import time

import pytest

from core.runs.home import Home
from prusc_tui.terminal import PATIENCE
from tests.bench.terminal import Terminal
from tests.tui.lab import finished_run

BUSY = "2134567890" * 12
"""Keys that open one view after the other: far more output than a terminal takes before it is read."""


@pytest.fixture
def terminal(tmp_path):
    home = Home.open(tmp_path)
    finished_run(home)
    command = [sys.executable, "-c", "from prusc_tui.main import main; main()", "last"]
    opened = Terminal(command, {"PRUSC_HOME": str(home.root), "PRUSC_SETTINGS": str(tmp_path / "none.toml")})
    try:
        opened.until("demo")
        opened.silence()
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "drawing"])
@pytest.mark.parametrize("how", ["signal", "silence"])
def test_a_terminal_that_goes_away_ends_the_program(terminal, how, busy):
    if busy:
        terminal.send(BUSY)
        time.sleep(1)
    if how == "signal":
        os.kill(terminal.process.pid, signal.SIGHUP)
    terminal.drop()
    assert terminal.process.wait(20) == 0


def test_a_terminal_that_takes_no_more_output_does_not_hold_up_the_end(terminal):
    terminal.send(BUSY)
    time.sleep(1)
    terminal.process.terminate()
    assert terminal.process.wait(PATIENCE + 20) == 0
