"""The report calls classes classes where there are no attributes, and says how to look further."""

import pytest

from core.feed.feed import RunFeed
from core.groups import Evaluation, Group
from core.runs.home import Home
from core.runs.record import RunRecord, StageRecord
from prusc_tui.lines import line_of
from prusc_tui.report.report import report
from tests.tui.lab import NOW, joined, put


def evaluation(split, attributes):
    values = [{"place": "land"}, {"place": "water"}] if attributes else [{}]
    groups = [Group(label, value, 50, n) for label, n in (("benign", 45), ("malignant", 20)) for value in values]
    return Evaluation(split, tuple(groups), tuple(1 / len(groups) for _ in groups)).to_json()


@pytest.fixture(params=[True, False], ids=["attributes", "labels alone"])
def attributes(request):
    return request.param


@pytest.fixture
def reported(tmp_path, attributes):
    def told(*stages):
        home = Home.open(tmp_path / "-".join(stages))
        return joined(report(RunFeed(put(home, record_of(attributes, stages))).poll(), NOW, 120))

    return told


def record_of(attributes, stages):
    made = [StageRecord(name, "done", seconds=1.0) for name in stages]
    told = {split: evaluation(split, attributes) for split in ("validation", "test")}
    made[0] = StageRecord("erm", "done", seconds=1.0, evaluations=told)
    return RunRecord(id="abcd2345", name="x", recipe="prusc", data="isic", status="finished", stages=tuple(made))


def test_the_worst_of_the_groups_is_called_what_it_is(reported, attributes):
    ours, other = ("group", "class") if attributes else ("class", "group")
    text = reported("erm", "represent", "cluster")
    assert f"worst {ours} " in text
    assert f"worst {other} " not in text
    assert ("in 2 classes of 50" in text) == (not attributes)
    assert ("in 4 groups of 50" in text) == attributes


def test_without_attributes_the_way_to_the_pseudo_groups_is_told_where_there_are_any(reported, attributes):
    hint = "prusc eval abcd2345 --by-group"
    assert (hint in reported("erm", "biased", "find")) == (not attributes)
    assert (hint in reported("erm", "represent", "cluster")) == (not attributes)  # of an earlier version
    assert "--by-group" not in reported("erm", "represent")


def test_lines_of_a_pipe_have_the_same_words(attributes):
    from core.events import Evaluated

    line = line_of(
        Evaluated("erm", 3, "test", Evaluation.from_json("test", evaluation("test", attributes)), final=True)
    )
    assert f"worst {'group' if attributes else 'class'} 40.0 %" in line
