"""A launcher is a file: one more file in the folder is offered, starts runs, and stops and kills them afterwards."""

import pytest
from driver import TINY, files_below

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments import actions, launchers
from experiments.launchers import launcher_of
from experiments.order import Order
from prusc_tui.screens.new_run.fields import places
from prusc_tui.screens.new_run.form import Form

SLATE = '''
"""Runs that are written on a slate, where nobody works on them."""

from dataclasses import replace

from core.errors import InputError
from experiments.launchers import Launcher


class SlateLauncher(Launcher):
    name = "slate"
    summary = "On a slate."

    def check(self, device):
        if device != "auto":
            raise InputError(f"the slate has no {device}")

    def start(self, folder, *, device, fresh):
        if self.full(folder):
            raise InputError("the slate is full")
        folder.clear_stop()
        folder.update(status="queued", launcher=self.name, job="7", pid=None, pid_started=None, host=None)
        self.write(folder, "start")

    def state(self, folder):
        record = folder.record()
        return replace(record, status="lost") if self.lines(folder)[-1:] == ["kill"] else record

    def stop(self, folder):
        self.write(folder, "stop")
        folder.update(status="stopped")

    def kill(self, folder):
        self.write(folder, "kill")

    def log_path(self, folder):
        return folder.home.root / "slate"

    def full(self, folder):
        return (folder.home.root / "full").exists()

    def lines(self, folder):
        file = self.log_path(folder)
        return file.read_text().split() if file.exists() else []

    def write(self, folder, line):
        with self.log_path(folder).open("a") as file:
            file.write(line + "\\n")
'''
RUN = ("run", "erm", *TINY, "--launcher", "slate")


@pytest.fixture
def slate(prusc, tmp_path, monkeypatch):
    """`prusc` of an installation that has one launcher more, in a file."""
    folder = tmp_path / "launchers"
    folder.mkdir()
    (folder / "slate_of_a_test.py").write_text(SLATE)
    monkeypatch.setattr(launchers, "__path__", [*launchers.__path__, str(folder)])
    places.cache_clear()  # of forms of other tests
    yield prusc
    places.cache_clear()


def folder_of(slate):
    return RunFolder.open(Home.open(slate.home), slate("show", "last", "--json").json["id"])


def written(slate):
    return (slate.home / "slate").read_text().split()


def test_a_run_is_started_stopped_and_resumed_by_its_launcher(slate):
    said = slate(*RUN, "--json")
    assert said.code == 0, said.err
    assert (said.json["status"], said.json["launcher"], said.json["job"]) == ("queued", "slate", "7")
    refused = slate("rm", "-y", "last")
    assert (refused.code, "is queued; stop it first" in refused.err) == (2, True)
    stopped = slate("stop", "last")
    assert (stopped.code, stopped.out.endswith(" is stopped\n")) == (0, True)
    assert "runs in the background" in slate("resume", "last", "--launcher", "slate").out
    assert written(slate) == ["start", "stop", "start"]


def test_kill_and_the_log_reach_the_launcher_through_the_record(slate):
    assert slate(*RUN).code == 0
    folder = folder_of(slate)
    assert "is lost" in actions.kill(folder)
    assert written(slate) == ["start", "kill"]
    assert launcher_of(folder.record()).log_path(folder) == actions.log_path(folder) == slate.home / "slate"
    assert actions.delete(folder).endswith("deleted")


@pytest.mark.parametrize("full", [False, True])
def test_a_start_that_is_refused_leaves_no_run(slate, full):
    assert slate(*RUN).code == 0
    (slate.home / "full").touch()
    before = files_below(slate.home / "runs")
    said = slate(*RUN) if full else slate(*RUN, "--device", "cuda:1")
    assert (said.code, said.err) == (2, f"error: the slate {'is full' if full else 'has no cuda:1'}\n")
    assert files_below(slate.home / "runs") == before
    assert len(slate("ls", "--json").json["runs"]) == 1


def test_the_form_offers_it_and_gives_the_words_that_name_it(slate):
    form = Form("demo")
    (field,) = [field for field in form.fields() if field.setting.key == "start"]
    assert field.setting.choices == ("detached", "in this process", "queue", "slate", "slurm")
    assert "Slate: On a slate." in field.setting.help
    for choice, words in (("slate", ["--launcher", "slate"]), ("detached", ["--detach"]), ("in this process", [])):
        form.set("start", choice)
        assert form.command_line() == ["prusc", "run", "demo", *words]


def test_a_launcher_that_is_not_installed_is_named_and_its_run_is_read_from_the_folder(slate, monkeypatch):
    assert slate(*RUN).code == 0
    folder = folder_of(slate)
    monkeypatch.setattr(launchers, "__path__", launchers.__path__[:1])
    with pytest.raises(InputError, match="is queued; stop it first"):
        actions.delete(folder)
    for deed in (actions.stop, actions.kill):
        with pytest.raises(InputError, match="was started by launcher 'slate', which is not installed here"):
            deed(folder)
    assert actions.log_path(folder) == folder.log
    folder.update(status="finished")
    assert slate("rm", "-y", "last").code == 0
    with pytest.raises(InputError, match=r"^unknown launcher 'slate'.*; choose from detached, local, queue"):
        actions.start(Home.open(slate.home), Order(launcher="slate"))


def test_detach_is_the_launcher_of_that_name(prusc):
    said = prusc("run", "demo", "--detach", "--launcher", "local")
    assert said.code == 2
    assert said.err.startswith("error: --detach: means --launcher detached")
    study = prusc("run", "cmnist-study", "--launcher", "detached")
    assert study.code == 2
    assert "would start" in study.err
    assert "--launcher queue" in study.err
