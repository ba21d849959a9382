"""A home with runs of every state, written as the engine writes them, and the screen as rows of text."""

import time
from dataclasses import replace

from core.config import Config
from core.events import (
    Balanced,
    Choice,
    Clustered,
    Evaluated,
    Logged,
    Progress,
    RunFinished,
    RunStarted,
    Scalars,
    Selected,
    Sparsity,
    StageFinished,
    StageStarted,
    Warned,
)
from core.groups import Evaluation, Group, group_titles
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from core.runs.stream import EventWriter

NOW = 1_790_000_000.0
"""The clock of every test: seconds since 1970."""

STAGES = ("erm", "represent", "cluster", "balance", "prune", "finetune")
LABELS = ("0–4", "5–9")
LAYERS = {"conv1": 0.91, "conv2": 0.55, "conv3": 0.48, "fc": 0.83}


def evaluation(accuracies, split="test", n=2400):
    """Four groups of `n` samples, accuracies in per cent."""
    titles = group_titles(LABELS, {"colour": ("red", "green")})
    groups = tuple(Group(*title, n, round(n * share / 100)) for title, share in zip(titles, accuracies, strict=True))
    return Evaluation(split, groups, (0.475, 0.025, 0.025, 0.475))


BEFORE, AFTER = (98.1, 63.7, 66.2, 97.9), (93.6, 95.8, 94.4, 95.0)


def record_of(name="demo", status="finished", **fields):
    """A record of a PruSC run as the engine leaves it."""
    done = {
        "erm": {"evaluations": {"test": evaluation(BEFORE).to_json()}},
        "prune": {"keep_ratio": 0.56},
        "finetune": {"keep_ratio": 0.56, "evaluations": {"test": evaluation(AFTER).to_json()}},
    }
    stages = tuple(
        StageRecord(stage, "done", key=f"key-{stage}", seconds=4.0, step=10, total=10, **done.get(stage, {}))
        for stage in STAGES
    )
    if status != "finished":
        stages = tuple(StageRecord(stage) for stage in STAGES)
    given = {
        "id": new_id(),
        "name": name,
        "recipe": "prusc",
        "preset": "demo",
        "data": "colored-mnist",
        "status": status,
        "device": "cpu",
        "config": Config().model_dump(mode="json"),
        "created": NOW - 3600,
        "started": NOW - 3590,
        "ended": NOW - 3500 if status == "finished" else None,
        "seconds": 38.0,
        "stages": stages,
        "version": "0.0",
    }
    return RunRecord(**{**given, **fields})


def put(home, record):
    """Write a run's folder and its line in the index."""
    folder = RunFolder.create(home, record)
    RunLog(home).put(record)
    return folder


def say_erm(writer, t, steps=200):
    """What ERM says."""
    writer.write(StageStarted("erm", steps), t)
    for step in range(10, steps + 1, 10):
        loss = 0.7 * 0.98 ** (step / 4)
        writer.write(Scalars("erm", step, step / 100, {"loss": loss, "lr": 0.05 * (1 - step / steps)}), t + step / 50)
        writer.write(Progress("erm", step, steps), t + step / 50)
    for step in (50, 100, 200):
        worst = 40 + step / 10
        told = evaluation((98, worst, worst + 3, 97), "validation", 1200)
        writer.write(Evaluated("erm", step, "validation", told.to_json()), t + step / 50)
    picks = {
        "last": {"step": 200, "value": None, "uses": "nothing"},
        "worst-group": {"step": 200, "value": 0.6, "uses": "attributes of the validation split"},
    }
    writer.write(Selected("erm", "last", 200, picks), t + 4)
    writer.write(Evaluated("erm", 200, "test", evaluation(BEFORE).to_json(), True), t + 4)
    writer.write(StageFinished("erm", 4.0), t + 4)


def say_clusters(writer, t):
    """What the stages between the two trainings say."""
    for stage in ("represent", "cluster", "balance"):
        writer.write(StageStarted(stage, 1), t)
        if stage == "cluster":
            tries = [
                {"epoch": 1.0, "k": 2, "size": 1400, "skew": 0.93},
                {"epoch": 1.0, "k": 3, "size": 900, "skew": 0.9},
            ]
            writer.write(Choice("cluster", tries, 0, "largest balanced set among clearly skewed clusters"), t)
            writer.write(Clustered("cluster", list(LABELS), [[14_000, 700], [800, 14_500]]), t)
        if stage == "balance":
            writer.write(Balanced("balance", "min", 3000, [[700, 700], [800, 800]]), t)
            writer.write(Warned("balance", "few-samples", "class 5–9 has only 180 different samples"), t)
        writer.write(StageFinished(stage, 1.0), t + 1)


def say_masks(writer, t, steps=100):
    """What the learning of masks says."""
    writer.write(StageStarted("prune", steps), t)
    for step in range(10, steps + 1, 10):
        share = step / steps
        writer.write(
            Scalars("prune", step, step / 10, {"task": 0.6 - 0.3 * share, "contrast": 3 - share}), t + step / 20
        )
        layers = {name: 1 - (1 - keep) * share for name, keep in LAYERS.items()}
        writer.write(Sparsity("prune", step, 1 - 0.44 * share, layers), t + step / 20)
        writer.write(Progress("prune", step, steps), t + step / 20)
        told = evaluation((95, 60 + 30 * share, 65 + 25 * share, 96), "validation", 1200)
        writer.write(Evaluated("prune", step, "validation", told.to_json()), t + step / 20)
    writer.write(StageFinished("prune", 5.0, 0.56), t + 5)


def say_rest(writer, t):
    """What fine-tuning says, and the end."""
    writer.write(StageStarted("finetune", 60), t)
    for step in range(10, 61, 10):
        writer.write(Scalars("finetune", step, step / 20, {"loss": 0.2 - step / 1000}), t + step / 30)
        writer.write(Progress("finetune", step, 60), t + step / 30)
    writer.write(Evaluated("finetune", 60, "test", evaluation(AFTER).to_json(), True), t + 2)
    writer.write(StageFinished("finetune", 2.0, 0.56), t + 2)
    writer.write(Logged("done"), t + 2)
    writer.write(RunFinished("finished"), t + 2)


def finished_run(home, name="demo", **fields):
    """A run that ended well, with all that it said."""
    folder = put(home, record_of(name, **fields))
    began = NOW - 3590
    with EventWriter(folder.events) as writer:
        writer.write(RunStarted(1, "here", "cpu", False), began)
        say_erm(writer, began)
        say_clusters(writer, began + 5)
        say_masks(writer, began + 9)
        say_rest(writer, began + 15)
    return folder


def running_run(home, name="live", **fields):
    """A run of this very process, in the middle of learning its masks; the writer stays with the caller."""
    record = replace(record_of(name, "running", started=NOW - 30, created=NOW - 31), **here(), **fields)
    folder = put(home, record)
    writer = EventWriter(folder.events)
    writer.write(RunStarted(record.pid, record.host, "cpu", False), NOW - 30)
    say_erm(writer, NOW - 30)
    say_clusters(writer, NOW - 24)
    writer.write(StageStarted("prune", 200), NOW - 20)
    return folder, writer


def rows(app):
    """What the screen shows, row by row, without trailing blanks."""
    strips = app.screen._compositor.render_strips(app.size)
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


async def until(pilot, condition, seconds=10.0):
    """Let the app work until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain; the screen:\n" + "\n".join(rows(pilot.app))
        await pilot.pause(0.02)
