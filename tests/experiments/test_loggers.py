"""Loggers follow the stream of a run: whole after a resume, and harmless when they fail."""

import importlib.util
import subprocess
import sys
from contextlib import contextmanager

import orjson
import pytest

from core.errors import InputError
from core.events import Evaluated, RunFinished, RunStarted, Scalars, StageFinished, StageStarted
from core.groups import Evaluation, Group
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, StageRecord, new_id
from core.runs.stream import EventWriter
from experiments import beside as beside_module
from experiments import loggers
from experiments.beside import beside
from experiments.loggers import chosen

LIST = '''
"""A list of everything that a logger is told."""

from experiments.loggers import Logger


class ListLogger(Logger):
    name = "list"
    summary = "A list."
    extra = "list"
    library = "json"

    def open(self, record, folder, *, shared):
        self.file = folder / "list"
        self.file.write_text(f"open {record.name} {shared}\\n")
        self.seen = 0

    def write(self, stamped):
        self.seen += 1
        self.say(type(stamped.event).__name__)
        if (self.file.parent / "break").exists():
            raise OSError("the list\\nis torn")

    def flush(self):
        pass

    def close(self):
        self.say("close")
        if (self.file.parent / "hang").exists():
            import time

            time.sleep(3)

    def say(self, word):
        with self.file.open("a") as file:
            file.write(word + "\\n")
'''


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(beside_module, "EVERY", 0.01)


@pytest.fixture
def with_list(tmp_path, monkeypatch):
    """An installation that has one logger more, in a file."""
    folder = tmp_path / "loggers"
    folder.mkdir()
    (folder / "list_of_a_test.py").write_text(LIST)
    monkeypatch.setattr(loggers, "__path__", [*loggers.__path__, str(folder)])


@pytest.fixture
def make(tmp_path):
    home = Home.open(tmp_path / "home")

    def run(**fields):
        config = {"seed": 3, "erm": {"lr": 0.5, "epochs": None}, "recipe": "erm", "deterministic": True}
        record = RunRecord(
            id=new_id(),
            name="demo",
            recipe="erm",
            data="d",
            config=config,
            stages=(StageRecord("erm"),),
            **fields,
        )
        return RunFolder.create(home, record)

    return run


def losses(value, *steps):
    return [Scalars("erm", step, step / 10, {"loss": value + step}) for step in steps]


def told(split, correct, step, final):
    return Evaluated("erm", step, split, Evaluation(split, (Group("a", {}, 10, correct),), (1.0,)), final)


@contextmanager
def session(folder, resumed=False):
    """A process works on the run; what it says is written with one second between two events."""
    with beside(folder), EventWriter(folder.events) as writer:
        clock = iter(range(1000 if resumed else 0, 10_000))

        def say(*events):
            for event in events:
                writer.write(event, float(next(clock)))

        say(RunStarted(1, "h", "cpu", resumed))
        yield say


def killed_and_resumed(folder):
    """A run whose process was killed at step 6, with a checkpoint of step 4, and that then finished."""
    with session(folder) as say:
        say(StageStarted("erm", 8), *losses(0, 1, 2, 3, 4, 5, 6), told("validation", 5, 5, False))
    with session(folder, resumed=True) as say:
        say(StageStarted("erm", 8, 4), *losses(100, 5, 6, 7, 8), told("validation", 6, 5, False))
        say(told("validation", 7, 8, True), told("test", 8, 8, True), StageFinished("erm", 1.0, 0.25))
        say(RunFinished("finished"))


CURVE = [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 105.0), (6, 106.0), (7, 107.0), (8, 108.0)]


def test_a_logger_in_a_file_is_told_everything_from_the_first_event_on(make, with_list):
    folder = make(loggers={"list": ""})
    with session(folder) as say:
        say(StageStarted("erm", 8), *losses(0, 1, 2), RunFinished("finished"))
    assert (folder.path / "list").read_text().split() == (
        ["open", "demo", "False", "RunStarted", "StageStarted", "Scalars", "Scalars", "RunFinished", "close"]
    )
    assert not folder.log.exists()


def test_a_run_that_reached_no_stage_is_closed_all_the_same(make, with_list):
    folder = make(loggers={"list": ""})
    with session(folder) as say:
        say(RunFinished("failed", "why"))
    assert (folder.path / "list").read_text().split()[-2:] == ["RunFinished", "close"]


def test_a_logger_that_fails_is_dropped_with_a_warning_and_the_run_goes_on(make, with_list):
    folder = make(loggers={"list": ""})
    (folder.path / "break").touch()
    with session(folder) as say:
        say(StageStarted("erm", 8), *losses(0, 1, 2), RunFinished("finished"))
    assert (folder.path / "list").read_text().split()[3:] == ["RunStarted", "close"]
    assert folder.log.read_text() == (
        "warning: --log list is dropped, the run is not affected: OSError: the list is torn\n"
    )


def test_a_logger_that_does_not_come_to_an_end_is_given_up(make, with_list, monkeypatch):
    monkeypatch.setattr(beside_module, "PATIENCE", 0.2)
    folder = make(loggers={"list": ""})
    (folder.path / "hang").touch()
    with session(folder) as say:
        say(StageStarted("erm", 8), RunFinished("finished"))
    assert "--log list is dropped, the run is not affected: has not finished its files" in folder.log.read_text()


@pytest.mark.parametrize("missing", ["library", "logger"])
def test_a_logger_that_this_machine_does_not_have_is_a_warning(make, missing, monkeypatch):
    folder = make(loggers={"tensorboard" if missing == "library" else "slate": ""})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with session(folder) as say:
        say(StageStarted("erm", 8), RunFinished("finished"))
    why = "pip install 'prusc-tui[tensorboard]'" if missing == "library" else "unknown logger"
    assert why in folder.log.read_text()
    assert not (folder.path / "tensorboard").exists()


def test_log_options_are_read_and_mistakes_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    assert chosen(["tensorboard", "wandb-offline:shared"]) == {
        "tensorboard": "",
        "wandb-offline": str(tmp_path / "shared"),
    }
    assert not (tmp_path / "shared").exists()
    for word, sentence in {
        "tensorbord": r"^--log tensorbord: unknown logger; did you mean 'tensorboard'\?; choose from tensorboard, ",
        "tensorboard:": "'' is not a folder",
        "tensorboard:file": "'file' is not a folder",
    }.items():
        with pytest.raises(InputError, match=sentence):
            chosen([word])


@pytest.mark.parametrize(
    ("name", "extra"), [("tensorboard", "tensorboard"), ("wandb-offline", "wandb")], ids=["tensorboard", "wandb"]
)
def test_a_library_that_is_not_installed_is_said_with_its_extra(name, extra, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"^--log {name} needs {extra}: pip install 'prusc-tui\[{extra}\]'$"):
        chosen([name])


# TensorBoard, read back by its own reader


def scalars_of(path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(path), size_guidance={"scalars": 0})
    events.Reload()
    read = {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    return events, read


def test_tensorboard_has_every_point_of_a_resumed_run_once_and_the_final_results(make):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    folder = make(loggers={"tensorboard": ""})
    killed_and_resumed(folder)
    events, read = scalars_of(folder.path / "tensorboard")
    assert read["erm/loss"] == CURVE
    assert [time.wall_time for time in events.Scalars("erm/loss")][:2] == [2.0, 3.0]
    assert read["erm/validation/worst_group"] == [(5, pytest.approx(0.6))]
    assert read["erm/final/validation/average"] == [(8, pytest.approx(0.7))]
    finals = {tag: values for tag, values in read.items() if tag.startswith("final/")}
    assert finals["final/test/worst_group"] == [(0, pytest.approx(0.8))]
    assert finals["final/test/n"] == [(0, 10)]
    assert finals["final/sparsity"] == [(0, 0.75)]
    assert events.SummaryMetadata("erm/validation/average").summary_description == "accuracy on validation, n = 10"
    assert not folder.log.exists()


def test_tensorboard_has_the_settings_as_hyperparameters(make):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    folder = make(loggers={"tensorboard": ""})
    killed_and_resumed(folder)
    (file,) = (folder.path / "tensorboard").iterdir()
    events, _ = scalars_of(file.parent)
    contents = events.PluginTagToContent("hparams")
    start = HParamsPluginData.FromString(contents["_hparams_/session_start_info"]).session_start_info
    values = {name: value.number_value or value.string_value for name, value in start.hparams.items()}
    assert values == {"seed": 3, "erm.lr": 0.5, "erm.epochs": "null", "recipe": "erm", "deterministic": "true"}
    experiment = HParamsPluginData.FromString(contents["_hparams_/experiment"]).experiment
    assert "final/test/worst_group" in [metric.name.tag for metric in experiment.metric_infos]
    assert "_hparams_/session_end_info" in contents


def test_tensorboard_shows_a_run_while_it_works(make):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    folder = make(loggers={"tensorboard": ""})
    with session(folder) as say:
        say(StageStarted("erm", 8), *losses(0, 1, 2))
        for _ in range(1000):
            read = scalars_of(folder.path / "tensorboard")[1] if (folder.path / "tensorboard").exists() else {}
            if "erm/loss" in read:
                break
            subprocess.run(["sleep", "0.02"], check=True)
        assert read["erm/loss"] == CURVE[:2]


def test_in_a_shared_folder_a_run_keeps_its_place_when_it_is_renamed(make, tmp_path):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    folder = make(loggers={"tensorboard": str(tmp_path / "all")})
    other = make(loggers={"tensorboard": str(tmp_path / "all")})
    killed_and_resumed(other)
    with session(folder) as say:
        say(StageStarted("erm", 8), *losses(0, 1, 2, 3, 4, 5, 6))
    folder.update(name="a/new name")
    with session(folder, resumed=True) as say:
        say(StageStarted("erm", 8, 4), *losses(100, 5, 6, 7, 8), RunFinished("stopped"))
    places = sorted((tmp_path / "all").iterdir())
    assert [place.name for place in places] == sorted([f"demo-{folder.id}", f"demo-{other.id}"])
    for place in places:
        assert scalars_of(place)[1]["erm/loss"] == CURVE


# Weights & Biases, read back by its own command


def records_of(file):
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this wandb cannot inspect its own files: {done.stderr.strip()[-200:]}")
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def test_wandb_has_every_point_of_a_resumed_run_once_and_the_final_results(make, monkeypatch):
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    folder = make(loggers={"wandb-offline": ""}, tags=("one", "two"))
    killed_and_resumed(folder)
    (place,) = (folder.path / "wandb").glob("offline-run-*")
    records = records_of(next(place.glob("*.wandb")))
    run = next(record["run"] for record in records if record["type"] == "run")
    assert (run["run_id"], run["display_name"], run["project"]) == (folder.id, "demo", "prusc-tui")
    assert run["tags"] == ["one", "two"]
    rows = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert [(row["erm/step"], row["erm/loss"]) for row in rows if "erm/loss" in row] == CURVE
    assert rows[0]["_timestamp"] == 2.0
    summaries = [record["summary"]["update"] for record in records if record["type"] == "summary"]
    assert [one["final/test/worst_group"] for one in summaries if "final/test/worst_group" in one][-1] == 0.8
    assert next(record["exit"] for record in records if record["type"] == "exit")["exit_code"] == 0
    assert not folder.log.exists()
