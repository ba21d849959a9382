"""Every command of the documents is run as it stands there: it works up to where it would start work of hours."""

import os
import re
import shlex
import shutil

import pytest
from driver import Prusc

from core.runs.home import Home
from core.runs.log import RunLog
from experiments.speed import Figure, Measured
from experiments.sweeps import registry
from prusc_tui.cli.sweep_options import study_of, sweep_of
from tests.data import photo_lab
from tests.hostile import nothing_starts
from tests.test_docs import HOUSE, PAGES, lines
from tests.tui.lab import finished_run

ELSEWHERE = {
    "docs/data.md: prusc data ": "tests/test_docs.py, where each finds what the ones before it have written",
    "mlflow": "tests/experiments/test_loggers.py, with MLflow or without",
    "gpu1:": "tests/experiments/test_arrivals.py, with another machine",
    "--onnx": "tests/experiments/test_onnx.py",
    "--figures": "tests/html",
    "bench-digits": "tests/experiments/test_benchmark.py; planning its hundreds of runs takes seconds",
    "bench-few  ": "tests/experiments/test_benchmark.py",
}
"""Part of a page and command → where it is run instead."""
NOT_HERE = {
    "cuda:0,cuda:1": "this machine has",
    "--launcher slurm": "SLURM|submitit",
    "--profile big": "profile",
    "waterbirds": "cannot be downloaded from here|no finished run for table",
    "--data birds": "cannot be downloaded from here",
    "--data DIR": "cannot be downloaded from here",
    "prusc table ": "no finished run",
    "compare demo-seeds": "has no finished run yet",
    "--checkpoint FILE": "--checkpoint FILE: no such file",
    "--weights FILE": "--weights FILE: no such file",
    "--model out/": "no such file",
    "--groups groups.csv": "groups.csv",
    "stop last": "is finished, not running",
    "resume last": "is finished; there is nothing to resume",
    "optuna": "prusc-tui.search",
    "wandb": "needs wandb",
    "tensorboard": "needs tensorboard",
}
"""Part of a command → why it may be refused on the machine of a test; it is a pattern."""
STUDIED = "bench-waterbirds/prusc/waterbirds-mobilenet/seed-1"


def documented():
    found = []
    for page in PAGES:
        for line in lines((HOUSE / page).read_text(encoding="utf-8")):
            known = any(part in f"{page}: {line} " for part in ELSEWHERE)
            if line.startswith("prusc ") and not known and shlex.split(line, comments=True) not in found:
                found.append(shlex.split(line, comments=True))
    return [" ".join(map(shlex.quote, words)) for words in found]


pytestmark = pytest.mark.documented


@pytest.fixture(scope="module")
def place(finished, tmp_path_factory):
    """A folder with a home and all that the commands name."""
    place = tmp_path_factory.mktemp("documented")
    shutil.copytree(finished.home, place / "home", copy_function=os.link)
    (place / "home/index.json").unlink()  # it is a link
    home, old = Home.open(place / "home"), {"created": 1e9, "started": 1e9, "ended": 1e9}
    for name in ("second", "third", "erm-0", "erm-1", "prusc-0", "prusc-1", STUDIED, "other-1"):
        tags = ("bench-waterbirds",) if name in (STUDIED, "other-1") else ("paper",)
        finished_run(home, name, tags=tags, seed=int(name.endswith("1")), **old)
    RunLog(home).rebuild()
    registry.keep(home, sweep_of(home, study_of("demo", seeds="0-4")))
    shutil.copytree(home.root, place / "backup")
    for name in ("before", "after"):
        figure = Figure(name="step", unit="ms", ours=1.0)
        Measured(machine={}, versions={}, figures=(figure,)).write(place / f"{name}.json")
    photo_lab.waterbirds(place / "waterbirds", n=40)
    photo_lab.plain(place / "birds", n=40)
    shutil.copytree(place / "birds", place / "new")
    assert Prusc(place / "home")("data", "init", "--data-root", str(place / "birds")).code == 0
    return place


def words_of(line):
    """The words after `prusc`, with folders that are there in place of those that stand for the reader's."""
    words = shlex.split(line)[1:]
    folder = "waterbirds" if "waterbirds" in line else "new" if "init" in words else "birds"
    return [{"DIR": folder, "FOLDER": folder, "/mnt/backup/prusc": "backup"}.get(word, word) for word in words]


@pytest.mark.parametrize("line", documented())
def test_a_documented_command_does_what_it_can_here(line, place, tmp_path, monkeypatch):
    there = tmp_path / "there"
    shutil.copytree(place, there, copy_function=os.link)
    monkeypatch.chdir(there)
    with nothing_starts():
        said = Prusc(there / "home")(*words_of(line))
    if said.code == 2:
        reasons = [why for part, why in NOT_HERE.items() if part in line]
        assert reasons, said.err
        assert re.search("|".join(reasons), said.err)
    else:
        assert said.code in (0, 1), said.err
