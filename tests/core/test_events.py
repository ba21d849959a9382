"""The lines of the stream."""

import math
from dataclasses import dataclass, replace

import numpy as np
import orjson
import pytest

from core import events
from core.events import (
    KINDS,
    Balanced,
    Choice,
    DoubtSettled,
    EnvironmentsMade,
    Evaluated,
    Event,
    Logged,
    MasksKept,
    NetworkKept,
    Progress,
    PseudoGroupsFound,
    Restarts,
    RunFinished,
    RunStarted,
    Scalars,
    Selected,
    Sparsity,
    SparsityPoint,
    StageFinished,
    StageReused,
    StageStarted,
    Stamped,
    Warned,
    decode,
    encode,
)
from core.groups import Evaluation, Group

VALIDATION = Evaluation("validation", (Group("0–4", {"colour": "red"}, 3, 1),), (1.0,))
EXAMPLES = [
    RunStarted(7, "hill", "cuda:0", True),
    StageStarted("erm", 100, 3),
    StageReused("erm", "abcd"),
    Progress("erm", 5, 100),
    Scalars("erm", 5, 0.05, {"loss": 0.25, "task": 1e-9}),
    Evaluated("erm", 5, "validation", VALIDATION, True),
    Sparsity("prune", 5, 0.75, {"features.0": 1.0}),
    MasksKept("finetune", 0.75),
    SparsityPoint("sparse", "masks", 0.25, 0.249, VALIDATION, replace(VALIDATION, split="test")),
    Choice("cluster", [{"epoch": 0.25, "k": 2, "size": 8, "skew": 0.9}], 0, "the largest"),
    PseudoGroupsFound("cluster", ["0–4", "5–9"], [[1, 2], [3, 4]]),
    Balanced("balance", "min", 4, [[1, 1], [1, 1]]),
    EnvironmentsMade(
        "environments", "clusters", ["a", "b"], ["0–4"], [[1], [2]], 9, 3, ["0–4 · red"], [[1], [2]], {"found": 1}
    ),
    Restarts("train", 5, "test", 8, [9100.0], [0], [0.5], [0.25], True, 0),
    Selected("erm", "last", 5, {"last": {"step": 5, "value": 0.0, "uses": "nothing"}}),
    DoubtSettled("best", "no-support", "no longer doubted"),
    NetworkKept("best", "head", {"head": {"worst_cell": 0.5, "worst_class": 0.5, "average": 0.75}}, "head is kept"),
    Warned("prune", "nothing-pruned", "keep ratio is still 100 %"),
    Logged("two\nlines, a \x1b[31mcolour and “quotes”", "warning"),
    StageFinished("prune", 1.5, 0.75),
    RunFinished("failed", "erm: no"),
]


def test_there_is_an_example_of_every_kind():
    defined = {c for c in vars(events).values() if isinstance(c, type) and issubclass(c, Event) and c is not Event}
    assert {type(e) for e in EXAMPLES} == set(KINDS.values()) == defined
    assert all(cls.kind == kind for kind, cls in KINDS.items())


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda e: e.kind)
def test_an_event_survives_the_stream_on_one_line(event):
    line = encode(event, 12.5)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == Stamped(12.5, event)
    assert orjson.loads(line)["kind"] == event.kind


def test_what_is_no_number_becomes_null():
    line = encode(Scalars("erm", 1, 0.1, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.0}), 0)
    assert orjson.loads(line)["values"] == {"a": None, "b": None, "c": None, "d": 1.0}
    assert decode(line).event.values == {"a": None, "b": None, "c": None, "d": 1.0}


def test_numbers_of_numpy_are_numbers():
    line = encode(PseudoGroupsFound("cluster", ["a"], np.array([[1], [2]])), 0)
    assert decode(line).event.table == [[1], [2]]


def test_a_newer_field_is_left_out_and_a_missing_one_has_its_default():
    line = b'{"kind":"stage-started","t":1,"stage":"erm","total":9,"colour":"red"}\n'
    assert decode(line) == Stamped(1, StageStarted("erm", 9, 0))


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"from-the-future","t":1}\n',
        b'{"t":1}\n',
        b'{"kind":"progress","stage":"erm","step":1,"total":2}\n',
        b'{"kind":"progress","t":1,"stage":"erm"}\n',
        b'{"kind":"progress","t":1,"sta',
        b"",
        b"[1,2]\n",
        b"null\n",
        b'{"kind":["progress"],"t":1}\n',
        b"\xff\xfe\x00\n",
    ],
    ids=["kind", "no kind", "no time", "no fields", "torn", "empty", "array", "null", "kind a list", "no text"],
)
def test_a_line_that_is_no_known_event_gives_nothing(line):
    assert decode(line) is None


def test_the_largest_counts_are_exact():
    assert decode(encode(Progress("erm", 2**53 + 1, 2**62), 0)).event == Progress("erm", 2**53 + 1, 2**62)


@pytest.mark.parametrize("options", [{}, {"kw_only": True}], ids=["by position", "by name"])
@pytest.mark.parametrize("kept", [("stage", "seen"), ("seen",), ()])
def test_an_event_that_a_stage_defines_is_read_with_what_its_record_has(options, kept, monkeypatch):
    monkeypatch.setattr("core.events.event.KINDS", dict(KINDS))

    @dataclass(frozen=True, **options)
    class Counted(Event):
        kind = "counted"
        stage: str = "none"
        seen: int = 7

    values = {"stage": "mine", "seen": 3}
    record = {"kind": "counted", "t": 1.0, **{name: values[name] for name in kept}}
    assert decode(orjson.dumps(record)).event == Counted(**{name: values[name] for name in kept})
