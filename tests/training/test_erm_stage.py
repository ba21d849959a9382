"""Stage `erm` on a handful of random images."""

import numpy as np
import pytest
import torch

from core.artifacts import MODEL, kept_file
from core.config import Erm, Model, Select
from core.data.dataset import DataSet, Split
from core.engine.context import StageContext
from core.errors import Stopped
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, new_id
from core.stages.erm import TrainErm
from core.tensors import load_tensors


@pytest.fixture
def images():
    random = np.random.default_rng(0)

    def split(n):
        pixels = random.integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
        return Split(pixels, random.integers(0, 2, n), random.integers(0, 2, (n, 1)), np.arange(n))

    splits = {"train": split(40), "validation": split(16), "test": split(16)}
    return DataSet("random", ("a", "b"), {"colour": ("red", "green")}, splits, (0.5,) * 3, (0.3,) * 3, "")


@pytest.fixture
def train(tmp_path, images):
    """Run the stage in a run of its own, once per entry of `stops`; an entry is the boundary to stop at, or None."""

    def run(erm, stops=(None,)):
        record = RunRecord(id=new_id(), name="test", recipe="erm", data="random", created=0.0)
        folder = RunFolder.create(Home.open(tmp_path), record)
        for stop in stops:
            boundaries = iter(range(10**6))
            context = StageContext(
                folder,
                "erm",
                torch.device("cpu"),
                3,
                lambda: images,
                lambda event: None,
                lambda stop=stop, boundaries=boundaries: next(boundaries) == stop,
            )
            stage = TrainErm(erm, Model(), Select(looks=2))
            if stop is None:
                stage.run(context)
            else:
                with pytest.raises(Stopped):
                    stage.run(context)
        return context.directory

    return run


def test_epochs_that_end_at_the_same_step_are_all_kept(train):
    artifacts = train(Erm(epochs=4, batch_size=40, keep_epochs=(0.25, 0.5, 2)))
    early, also, later = (load_tensors(kept_file(artifacts, epoch)) for epoch in (0.25, 0.5, 2))
    assert all(torch.equal(early[name], also[name]) for name in early)
    assert not torch.equal(early["head.weight"], later["head.weight"])


@pytest.mark.parametrize("objective", ["erm", "group-balanced", "group-dro"])
def test_a_stage_that_was_stopped_ends_with_the_very_same_weights(train, objective):
    erm = Erm(objective=objective, epochs=3, batch_size=16, keep_epochs=(1,))
    whole, stopped = train(erm), train(erm, [4, 2, None])
    for file in (MODEL, kept_file(whole, 1).name):
        ours, theirs = load_tensors(whole / file), load_tensors(stopped / file)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
