"""A home with runs of every state, written as the engine writes them, and the screen as rows of text."""

import threading
import time
from contextlib import suppress
from dataclasses import replace

from textual.pilot import WaitForScreenTimeout

from core.config import Find, config_model
from core.events import (
    Balanced,
    Choice,
    EnvironmentsMade,
    Evaluated,
    Logged,
    Progress,
    PseudoGroupsFound,
    Restarts,
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

STAGES = ("erm", "represent", "cluster", "find", "balance", "prune", "finetune")
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
        StageRecord(stage, "done", key=f"key-{stage}", seconds=4.0, **done.get(stage, {})) for stage in STAGES
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
        "config": config_model()(find=Find(by="clusters")).model_dump(mode="json"),
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
        writer.write(Evaluated("erm", step, "validation", told), t + step / 50)
    picks = {
        "last": {"step": 200, "value": None, "uses": "nothing"},
        "worst-group": {"step": 200, "value": 0.6, "uses": "attributes of the validation split"},
    }
    writer.write(Selected("erm", "last", 200, picks), t + 4)
    writer.write(Evaluated("erm", 200, "test", evaluation(BEFORE), True), t + 4)
    writer.write(StageFinished("erm", 4.0), t + 4)


def say_clusters(writer, t):
    """What the stages between the two trainings say."""
    for stage in ("represent", "cluster", "find", "balance"):
        writer.write(StageStarted(stage, 1), t)
        if stage == "cluster":
            tries = [
                {"epoch": 1.0, "k": 2, "size": 1400, "skew": 0.93},
                {"epoch": 1.0, "k": 3, "size": 900, "skew": 0.9},
            ]
            writer.write(Choice("cluster", tries, 0, "largest balanced set among clearly skewed clusters"), t)
        if stage == "find":
            found = {"source": "clusters, k = 2 at epoch 1", "names": ["cluster 0", "cluster 1"]}
            writer.write(PseudoGroupsFound("find", list(LABELS), [[14_000, 700], [800, 14_500]], **found), t)
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
        writer.write(Evaluated("prune", step, "validation", told), t + step / 20)
    writer.write(StageFinished("prune", 5.0, 0.56), t + 5)


def say_rest(writer, t):
    """What fine-tuning says, and the end."""
    writer.write(StageStarted("finetune", 60), t)
    for step in range(10, 61, 10):
        writer.write(Scalars("finetune", step, step / 20, {"loss": 0.2 - step / 1000}), t + step / 30)
        writer.write(Progress("finetune", step, 60), t + step / 30)
    writer.write(Evaluated("finetune", 60, "test", evaluation(AFTER), True), t + 2)
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
    began = {"created": NOW - 31, "started": NOW - 30, "working_since": NOW - 30}
    record = record_of(name, "running", **{**began, **here(), **fields})
    folder = put(home, record)
    writer = EventWriter(folder.events)
    writer.write(RunStarted(record.pid, record.host, "cpu", False), NOW - 30)
    say_erm(writer, NOW - 30)
    say_clusters(writer, NOW - 24)
    writer.write(StageStarted("prune", 200), NOW - 20)
    return folder, writer


IRM_STAGES = ("erm", "represent", "cluster", "find", "environments", "train")
NAMES = ("minority", "balance")
MADE = EnvironmentsMade(
    "environments",
    "clusters, rule minority-balance",
    list(NAMES),
    list(LABELS),
    [[740, 780], [1480, 1560]],
    30_000,
    3040,
    [f"{label} · {colour}" for label in LABELS for colour in ("red", "green")],
    [[15, 725, 770, 10], [740, 740, 770, 790]],
    {"found": 1520, "true": 2250, "hits": 1495},
)


def without_attributes(**fields):
    """Environments of data that have no attributes."""
    return replace(MADE, groups=[], group_table=[], conflicts={"found": 1520}, **fields)


def members(split, step, worst, average, *, weights=(9100.0,), n=10_000, final=False, chosen=None):
    """What restarts reach, in per cent: for every penalty weight the same, a point less from weight to weight."""
    plan = [(weight, i) for weight in weights for i in range(len(worst))]
    lower = {weight: number / 100 for number, weight in enumerate(weights)}
    return Restarts(
        "train",
        step,
        split,
        n,
        [weight for weight, _ in plan],
        [i for _, i in plan],
        [average[i] / 100 - lower[weight] for weight, i in plan],
        [worst[i] / 100 - lower[weight] for weight, i in plan],
        final,
        chosen,
    )


def irm_record(name="irm", status="finished", **fields):
    """A record of a run that trains over environments; finished, with what its restarts reach."""
    stages = tuple(StageRecord(stage) for stage in IRM_STAGES)
    if status == "finished":
        last = {
            split: {
                "n": 10_000,
                "weights": [9100.0] * 3,
                "restarts": [0, 1, 2],
                "average": [0.702, 0.713, 0.721],
                "worst": [0.581, 0.622, 0.66],
            }
            for split in ("train", "validation", "test")
        }
        done = {
            "erm": {"evaluations": {"test": evaluation(BEFORE).to_json()}},
            "train": {
                "evaluations": {
                    "validation": evaluation((72, 61, 63, 71), "validation", 1200).to_json(),
                    "test": evaluation((71, 62, 64, 72)).to_json(),
                },
                "restarts": last,
            },
        }
        stages = tuple(
            StageRecord(stage, "done", key=f"key-{stage}", seconds=4.0, **done.get(stage, {})) for stage in IRM_STAGES
        )
    given = {"recipe": "irm", "preset": None, "data": "cmnist", "stages": stages}
    return record_of(name, status, **{**given, **fields})


def say_environments(writer, t, made=MADE):
    """What the stages before the training over environments say."""
    for stage in ("represent", "cluster", "find", "environments"):
        writer.write(StageStarted(stage, 1), t)
        if stage == "environments":
            writer.write(made, t)
        writer.write(StageFinished(stage, 1.0), t + 1)


def say_steps(writer, t, until=500, since=0, total=500, jump=190, names=NAMES):
    """Steps of the training over environments: risks meet, penalties fall where their weight jumps."""
    if not since:
        writer.write(StageStarted("train", total), t)
    for step in range(since + 10, until + 1, 10):
        after = max(0, step - jump)
        values = {"loss": 0.7 - 0.3 * min(1, step / 150) + 0.0004 * after}
        for number, name in enumerate(names):
            values[f"risk {name}"] = 0.69 - 0.2 * min(1, step / 150) * (1 - number) + 0.0002 * after
        for number, name in enumerate(names):
            values[f"penalty {name}"] = (0.02 + 0.03 * number) * 0.97**after + 1e-6
        values["penalty worst"] = 0.08 * 0.98**after + 2e-6
        values["penalty weight"] = 1.0 if step < jump else 9100.0
        writer.write(Scalars("train", step, step / 10, values), t + step / 50)
        writer.write(Progress("train", step, total), t + step / 50)


def say_look(writer, t, step, worst=(40, 44, 47), average=(68, 69, 70), **more):
    """One look at all restarts on the validation split, and at the groups of the first one."""
    writer.write(members("validation", step, worst, average, **more), t)
    told = evaluation((72, worst[0], worst[0] + 3, 71), "validation", 1200)
    writer.write(Evaluated("train", step, "validation", told), t)


def say_ends(writer, t, step=500, weights=(9100.0,)):
    """The last word on all restarts, and the end."""
    for split, lift in (("train", 4), ("validation", 2), ("test", 0)):
        worst, average = (58.1 + lift, 62.2 + lift, 66 + lift), (70.2 + lift, 71.3 + lift, 72.1 + lift)
        writer.write(members(split, step, worst, average, weights=weights, final=True, chosen=1), t)
    writer.write(Evaluated("train", step, "test", evaluation((71, 62, 64, 72)), True), t)
    writer.write(StageFinished("train", 9.0), t)
    writer.write(RunFinished("finished"), t)


def irm_run(home, name="irm", made=MADE, weights=(9100.0,), **fields):
    """A finished run that trained over environments, with all that it said."""
    folder = put(home, irm_record(name, **fields))
    began = NOW - 3590
    with EventWriter(folder.events) as writer:
        writer.write(RunStarted(1, "here", "cpu", False), began)
        say_erm(writer, began)
        say_environments(writer, began + 5, made)
        since = 0
        for step in (60, 120, 190, 300, 400, 500):
            say_steps(writer, began + 9, step, since)
            low = 20 + step / 12
            look = {"worst": (low, low + 4, low + 7), "average": (68, 69, 70), "weights": weights}
            say_look(writer, began + 9 + step / 50, step, **look)
            since = step
        say_ends(writer, began + 20, weights=weights)
    return folder


def of_classes(snapshot):
    """The run as it would be on data without attributes, whose groups are labels alone."""

    def told(look):
        one_each = {group.label: replace(group, attributes={}) for group in look.evaluation.groups}
        shares = (1 / len(one_each),) * len(one_each)
        return look._replace(evaluation=Evaluation(look.evaluation.split, tuple(one_each.values()), shares))

    looks = {key: tuple(map(told, looks)) for key, looks in snapshot.evaluations.items()}
    return replace(snapshot, evaluations=looks)


def rows(app):
    """What the screen shows, row by row, without trailing blanks."""
    strips = app.screen._compositor.render_strips(app.size)
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def text(app):
    """What the screen shows, in one piece."""
    return "\n".join(rows(app))


def plain(lines):
    """Lines that were drawn, without their styles."""
    return [line.plain for line in lines]


def joined(lines):
    """Lines that were drawn, in one piece without their styles."""
    return "\n".join(plain(lines))


def pieces(line):
    """What a line that was drawn is made of, with the style of each piece."""
    return [(line.plain[s.start : s.end], str(s.style)) for s in line.spans]


async def until(pilot, condition, seconds=30.0):
    """Let the app work until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain; the screen:\n" + "\n".join(rows(pilot.app))
        with suppress(WaitForScreenTimeout):  # a widget that is removed while it is waited for does not answer
            await pilot.pause(0.02)


async def all_read(pilot):
    """Let the app work until no panel reads any more, and all have taken in what was read."""
    await until(pilot, lambda: all(thread.name != "reading" for thread in threading.enumerate()))
    await pilot.pause()
