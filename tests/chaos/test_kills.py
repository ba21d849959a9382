"""kill -9 at random moments in every stage: the run is resumed to the bits of one that was left alone."""

import time

import pytest

from tests.chaos.attacks import rounds
from tests.chaos.child import NEVER, Child, run
from tests.chaos.lab import assert_intact, assert_readable, finish, fork_at, removed


@pytest.mark.parametrize(
    ("recipe", "seconds"),
    [
        pytest.param("erm", 0.5, id="short"),
        pytest.param("prusc", 170, id="prusc", marks=pytest.mark.chaos),
        pytest.param("irm", 100, id="irm", marks=pytest.mark.chaos),
    ],
)
def test_a_run_that_is_killed_in_any_stage_ends_at_the_same_bits(recipe, seconds, whole, rng, tried):
    source = whole(recipe)
    stages = source.record().stages
    for number in rounds(seconds):
        stage = stages[number % len(stages)] if seconds > 10 else rng.choice(stages)
        folder, often = fork_at(source, stage.name), rng.choice((0.0, 0.0, 0.02, NEVER))
        child = Child(run, folder.home.root, folder.id, often)
        while child.says() != stage.name:
            pass
        time.sleep(rng.uniform(0, 1.5 * stage.seconds))
        child.kill()
        tried[f"kill -9 in stage {stage.name} of {recipe}"] += 1
        assert_readable(folder)
        for _ in range(rng.choice((0, 0, 1, 2))):
            child = Child(run, folder.home.root, folder.id, often)
            child.says()
            time.sleep(rng.uniform(0, 1.5 * stage.seconds))
            child.kill()
            tried[f"kill -9 of a resumed {recipe}"] += 1
            assert_readable(folder)
        if folder.status() != "finished":
            finish(folder, checkpoint_every=often)
        assert_intact(folder, source)
        removed(folder)
