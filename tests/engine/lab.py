"""Runs so small that a whole one takes a second, and what is looked at afterwards."""

import functools
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from core.config import Config, config_model
from core.data.dataset import DataSet
from core.engine.runner import Runner
from core.engine.stage import Pipeline
from core.events import Event
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.stream import EventReader
from experiments.fork import Fork
from experiments.launch import create_run
from experiments.plan import Plan, build_pipeline, config_of, make_plan
from experiments.recipes import RECIPES

TINY = (
    "data.train_size=600",
    "data.validation_size=80",
    "data.test_size=80",
    "erm.epochs=0.5",
    "erm.batch_size=32",
    "erm.keep_epochs=[0.25,0.5]",
    "find.by=clusters",
    "represent.batch_size=300",
    "cluster.candidates=[2,3]",
    "cluster.min_skew=0.5",
    "cluster.restarts=1",
    "balance.warn_below=0",
    "prune.steps=6",
    "prune.batch_size=32",
    "finetune.steps=4",
    "finetune.batch_size=32",
    "train.steps=6",
    "train.hidden=16",
    "train.restarts=2",
    "train.anneal_until=3",
    "environments.eiil_steps=40",
    "select.looks=2",
)
CPU = torch.device("cpu")


def never() -> bool:
    return False


class After:
    """Asks for a stop at the call that follows `calls` others."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@functools.cache
def _data(config: Config) -> DataSet:
    return build_pipeline(config).load_data()


def pipeline_of(config: Config) -> Pipeline:
    """The pipeline of a configuration, with its data built once for all tests."""
    only_data = config_model()(data=config.data)
    return replace(build_pipeline(config), load_data=lambda *_: _data(only_data))


def plan_of(recipe: str = "prusc", *overrides: str, seed: int = 0, data: str | None = None) -> Plan:
    fixed = RECIPES[recipe].fixed if recipe in RECIPES else {}
    tiny = [text for text in TINY if text.partition("=")[0] not in fixed]
    return make_plan(recipe, data=data, overrides=(*tiny, *overrides), seed=seed)


def go_on(
    folder: RunFolder,
    stop_asked: Callable[[], bool] = never,
    *,
    fresh: bool = False,
    device: torch.device = CPU,
) -> str:
    """Run what is left of a run in this thread, and return the status it ended with."""
    torch.seed()  # whatever a process drew before, a run does not depend on it
    config = config_of(folder.record())
    return Runner(folder, pipeline_of(config), config, device, stop_asked, fresh).run()


def finished(
    home: Home, recipe: str = "prusc", *overrides: str, seed: int = 0, fresh: bool = False, data: str | None = None
) -> RunFolder:
    folder = create_run(home, plan_of(recipe, *overrides, seed=seed, data=data))
    status = go_on(folder, fresh=fresh)
    assert status == "finished", folder.record().reason
    return folder


def copied(run: RunFolder, home: Home) -> RunFolder:
    """The run in another home, in the index there."""
    shutil.copytree(run.path, home.runs / run.id)
    folder = RunFolder.open(home, run.id)
    RunLog(home).put(folder.record())
    return folder


def forked_after(source: RunFolder, stage: str | None, plan: Plan) -> RunFolder:
    """A new run that has the stages of `source` up to and with `stage`."""
    fork = None if stage is None else Fork(source.record(), stage)
    return create_run(source.home, plan, fork=fork)


def events(folder: RunFolder) -> list[Event]:
    return [stamped.event for stamped in EventReader(folder.events).read()]


def lines_are_whole(folder: RunFolder) -> bool:
    """Whether every line of the stream can be read."""
    return len(folder.events.read_bytes().splitlines()) == len(events(folder))


def tensor_files(folder: RunFolder) -> dict[str, Path]:
    root = folder.path / "artifacts"
    return {str(path.relative_to(root)): path for path in sorted(root.glob("*/*.safetensors"))}


def assert_same_results(ours: RunFolder, theirs: RunFolder) -> None:
    """Every tensor of every stage and every evaluation of two runs agree to the last bit."""
    files, expected = tensor_files(ours), tensor_files(theirs)
    assert files.keys() == expected.keys(), files.keys() ^ expected.keys()
    assert files
    for name, file in files.items():
        left, right = load_file(file), load_file(expected[name])
        assert left.keys() == right.keys(), name
        for key, tensor in left.items():
            assert torch.equal(tensor, right[key]), f"{name}: {key}"
    for one, other in zip(ours.record().stages, theirs.record().stages, strict=True):
        assert one.name == other.name
        assert one.status == other.status == "done"
        assert one.evaluations == other.evaluations, one.name
        assert one.selection == other.selection, one.name
        assert one.keep_ratio == other.keep_ratio, one.name
        assert one.restarts == other.restarts, one.name
