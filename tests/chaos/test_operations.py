"""A fault at each durable operation of a tiny run: crash before it, within it or after it, power failure, full disk."""

import shutil

import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from tests.chaos.attacks import forms, rounds
from tests.chaos.child import Child, run
from tests.chaos.disk import Disk
from tests.chaos.lab import SMALL, assert_intact, assert_readable, copied, files, finish, finished, new_run
from tests.engine.lab import go_on

CHECKPOINTS = 0.0
"""One before every step."""


@pytest.fixture(scope="module", params=["computed", pytest.param("reused", marks=pytest.mark.chaos)])
def begun(request, tmp_path_factory):
    """A home with a run that nobody has started, and one with the same run, finished by one process.

    Its stages are computed, or taken over from another run in the same home.
    """
    home = Home.open(tmp_path_factory.mktemp(request.param) / "home")
    if request.param == "reused":
        finished(home, "erm", *SMALL)
    folder = new_run(home, "erm", *SMALL)
    done = copied(home, home.root.with_name("done"))
    expected = RunFolder.open(done, folder.id)
    go_on(RunFolder.open(copied(home, home.root.with_name("warm")), folder.id))
    child = Child(run, done.root, folder.id, CHECKPOINTS, Disk(done.root), False)
    assert child.ends() == 0
    while not isinstance(said := child.says(), tuple):
        pass
    status, operations = said
    assert status == "finished"
    return request.param, folder, expected, operations


def attacks(operations, rng):
    """Every fault at every operation, in random order."""
    every = [
        (number, how)
        for number, name in enumerate(operations)
        for how in ("before", "within", "after", "power", "full")
        if how != "within" or name.startswith("write")
        if how != "full" or name.split()[0] in ("open", "write", "mkdir", "link")
    ]
    rng.shuffle(every)
    return every


@forms(1.0, 170)
def test_a_fault_at_any_operation_on_the_disk_leaves_a_run_that_ends_with_the_same_bits_and_files(
    begun, seconds, tmp_path, rng, tried
):
    kind, folder, expected, operations = begun
    assert {"open", "write", "sync", "rename", "remove", "mkdir"} <= {name.split()[0] for name in operations}
    assert kind == "computed" or any(name.startswith("link") for name in operations)
    every = attacks(operations, rng)
    for number in rounds(seconds, least=3):
        if number == len(every):
            break
        at, how = every[number]
        home = copied(folder.home, tmp_path / str(number))
        hit = RunFolder.open(home, folder.id)
        child = Child(run, home.root, folder.id, CHECKPOINTS, Disk(home.root, at, how), False)
        code = child.ends()
        fault = f"{how} operation {at}, {operations[at]}"
        if code == 0 and how != "full":  # it wrote less often, as it was quicker
            assert hit.status() == "finished"
            continue
        assert code == (0 if how == "full" else -9), fault
        assert_readable(hit, index_was_full=how == "full")
        if how == "full" and hit.status() == "failed":
            assert hit.record().reason.endswith("the disk is full; free some space, then resume the run"), fault
        if hit.status() != "finished":
            finish(hit, checkpoint_every=CHECKPOINTS, fresh=False)
        assert_intact(hit, expected)  # the index is written once more, which ends a write that was killed
        assert files(home) == files(expected.home), fault
        assert len(RunLog(home).all()) == len(RunLog(expected.home).all())
        tried[f"{NAMES[how]} on the disk, stages {kind} ({len(operations)} operations)"] += 1
        shutil.rmtree(home.root)


NAMES = {
    "before": "crash before an operation",
    "within": "crash within a write",
    "after": "crash after an operation",
    "power": "power failure after an operation",
    "full": "disk full from an operation on",
}
