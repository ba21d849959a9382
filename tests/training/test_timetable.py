"""The time left of a training, by a clock that steps and evaluations set: right within a quarter after a tenth."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.config import Select
from core.training import timetable
from core.training.loop import run_loop
from tests.training.stage_lab import random_data

STEP = 2.0
"""Seconds of a step, once it is warm."""
BATCH = 32


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Worker:
    """A learner whose steps and evaluations take the seconds that it is given."""

    def __init__(self, clock, evaluation, *, first, jitter, look):
        self._clock, self._evaluation = clock, evaluation
        self._first, self._jitter, self._look = first, jitter, look
        self._draws = random.Random(0)

    def step(self):
        self._clock.now += self._first + STEP * (1 + self._jitter * self._draws.uniform(-1, 1))
        self._first = 0.0
        return {"loss": torch.tensor(1.0)}

    def look(self):
        self._clock.now += self._look
        return [self._evaluation(5, 5, 5, 5)]

    def network(self, member):
        return {}

    def state_dict(self):
        return {}


def data_of(validation, test):
    data = random_data(8)
    split = data.splits["train"]
    rows = {"validation": np.arange(validation) % 8, "test": np.arange(test) % 8}
    return replace(data, splits={"train": split} | {
        name: replace(split, labels=split.labels[of], index=split.index[of]) for name, of in rows.items()
    })  # fmt: skip


@pytest.mark.parametrize(("looks", "cost"), [(1, 0.28), (1, 0.4), (8, 0.25), (8, 1 / 3), (8, 0.45)])
@pytest.mark.parametrize("jitter", [0.0, 0.2], ids=["even", "uneven"])
@pytest.mark.parametrize("first", [0.0, 120.0], ids=["warm", "cold"])
@pytest.mark.parametrize(("steps", "validation", "test"), [(60, 600, 400), (600, 1200, 5800), (200, 0, 0)])
def test_the_time_left_is_right_within_a_quarter_after_the_first_tenth(
    monkeypatch, make_context, evaluation, steps, validation, test, first, jitter, looks, cost
):
    clock = Clock()
    monkeypatch.setattr(timetable, "monotonic", clock)
    context = make_context(data=data_of(validation, test))
    said = []
    monkeypatch.setattr(context, "progress", lambda step, total, left: said.append((step, clock.now, left)))
    per_image = cost * STEP / BATCH
    worker = Worker(clock, evaluation, first=first, jitter=jitter, look=validation * per_image)
    run_loop(context, worker, steps=steps, per_epoch=1, select=Select(looks=looks), batch_size=BATCH)
    end = clock.now + (validation + test) * per_image
    assert said[0][2] is None
    for step, now, left in said[steps // 10 :]:
        assert left == pytest.approx(end - now, rel=0.25, abs=1e-6), step


def test_without_the_size_of_a_batch_evaluations_count_once_one_was_timed(monkeypatch, make_context, evaluation):
    clock = Clock()
    monkeypatch.setattr(timetable, "monotonic", clock)
    context = make_context()
    worker = Worker(clock, evaluation, first=50.0, jitter=0.0, look=30.0)
    run_loop(context, worker, steps=40, per_epoch=1, select=Select(looks=4))
    assert context.left[:2] == [None, pytest.approx(38 * STEP)]
    assert context.left[9:] == [pytest.approx((40 - step) * STEP + 30 * (4 - step // 10)) for step in range(10, 41)]


def test_a_resumed_training_knows_which_evaluations_are_left(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timetable, "monotonic", clock)
    table = timetable.Timetable(100, {25, 50, 75, 100}, (10, 30, 90))
    for step in (61, 62):
        clock.now += STEP
        table.stepped(step)
    # A look takes as long as a step, the final evaluation three times as long; those at 75 and 100 are left.
    assert table.left(62) == pytest.approx(38 * STEP + (2 + 3) * STEP)
