"""docs/extending.md, run as it is written: a package with a stage, a recipe, a data set and a network of its own."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.lasting import Lasting

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
BLOCK = re.compile(r'^```\w+ title="(?P<file>[^"]+)"\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
SMALL = ("data.train_size=300", "data.validation_size=80", "data.test_size=80", "erm.batch_size=50")


def blocks():
    """File → text of every example on the page."""
    return {match["file"]: match["text"] for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The files of the page, installed as pip would install them."""
    folder = tmp_path_factory.mktemp("installed")
    files = {name: text for name, text in blocks().items() if "/" not in name}
    for name, text in files.items():
        (folder / name).write_text(text)
    project = tomllib.loads(files["pyproject.toml"])["project"]
    about = folder / f"{project['name']}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "\n".join(f"{key} = {value}" for key, value in named.items()) for group, named in groups]
    (about / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def prusc(package, home):
    """What a command prints that must work where the package is installed."""
    with Lasting(home, package) as command:

        def run(*words):
            said = command(*words)
            assert said.code == 0, said.err
            return said.out

        yield run


@pytest.fixture(scope="module")
def run(prusc):
    """A finished run of the new recipe, on the new data set with the new network."""
    settings = [word for text in (*SMALL, "data.name=striped", "model.name=one-layer") for word in ("--set", text)]
    return json.loads(prusc("run", "mistakes", *settings, "--set", "mistakes.epoch=1", "--name", "new", "--json"))


def test_a_new_recipe_is_listed_with_its_settings(prusc):
    (listed,) = [one for one in json.loads(prusc("recipes", "--json"))["recipes"] if one["name"] == "mistakes"]
    assert listed["stages"] == ["erm", "represent", "mistakes"]
    assert "mistakes.epoch = 0.5" in prusc("recipes", "show", "mistakes")


def test_a_new_recipe_runs_and_its_files_and_event_are_kept(run, prusc, tmp_path):
    assert run["status"] == "finished"
    assert [stage["name"] for stage in run["stages"]] == ["erm", "represent", "mistakes"]
    assert run["config"]["mistakes"] == {"epoch": 1.0}
    sentence = r"mistakes: \d+ of 300 training images"
    assert re.search(sentence, prusc("watch", "new", "--once"))
    prusc("export", "new", "--to", str(tmp_path))
    assert (tmp_path / "model.safetensors").exists()


def test_the_stages_of_a_new_recipe_are_taken_over_and_its_runs_compared(run, prusc):
    again = json.loads(prusc("run", "--from", "new:mistakes", "--json"))
    assert [stage["reused"] for stage in again["stages"]] == [run["id"]] * 3
    assert "worst group" in prusc("compare", "new", again["id"])


def test_form_artifacts_and_overview_know_a_new_stage(run, package, home):
    program = f"""
import json
from core.feed.feed import RunFeed
from core.runs.folder import RunFolder
from core.runs.home import Home
from prusc_tui.report.frame import frame
from prusc_tui.screens.new_run.form import Form
from prusc_tui.views.artifacts.files import survey
folder = RunFolder.open(Home.open(), {run["id"]!r})
fields = {{field.setting.key: field.setting.help for field in Form("mistakes").fields()}}
files = {{file.name: file.what for room in survey(folder, folder.record()) for file in room.files}}
print(json.dumps([fields, files, [line.plain for line in frame(RunFeed(folder).poll(), 0.0, 120)]]))
"""
    paths = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")]), str(Path.cwd())])
    env = {**os.environ, "PYTHONPATH": paths, "PRUSC_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    fields, files, lines = json.loads(done.stdout)
    assert fields["mistakes.epoch"].startswith("Age of the checkpoint")
    assert not any(key.startswith("prune.") for key in fields)
    assert files["mistakes.safetensors"] == "training images that are classified wrongly"
    assert any("of 300 training images" in line for line in lines)


def test_a_new_finder_goes_with_every_recipe_that_learns_from_pseudo_groups(prusc):
    settings = [word for text in (*SMALL, "erm.epochs=1", "bright.quantile=0.25") for word in ("--set", text)]
    assert "bright.quantile = 0.5" in prusc("recipes", "show", "last-layer")
    told = json.loads(prusc("run", "last-layer", *settings, "--set", "find.by=bright", "--json"))
    assert [stage["name"] for stage in told["stages"]] == ["erm", "bright", "find", "balance", "head"]
    assert told["config"]["bright"] == {"quantile": 0.25}
    cells = told["stages"][-1]["evaluations"]["validation"]["cells"]
    assert {cell["attributes"]["pseudo-group"] for cell in cells} == {"dark", "bright"}


def test_a_new_data_set_is_listed(prusc):
    assert "striped" in prusc("data", "ls")
