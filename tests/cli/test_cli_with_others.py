"""A run for other programs: loggers, MLflow, runs from another home, and the command at the end of a detached run."""

import importlib.util
import os
import sys
import time

import orjson
import pandas as pd
import pytest
from driver import TINY, files_below

from core.runs.folder import RunFolder
from core.runs.home import Home

KEEP = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"


def one_sentence(said, *words):
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert all(word in said.err for word in words), said.err


def test_an_unknown_logger_or_a_missing_library_stops_the_run_before_anything_is_written(prusc, monkeypatch):
    one_sentence(prusc("run", "erm", *TINY, "--log", "tensorbord"), "'tensorboard'?", "choose from")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "wandb" else find_spec(name, *more)
    )
    one_sentence(prusc("run", "erm", *TINY, "--log", "wandb-offline"), "pip install 'prusc-tui[wandb]'")
    one_sentence(prusc("run", "bench-few", "--log", "wandb-offline"), "pip install 'prusc-tui[wandb]'")
    assert not prusc.home.exists()


def test_detached_runs_cannot_ring_this_terminal(prusc):
    one_sentence(prusc("run", "erm", *TINY, "--detach", "--notify"), "--notify", "prusc watch --notify")
    sweep = ("sweep", "erm", *TINY, "--grid", "erm.lr=0.1,0.2", "--detach", "--notify")
    seeds = ("run", "erm", *TINY, "--seeds", "0-1", "--queue", "--notify")
    for words in (sweep, seeds):
        one_sentence(prusc(*words), "--notify", "without --detach", "notify.command")
    assert not prusc.home.exists()


def test_settings_of_notifications_that_are_not_valid_stop_the_run(prusc, tmp_path, monkeypatch):
    (tmp_path / "settings.toml").write_text("[notify]\nterminal = 1\n")
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))
    one_sentence(prusc("run", "erm", *TINY), "terminal must be true or false")
    assert not prusc.home.exists()


def test_a_detached_run_writes_its_logs_keeps_them_for_a_resume_and_tells_the_command(prusc, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    words = orjson.dumps([sys.executable, "-c", KEEP, str(tmp_path / "got")]).decode()
    (tmp_path / "settings.toml").write_text(f"[notify]\ncommand = {words}\n")
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))
    said = prusc("run", "erm", *TINY, "--detach", "--log", "tensorboard", "--json")
    assert said.code == 0, said.err
    assert said.json["loggers"] == {"tensorboard": ""}
    folder = RunFolder.open(Home.open(prusc.home), said.json["id"])
    end = time.monotonic() + 120
    while not (tmp_path / "got").exists():
        assert time.monotonic() < end, folder.log.read_text()
        time.sleep(0.1)
    while not (got := (tmp_path / "got").read_bytes()).endswith(b"\n"):
        time.sleep(0.05)
    assert orjson.loads(got) == prusc("show", "last", "--json").json
    assert orjson.loads(got)["status"] == "finished", folder.log.read_text()
    assert list((folder.path / "tensorboard").glob("events.out.tfevents.*"))
    folder.update(status="stopped")
    again = prusc("resume", folder.id, "--log", f"tensorboard:{tmp_path / 'all'}", "--json")
    assert (again.code, again.json["loggers"]) == (0, {"tensorboard": str(tmp_path / "all")})
    assert [path.name for path in (tmp_path / "all").iterdir()] == [f"erm-{folder.id}"]


def test_import_brings_the_runs_of_another_home(finished, prusc):
    id = finished.said.json["id"]
    planned = prusc("import", finished.home, "--where", "name=first", "--dry-run")
    assert (planned.code, planned.out) == (0, f"would import  first {id}\n1 imported (nothing was written)\n")
    assert not prusc.home.exists()
    done = prusc("import", finished.home, "--where", "name=first", "--json")
    assert done.json["runs"] == [{"id": id, "name": "first", "status": "finished", "deed": "import", "why": ""}]
    ours, theirs = (one("show", id, "--json").json for one in (prusc, finished))
    assert ours | {"launcher": ""} == theirs | {"launcher": "", "pid": None, "pid_started": None}
    assert prusc("show", "first").out == finished("show", "first").out
    again = prusc("import", finished.home, "--where", "name=first")
    assert (again.code, again.out) == (0, f"already here  first {id}\n1 already here\n")
    RunFolder.open(Home.open(prusc.home), id).update(seed=99)
    before = files_below(prusc.home / "runs")
    conflict = prusc("import", finished.home, "--where", "name=first")
    assert (conflict.code, conflict.out.splitlines()[-1]) == (1, "1 conflict")
    assert files_below(prusc.home / "runs") == before


# MLflow


@pytest.fixture(scope="module")
def mlflow(finished, tmp_path_factory):
    """Two exports of one run into a database, and a client that reads it."""
    pytest.importorskip("sqlalchemy", reason="the extra mlflow is not installed")
    client = pytest.importorskip("mlflow", reason="the extra mlflow is not installed").MlflowClient
    place = tmp_path_factory.mktemp("mlflow")
    before = os.getcwd()  # noqa: PTH109
    os.chdir(place)
    try:
        uri = f"sqlite:///{place / 'mlflow.db'}"
        told = [finished("export", "first", "--to", f"mlflow:{uri}", "--json") for _ in range(2)]
        assert [one.code for one in told] == [0, 0], told
        yield client(tracking_uri=uri), [one.json for one in told]
    finally:
        os.chdir(before)


def test_mlflow_has_one_run_with_settings_tags_and_state(finished, mlflow):
    client, (first, second) = mlflow
    record = finished.said.json
    (run,) = client.search_runs([client.get_experiment_by_name("prusc-tui").experiment_id])
    assert run.info.run_id == second["run_id"] != first["run_id"]
    assert (run.info.run_name, run.info.status) == ("first", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (round(1000 * record["started"]), round(1000 * record["ended"]))
    assert run.data.params["prune.lr"] == "0.5"
    assert run.data.params["cluster.candidates"] == "[2,3]"
    assert (run.data.tags["prusc.id"], run.data.tags["prusc.seed"]) == (record["id"], "0")
    assert run.data.tags["prusc.tag.tiny"] == "true"


def test_mlflow_has_the_curves_by_step_and_the_final_results(finished, mlflow):
    client, (_, told) = mlflow
    evaluation = finished.said.json["stages"][-1]["evaluations"]["test"]
    metrics = client.get_run(told["run_id"]).data.metrics
    assert metrics["final/test/worst_group"] == evaluation["worst_group"]["accuracy"]
    assert metrics["final/test/n"] == 80
    groups = [value for name, value in metrics.items() if name.startswith("final/test/groups/")]
    assert sorted(groups) == sorted(group["accuracy"] for group in evaluation["groups"])
    table = finished("export", "first", "--to", finished.home.parent / "plain", "--json")
    assert table.code == 0
    rows = pd.read_csv(finished.home.parent / "plain" / "metrics.csv")
    losses = rows[(rows["stage"] == "erm") & (rows["name"] == "loss")]
    history = client.get_metric_history(told["run_id"], "erm/loss")
    assert [(one.step, one.value) for one in history] == list(zip(losses["step"], losses["value"], strict=True))


def test_mlflow_has_the_exported_files(mlflow):
    client, (_, told) = mlflow
    names = {file.path for file in client.list_artifacts(told["run_id"])}
    assert {"model.safetensors", "model.json", "masks.safetensors", "metrics.csv"} <= names


def test_a_folder_called_mlflow_can_still_be_meant(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert finished("export", "first", "--to", "./mlflow").code == 0
    assert (tmp_path / "mlflow/model.safetensors").exists()


def test_without_mlflow_one_sentence_says_how_to_install_it(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    one_sentence(finished("export", "first", "--to", "mlflow"), "pip install 'prusc-tui[mlflow]'")
    assert list(tmp_path.iterdir()) == []


def test_a_tracking_server_that_is_not_there_is_one_sentence(finished, tmp_path, monkeypatch):
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    monkeypatch.chdir(tmp_path)
    one_sentence(finished("export", "first", "--to", "mlflow:nosuchscheme://x"), "--to mlflow:nosuchscheme://x: ")
