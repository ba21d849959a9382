"""A worker that does not answer is killed, and its run goes on from the last checkpoint."""

import time

import pytest

from core.errors import InputError
from core.events import RunStarted, StageStarted
from core.runs.folder import RunFolder
from experiments.launchers import launcher
from tests.engine.lab import events, forked_after, go_on, plan_of

PATIENCE = 60.0


def test_a_killed_worker_leaves_a_lost_run_that_can_be_resumed(copy_of_whole: RunFolder, at_once: None) -> None:
    reach = launcher("detached")
    folder = forked_after(copy_of_whole, "prune", plan_of("prusc", "finetune.steps=100000", "select.looks=1"))
    reach.start(folder, device="cpu", fresh=False)
    try:
        end = time.monotonic() + PATIENCE
        while not any(isinstance(e, StageStarted) and e.stage == "finetune" for e in events(folder)):
            assert time.monotonic() < end, folder.log.read_text()
            time.sleep(0.02)
    finally:
        reach.kill(folder)
    assert reach.state(folder).status == "lost"
    with folder.writer():  # its lock went with it
        pass
    with pytest.raises(InputError, match="is lost: there is no process to kill"):
        reach.kill(folder)
    steps_left = 2
    asked = iter([False] * (1 + steps_left))
    assert go_on(folder, lambda: next(asked, True)) == "stopped"
    assert [e.resumed for e in events(folder) if isinstance(e, RunStarted)] == [False, True]
