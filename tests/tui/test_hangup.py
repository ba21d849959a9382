"""The line drops: the program ends by itself, whether the hang-up reaches it as a signal or not."""

import os
import signal

import pytest

from core.runs.home import Home
from tests.bench.terminal import Terminal
from tests.tui.lab import finished_run


@pytest.mark.parametrize("how", ["signal", "silence"])
def test_a_terminal_that_goes_away_ends_the_program(tmp_path, how):
    import sys

    home = Home.open(tmp_path)
    finished_run(home)
    command = [sys.executable, "-c", "from prusc_tui.main import main; main()"]
    terminal = Terminal(command, {"PRUSC_HOME": str(home.root), "PRUSC_SETTINGS": str(tmp_path / "none.toml")})
    try:
        terminal.until("demo")
        terminal.silence()
        if how == "signal":
            os.kill(terminal.process.pid, signal.SIGHUP)
        else:
            terminal.drop()
        assert terminal.process.wait(20) == 0
    finally:
        terminal.close()
