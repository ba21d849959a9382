"""The report calls classes classes where there are no attributes, and says how to look further."""

import io

import pytest
from rich.console import Console

from core.groups import Evaluation, Group
from core.runs.record import RunRecord, StageRecord
from prusc_tui.cli.report import print_report
from prusc_tui.lines import line_of


def evaluation(split, attributes):
    values = [{"place": "land"}, {"place": "water"}] if attributes else [{}]
    groups = [Group(label, value, 50, n) for label, n in (("benign", 45), ("malignant", 20)) for value in values]
    return Evaluation(split, tuple(groups), tuple(1 / len(groups) for _ in groups)).to_json()


@pytest.fixture(params=[True, False], ids=["attributes", "labels alone"])
def attributes(request):
    return request.param


def report(attributes, stages=("erm", "represent", "cluster")):
    made = [StageRecord(name, "done", seconds=1.0) for name in stages]
    told = {split: evaluation(split, attributes) for split in ("validation", "test")}
    made[0] = StageRecord("erm", "done", seconds=1.0, evaluations=told)
    out = io.StringIO()
    record = RunRecord(id="abcd2345", name="x", recipe="prusc", data="isic", status="finished", stages=tuple(made))
    print_report(Console(file=out, width=120), record)
    return out.getvalue()


def test_the_worst_of_the_groups_is_called_what_it_is(attributes):
    ours, other = ("group", "class") if attributes else ("class", "group")
    text = report(attributes)
    assert f"worst {ours} " in text
    assert f"worst {other} " not in text
    assert ("in 2 classes of 50" in text) == (not attributes)
    assert ("in 4 groups of 50" in text) == attributes


def test_without_attributes_the_way_to_the_clusters_is_told_where_there_are_any(attributes):
    assert ("prusc eval abcd2345 --by-cluster" in report(attributes)) == (not attributes)
    assert "--by-cluster" not in report(attributes, ("erm", "represent"))


def test_lines_of_a_pipe_have_the_same_words(attributes):
    from core.events import Evaluated

    line = line_of(Evaluated("erm", 3, "test", evaluation("test", attributes), final=True))
    assert f"worst {'group' if attributes else 'class'} 40.0 %" in line
