"""The user's command at the end of a run: what it gets, and that nothing it does harms the run."""

import sys
import time
from contextlib import suppress

import orjson
import psutil
import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, new_id
from experiments import notify
from experiments.beside import beside
from experiments.notify import run_command, tell

KEEP = "import os, sys; open(sys.argv[1], 'w').write(os.environ['PRUSC_HOME'] + '\\n' + sys.stdin.read())"


@pytest.fixture
def folder(tmp_path):
    home = Home.open(tmp_path / "home")
    return RunFolder.create(home, RunRecord(id=new_id(), name="demo", recipe="erm", data="d", status="finished"))


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Write `[notify]` with a command."""
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("PRUSC_SETTINGS", str(path))

    def write(*command):
        path.write_text(f"[notify]\ncommand = {orjson.dumps(command).decode()}\n")

    return write


def test_the_command_gets_the_run_as_json_when_it_has_ended(folder, settings, tmp_path):
    settings(sys.executable, "-c", KEEP, str(tmp_path / "got"))
    with beside(folder):
        folder.update(status="failed", reason="no disk")
        assert not (tmp_path / "got").exists()
    home, got = (tmp_path / "got").read_text().split("\n", 1)
    assert home == str(folder.home.root)
    assert orjson.loads(got) == orjson.loads(orjson.dumps(folder.record().to_json()))
    assert not folder.log.exists()


def test_words_go_to_no_shell(folder, settings, tmp_path):
    settings(sys.executable, "-c", KEEP, str(tmp_path / "a; touch b $HOME"))
    tell(folder)
    assert (tmp_path / "a; touch b $HOME").exists()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-command-of-a-test",), "no-such-command-of-a-test could not be started (No such file or directory)"),
        ((sys.executable, "-c", "import sys; sys.exit('no topic')"), "ended with code 1: no topic"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with code 3"),
    ],
    ids=["missing", "says why", "says nothing"],
)
def test_a_failure_is_only_logged(folder, settings, command, why):
    settings(*command)
    tell(folder)
    said = folder.log.read_text()
    assert said.startswith("warning: no notification was sent: ")
    assert said.endswith(f"{why}\n")


def test_settings_that_are_not_valid_are_only_logged(folder, settings, tmp_path):
    (tmp_path / "settings.toml").write_text("[notify]\ncomand = 'x'\n")
    tell(folder)
    assert "unknown setting 'comand'; did you mean 'command'?" in folder.log.read_text()


def test_a_command_that_hangs_is_killed_with_its_children(monkeypatch, tmp_path):
    monkeypatch.setattr(notify, "PATIENCE", 2.0)
    child = f"import time; open({str(tmp_path / 'child')!r}, 'w').write(str(__import__('os').getpid())); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    begin = time.monotonic()
    why = run_command((sys.executable, "-c", parent), {"big": "x" * 1_000_000}, {})
    assert why == f"{sys.executable} did not end within 2 s"
    assert time.monotonic() - begin < 20
    with suppress(psutil.NoSuchProcess):
        child = psutil.Process(int((tmp_path / "child").read_text()))
        assert child.status() == psutil.STATUS_ZOMBIE or child.wait(10) is None


def test_a_command_need_not_read_what_it_gets():
    assert run_command((sys.executable, "-c", ""), {"big": "x" * 1_000_000}, {}) == ""
