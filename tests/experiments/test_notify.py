"""The user's command at the end of a run: what it gets, and that nothing it does harms the run."""

import sys
import time
from contextlib import suppress

import orjson
import psutil
import pytest

from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, new_id
from experiments import notify
from experiments.beside import beside
from experiments.ending import tell_of_sweep
from experiments.hosting import work
from experiments.launchers import queue
from experiments.notify import run_command, tell
from experiments.sweeps import control, registry
from experiments.sweeps.cells import cells_of
from prusc_tui.cli.sweep_options import study_of, sweep_of

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


@pytest.fixture
def told(settings, tmp_path):
    """What the command got, call by call."""
    settings(sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())", str(tmp_path / "told"))

    def lines():
        file = tmp_path / "told"
        return [orjson.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    return lines


def test_a_run_that_goes_on_in_another_process_has_not_ended(folder, told):
    folder.update(status="running", **here())
    with beside(folder):
        folder.request_stop(goes_on=True)
        folder.update(**folder.take_stop())
    assert told() == []
    with beside(folder):
        folder.update(status="finished")
    assert [run["status"] for run in told()] == ["finished"]


def test_the_process_that_works_on_a_run_is_not_gone_when_another_one_gives_up(folder, told):
    folder.update(status="running", **here())
    with beside(folder):
        pass
    assert told() == []


def test_a_run_that_cannot_be_submitted_has_ended(folder, told, capsys):
    folder.update(status="queued")
    assert work(folder, "cuda:99", lambda job: None) == 2
    assert [(run["status"], "cuda:99" in run["reason"]) for run in told()] == [("failed", True)]
    assert "cuda:99" in capsys.readouterr().err


def test_a_run_whose_process_is_gone_is_told_of_as_lost(folder, told):
    folder.update(status="running", **here() | {"pid_started": 1.0})
    tell(folder)
    assert [run["status"] for run in told()] == ["lost"]


def test_the_end_of_a_sweep_is_told_once_and_again_after_its_runs_were_started_again(tmp_path, told, monkeypatch):
    monkeypatch.setattr(queue, "ensure", lambda home: None)
    home = Home.open(tmp_path / "home")
    sweep = sweep_of(home, study_of("erm", grid=["erm.lr=0.1,0.2"], seeds="0"))
    registry.keep(home, sweep)
    control.start(home, sweep)

    def end(run, status):
        folder = RunFolder.open(home, run)
        RunLog(home).put(folder.update(status=status, pid=None, ended=time.time()))
        tell(folder)

    first, second = (cell.run["id"] for cell in cells_of(home, sweep))
    end(first, "failed")
    end(second, "finished")
    assert [(run.get("id"), run.get("sweep")) for run in told()] == [(first, None), (second, None), (None, sweep.name)]
    assert told()[-1] == {"sweep": sweep.name, "finished": 1, "failed": 1}
    assert tell_of_sweep(home, sweep) == ""  # as of a second terminal that follows the sweep
    assert len(told()) == 3
    control.start(home, sweep)
    assert tell_of_sweep(home, sweep) == ""
    assert len(told()) == 3
    end(first, "finished")
    run, last = told()[3:]
    assert (run["id"], run["status"], last) == (first, "finished", {"sweep": sweep.name, "finished": 2})


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
