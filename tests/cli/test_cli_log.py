"""The run log: `ls`, `show`, `watch`, `stop`, `rm`, `index` and the commands that list what there is."""

import re
import time
from importlib import metadata

import orjson
import pytest
from driver import TINY, files_below
from typer.testing import CliRunner

from core.feed.feed import RunFeed
from core.groups import Evaluation, Group
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord
from prusc_tui import __version__
from prusc_tui.cli.app import app

SHARED = ("id", "name", "status", "recipe", "data", "seed", "selection", "attributes_used", "stages", "config")


def wait_for_steps(prusc, id):
    """Wait until the first stage of a run is some steps along."""
    feed = RunFeed(RunFolder.open(Home.open(prusc.home), id))
    for _ in range(300):
        snapshot = feed.poll()
        if snapshot.stages[0].step > 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"run {id} never came to a step: {snapshot.status} {snapshot.record.reason}")


@pytest.fixture
def several(prusc):
    """Runs with worst-group accuracies 0.2, 0.8, none and 0.5, in the order in which they were made."""
    log = RunLog(Home.open(prusc.home))
    for seed, (name, correct) in enumerate({"bad": 2, "good": 8, "queued": None, "fair": 5}.items()):
        groups = (Group("0", {"colour": "red"}, 10, 9), Group("1", {"colour": "red"}, 10, correct or 0))
        evaluations = {} if correct is None else {"test": Evaluation("test", groups, (0.5, 0.5)).to_json()}
        stage = StageRecord("erm", status="waiting" if correct is None else "done", evaluations=evaluations)
        status = "queued" if correct is None else "finished"
        log.register(
            RunRecord(
                id=f"{name}2222",
                name=name,
                recipe="erm",
                data="d",
                status=status,
                seed=seed,
                created=seed,
                stages=(stage,),
            )
        )
    return prusc


def names(said):
    return [run["name"] for run in said.json["runs"]]


def test_ls_of_an_empty_home_says_how_to_start_and_writes_nothing(prusc):
    said = prusc("ls")
    assert said.code == 0
    assert "prusc run demo" in said.out
    assert prusc("ls", "--json").json == {"runs": []}
    assert not prusc.home.exists()


def test_ls_shows_every_run_newest_first(several):
    assert names(several("ls", "--json")) == ["fair", "queued", "good", "bad"]
    lines = several("ls").out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["fair", "queued", "good", "bad"]
    assert "80.0" in lines[3]


def test_ls_where_keeps_the_runs_that_match(several):
    assert names(several("ls", "--where", "status=finished and wga>=0.5", "--json")) == ["fair", "good"]
    assert names(several("ls", "--where", "wga>2", "--json")) == []
    assert "no runs match 'wga>2'" in several("ls", "--where", "wga>2").out


def test_ls_sort_by_a_score_lists_the_best_first_and_runs_without_one_last(several):
    assert names(several("ls", "--sort", "wga", "--json")) == ["good", "fair", "bad", "queued"]
    assert names(several("ls", "--sort", "-wga", "--json")) == ["bad", "fair", "good", "queued"]
    assert names(several("ls", "--sort", "wga", "-n", 1, "--json")) == ["good"]
    assert names(several("ls", "--sort", "seed", "--json")) == ["bad", "good", "queued", "fair"]


def test_ls_and_show_count_the_time_of_a_run_that_is_running(several):
    home = Home.open(several.home)
    given = {"recipe": "erm", "data": "d", "status": "running", "seconds": 600.0, **here()}
    record = RunRecord(id="live2222", name="live", created=9.0, working_since=time.time() - 7200, **given)
    RunFolder.create(home, record)
    RunLog(home).register(record)
    (live,) = several("ls", "--where", "seconds > 2h", "--json").json["runs"]
    assert live["name"] == "live"
    assert live["seconds"] == pytest.approx(7800, abs=300)
    assert several("show", "live", "--json").json["seconds"] == pytest.approx(7800, abs=300)
    assert names(several("ls", "--sort", "-seconds", "--json"))[0] == "live"
    for words in (("ls",), ("show", "live")):
        assert re.search(r"\b2:1[0-5]:\d\d\b", several(*words).out), words


def test_names_and_tags_are_shown_as_text_whatever_they_hold(prusc):
    ran = prusc("run", "erm", *TINY, "--name", "[red]x", "--tag", "\x1b]0;pwn\x07")
    assert ran.code == 0, ran.err
    shown = prusc("ls").out + prusc("show", "[red]x").out + prusc("watch", "[red]x", "--once").out
    assert "\x1b" not in ran.out + shown
    assert "\x07" not in ran.out + shown
    assert shown.count("[red]x") == 3
    assert r"\x1b]0;pwn\x07" in shown


def test_a_run_is_found_by_id_by_the_beginning_of_it_by_name_and_as_the_last(finished):
    first = finished.said.json["id"]
    shown = {finished("show", reference, "--json").out for reference in (first, first[:5], "first", "last")}
    assert len(shown) == 1


def test_show_prints_the_json_that_run_printed(finished):
    shown, told = finished("show", "first", "--json").json, finished.said.json
    assert {key: shown[key] for key in SHARED} == {key: told[key] for key in SHARED}


def test_show_prints_groups_times_and_what_was_used_of_the_attributes(finished):
    shown = finished("show", "first").out
    for stage in finished.said.json["stages"]:
        assert f"{stage['name']} " in shown
    accuracy = finished.said.json["stages"][-1]["evaluations"]["test"]["worst_group"]["accuracy"]
    assert re.search(rf"worst group .* {100 * accuracy:.1f}   [▲▼=] \d+\.\d\n", shown)
    for title in ("0–4 · red", "0–4 · green", "5–9 · red", "5–9 · green"):
        assert title in shown
    assert "No attributes used for training or selection" in shown


def test_show_config_prints_every_setting_and_marks_those_given(finished):
    lines = finished("show", "first", "--config").out.splitlines()
    assert "* prune.steps = 6" in lines
    assert "  prune.contrast_weight = 0.1" in lines


def test_watch_once_prints_one_frame_of_a_finished_run(finished):
    said = finished("watch", "first", "--once")
    assert said.code == 0
    head = said.out.splitlines()[0]
    assert head.startswith("first  prusc on colored-mnist · seed 0 · cpu ")
    assert "✓ finished" in head
    assert said.out.count("✓") == 10  # nine stages, and the run


def test_a_finished_run_is_neither_stopped_nor_resumed(finished):
    for command in ("stop", "resume"):
        said = finished(command, "first")
        assert said.code == 2
        assert said.err.startswith("error: run 'first' is finished")


def test_a_detached_run_is_stopped_from_outside_kept_until_then_and_goes_on_to_its_end(prusc, detached):
    wait_for_steps(prusc, prusc("show", detached, "--json").json["id"])
    refused = prusc("rm", "-y", detached)
    assert refused.code == 2
    assert refused.err.startswith("error: run 'detached' is running; stop it first")
    said = prusc("stop", detached)
    assert said.code == 0, said.err
    assert said.out.rstrip().endswith("is stopped")
    record = prusc("show", detached, "--json").json
    assert record["status"] == "stopped"
    assert record["ended"] is not None
    (prusc.home / "runs" / record["id"] / "stop").touch()  # a request that a process left unanswered when it died
    resumed = prusc("resume", detached, "--json")
    assert resumed.code == 0
    assert ", from step " in resumed.err
    assert resumed.json["status"] == "finished"
    assert set(resumed.json["stages"][0]["evaluations"]) == {"validation", "test"}


def test_rm_takes_the_run_away_and_leaves_the_others(finished):
    finished("run", "erm", *TINY, "--name", "gone")
    before = finished("show", "first", "--json").out
    said = finished("rm", "-y", "gone")
    assert (said.code, said.out.startswith("deleted gone (")) == (0, True)
    assert [run["name"] for run in finished("ls", "--json").json["runs"]] == ["first"]
    assert finished("show", "first", "--json").out == before


def test_the_index_is_rebuilt_from_the_folders(finished):
    listed = finished("ls", "--json").out
    (finished.home / "index.json").unlink()
    assert finished("ls", "--json").json == {"runs": []}
    assert finished("index", "rebuild", "--json").json == {"runs": 1, "skipped": []}
    assert finished("ls", "--json").out == listed


def test_recipes_lists_recipes_and_presets_with_what_they_use(prusc):
    told = prusc("recipes", "--json").json
    used = {recipe["name"]: recipe["attributes_used"] for recipe in told["recipes"]}
    assert {name for name, supervision in used.items() if supervision == "train"} == {
        "group-balanced",
        "group-dro",
        "dfr-train",
        "eiil-attribute",
    }
    shown = prusc("recipes").out
    assert {"auto", "biased", "clusters", "file"} <= {finder["name"] for finder in told["finders"]}
    for each in (*told["recipes"], *told["finders"], *told["presets"]):
        assert each["name"] in shown


def test_recipes_show_prints_the_stages_and_every_setting(prusc):
    shown = prusc("recipes", "show", "prusc").out
    assert "erm → biased → find → balance → prune → finetune" in shown
    assert "prune.contrast_weight = 0.1" in shown.splitlines()
    assert "erm.objective = erm  fixed by the recipe" in shown
    assert "find.by = biased" in shown.splitlines()
    by_clusters = prusc("recipes", "show", "irm").out  # whose preset says so
    assert "erm → represent → cluster → find → environments → train" in by_clusters
    assert prusc("recipes", "show", "patch-mnist", "--json").json["config"]["data"]["name"] == "patch-mnist"


def test_data_show_takes_the_name_of_a_data_set_or_of_a_preset(prusc):
    small = [word for word in TINY if "data." in word or word == "--set"][:6]
    by_name = prusc("data", "show", "colored-mnist", *small, "--json").json
    by_preset = prusc("data", "show", "demo", *small, "--json").json
    assert by_name["splits"]["train"]["n"] == 600
    assert by_preset == by_name


def test_doctor_prints_versions_and_fails_only_where_something_is_missing(prusc):
    said = prusc("doctor", "--json")
    told = said.json
    assert told["prusc-tui"] == __version__
    assert told["devices"][0].startswith("cpu")
    assert told["digits"] > 0
    assert said.code == (1 if told["missing"] else 0)


@pytest.mark.parametrize(("package", "code"), [("pyarrow", 0), ("scikit-learn", 1)])
def test_doctor_misses_what_is_required_but_not_the_package_of_an_extra(package, code, tmp_path, monkeypatch):
    def version(name, known=metadata.version):
        if name == package:
            raise metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setenv("PRUSC_HOME", str(tmp_path))
    monkeypatch.setattr(metadata, "version", version)
    said = CliRunner().invoke(app, ["doctor", "--json"])
    assert said.exit_code == code
    told = orjson.loads(said.stdout)
    assert told["missing"] == [package] * code
    assert told[package].startswith("not installed")


def test_looking_writes_nothing(finished):
    before = files_below(finished.home)
    for words in (("ls",), ("show", "first"), ("watch", "first", "--once"), ("show", "first", "--config")):
        assert finished(*words).code == 0
    assert files_below(finished.home) == before


def test_a_picture_of_a_run_stands_on_its_own(finished, tmp_path):
    picture = tmp_path / "run.svg"
    assert finished("watch", "first", "--svg", str(picture)).code == 0
    text = picture.read_text()
    assert text.startswith("<svg")
    assert "finetune" in text
    assert "url(http" not in text


def test_a_picture_that_cannot_be_written_is_one_sentence(finished, tmp_path):
    said = finished("watch", "first", "--svg", str(tmp_path / "missing" / "run.svg"))
    assert said.code == 2
    assert said.err.startswith("error: --svg")
