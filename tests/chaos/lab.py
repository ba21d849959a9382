"""Runs to attack, and what must be true of them afterwards."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from core.events import StageStarted
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.fork import Fork
from experiments.launch import create_run
from tests.chaos.child import NEVER, Child, run
from tests.engine.lab import assert_same_results, events, go_on, pipeline_of, plan_of

SMALL = ("erm.epochs=0.2", "erm.keep_epochs=[0.2]", "select.looks=1")
"""A few steps of ERM."""
LONGER = ("erm.epochs=3", "erm.keep_epochs=[1,3]", "select.looks=1")
"""A second of ERM."""


def new_run(home: Home, recipe: str, *overrides: str) -> RunFolder:
    return create_run(home, plan_of(recipe, *overrides))


def finished(home: Home, recipe: str, *overrides: str) -> RunFolder:
    """A run that nobody interrupts; ERM is done here, so that children begin with what it imports and decodes."""
    folder = new_run(home, recipe, *overrides)
    if recipe == "erm":
        assert go_on(folder, fresh=True) == "finished"
    else:  # a process that has clustered cannot be forked, because of the threads of OpenMP
        import pandas
        import sklearn.cluster
        import sklearn.linear_model

        assert pandas
        assert sklearn
        pipeline_of(plan_of(recipe).config).load_data()
        finish(folder)
    return folder


def finish(folder: RunFolder, *, checkpoint_every: float = NEVER, fresh: bool = True) -> None:
    """Let a process do what is left of a run."""
    child = Child(run, folder.home.root, folder.id, checkpoint_every, None, fresh)
    assert child.ends() == 0
    assert folder.status() == "finished", folder.record().reason


def fork_at(source: RunFolder, stage: str) -> RunFolder:
    """A new run that has everything before `stage`."""
    names = [stage.name for stage in source.record().stages]
    before = names.index(stage) - 1
    fork = Fork(source.record(), names[before]) if before >= 0 else None
    return create_run(source.home, plan_of(source.record().recipe), fork=fork)


def files(home: Home) -> set[str]:
    """All files of a home, but the console logs, which may have a traceback, and locks that nobody holds any more."""
    found = {str(path.relative_to(home.root)) for path in home.root.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith("console.log") and not name.startswith("locks/stage-")}


def copied(home: Home, to: Path) -> Home:
    shutil.copytree(home.root, to)
    return Home.open(to)


def assert_readable(folder: RunFolder, *, index_was_full: bool = False) -> None:
    """Between crash and resume, everybody can see the run, and that no process works on it."""
    assert folder.status() in ("queued", "lost", "finished", "stopped", "failed")
    (listed,) = (seen for seen in RunLog(folder.home).all() if seen["id"] == folder.id)
    assert listed["status"] == folder.status() or index_was_full


def assert_intact(folder: RunFolder, expected: RunFolder) -> None:
    """A run ends with the bits of one that nobody interrupted, and the index knows it as the folder does."""
    assert_same_results(folder, expected)
    log = RunLog(folder.home)
    indexed = log.all()
    assert folder.record().summary() in indexed
    log.rebuild()
    assert log.all() == indexed


def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def works(folder: RunFolder) -> bool:
    """Whether a stage has begun."""
    return any(isinstance(event, StageStarted) for event in events(folder))


def removed(folder: RunFolder) -> None:
    folder.delete()
    RunLog(folder.home).remove(folder.id)
