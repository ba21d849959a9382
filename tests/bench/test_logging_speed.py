"""What the loop's own work costs: means, events, progress, boundaries, written to a real stream."""

import threading

import pytest
import torch
from torch.nn import functional as F

from core.config import Select
from core.engine.context import StageContext
from core.groups import Evaluation, Group, group_titles
from core.models.networks import build
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, new_id
from core.runs.stream import EventWriter
from core.training.loop import run_loop
from tests.bench.timing import forms, pairs


class TwoLosses:
    """A learner whose step computes nothing: what the loop then takes is its own work."""

    def __init__(self):
        self._losses = {"task": torch.tensor(0.7), "contrast": torch.tensor(3.1)}
        titles = group_titles(["a", "b"], {"colour": ["red", "green"]})
        self._evaluation = Evaluation("validation", tuple(Group(*title, 100, 90) for title in titles), (0.25,) * 4)

    def step(self):
        return self._losses

    def look(self):
        return [self._evaluation]

    def network(self, member):
        return {}

    def state_dict(self):
        return {}


def training_step():
    images = torch.rand(64, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(64) % 2
    network = build("digits-cnn", 2).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

    return step


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@forms("steps, repetitions", short=[(20, 1)], full=[(400, 7)])
def test_the_loops_own_work_against_a_bare_training_step(tmp_path, steps, repetitions, figures):
    record = RunRecord(id=new_id(), name="bench", recipe="erm", data="colored-mnist", created=0.0)
    folder = RunFolder.create(Home.open(tmp_path), record)
    bare = training_step()
    with EventWriter(folder.events) as writer:

        def loop():
            cpu = torch.device("cpu")
            context = StageContext(folder, "erm", cpu, 0, lambda: None, writer.write, threading.Event().is_set)
            run_loop(context, TwoLosses(), steps=steps, per_epoch=steps / 2, select=Select())
            folder.drop_checkpoint("erm")

        def train():
            for _ in range(steps // 10):
                bare()

        found = [(ours / steps, theirs / (steps // 10)) for ours, theirs in pairs(loop, train, repetitions)]
    name = "logging, progress and boundaries of a step"
    figures.of_pairs(name, found, against="training step of digits-cnn, batch 64", target=0.01)
