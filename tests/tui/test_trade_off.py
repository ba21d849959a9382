"""The curve of sparsity against worst-group accuracy: its points, its marks, and what stands beside them."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from core.events import Selected
from core.feed.feed import RunFeed
from core.feed.snapshot import Look
from prusc_tui.palette import SHELL
from prusc_tui.views.masks.trade_off import Point, TradeOff, trade_off, trade_off_of
from tests.tui.lab import evaluation, finished_run, of_classes, plain


def cell_of(lines, mark):
    """Column and line of the only cell with a mark."""
    found = [(line.index(mark), y) for y, line in enumerate(lines) if mark in line]
    assert len(found) == 1
    return found[0]


def test_the_curve_puts_every_look_where_it_belongs():
    points = (Point(10, 0.0, 0.2), Point(20, 0.5, 0.6), Point(30, 1.0, 1.0))
    drawn = plain(trade_off(TradeOff(points, points[1]), 66, 17, SHELL))
    chart = drawn[1:-3]
    assert len(chart) == 13
    assert chart[-1].index("●") == 6
    assert chart[0].rindex("●") == 65
    column, line = cell_of(chart, "◆")
    assert abs(column - (6 + 59 / 2)) <= 1
    assert abs(line - 6) <= 1
    assert "chosen, step 20: 60.0 at 50.0" in drawn[-1]


def test_a_curve_that_turns_back_is_drawn():
    there = TradeOff((Point(1, 0.1, 0.2), Point(2, 0.6, 0.9)))
    back = TradeOff((Point(1, 0.6, 0.9), Point(2, 0.1, 0.2)))
    drawn = plain(trade_off(there, 60, 12, SHELL))
    assert drawn == plain(trade_off(back, 60, 12, SHELL))
    dots = [char for line in drawn for char in line if "⠀" < char <= "⣿"]
    assert len(dots) > 20


def test_before_and_after_are_shown_beside_the_chosen_one():
    points = (Point(10, 0.1, 0.5), Point(20, 0.4, 0.9))
    drawn = plain(trade_off(TradeOff(points, points[1], ("erm", 0.45), ("finetune", 0.91)), 70, 14, SHELL))
    (_, chosen), (_, later) = cell_of(drawn[1:-3], "◆"), cell_of(drawn[1:-3], "▲")
    assert later != chosen
    assert any(line.count("┄") > 50 for line in drawn)
    assert "finetune 91.0" in drawn[-1]
    assert "erm 45.0" in drawn[-1]


def test_the_course_pairs_looks_and_masks_of_the_same_step(home):
    folder = finished_run(home)
    snapshot = RunFeed(folder).poll()
    found = trade_off_of(snapshot, "prune")
    assert [point.step for point in found.points] == list(range(10, 101, 10))
    assert found.points[4].sparsity == pytest.approx(0.22)
    assert found.points[4].worst == pytest.approx(0.75, abs=0.001)
    assert found.chosen is None
    # A look without a state of the masks has no place on the curve.
    some = replace(snapshot, mask_states={"prune": snapshot.mask_states["prune"][:3]})
    assert [point.step for point in trade_off_of(some, "prune").points] == [10, 20, 30]


def test_a_state_without_a_look_has_the_accuracy_of_the_look_before(home):
    snapshot = RunFeed(finished_run(home)).poll()
    looks = snapshot.evaluations["prune", "validation"]
    few = replace(snapshot, evaluations={("prune", "validation"): (looks[2], looks[6])})
    points = trade_off_of(few, "prune").points
    assert [point.step for point in points] == list(range(30, 101, 10))
    third, seventh = (look.evaluation.worst_group.accuracy for look in (looks[2], looks[6]))
    assert [point.worst for point in points] == [third] * 4 + [seventh] * 4
    assert points[3].sparsity == pytest.approx(0.44 * 0.6)


def test_the_checkpoint_that_was_selected_is_the_chosen_one_until_it_is_evaluated(home):
    snapshot = RunFeed(finished_run(home)).poll()
    picked = replace(snapshot, selected={"prune": Selected("prune", "worst-group", 70, {})})
    assert trade_off_of(picked, "prune").chosen == Point(70, pytest.approx(0.308), pytest.approx(0.81, abs=0.001))
    looks = snapshot.evaluations["prune", "validation"]
    final = Look(40, evaluation((95, 50, 91, 96), "validation"), True)
    handed_on = replace(picked, evaluations={("prune", "validation"): (*looks, final)})
    assert trade_off_of(handed_on, "prune").chosen == Point(40, pytest.approx(0.176), pytest.approx(0.5))


def test_without_attributes_it_is_the_worst_class_over_sparsity(home):
    snapshot = RunFeed(finished_run(home)).poll()
    for seen, title in ((snapshot, "Worst group ↑"), (of_classes(snapshot), "Worst class ↑")):
        assert plain(trade_off(trade_off_of(seen, "prune"), 70, 14, SHELL))[0].startswith(title)


def test_accuracy_on_samples_that_were_trained_on_is_not_shown(home):
    folder = finished_run(home)
    snapshot = RunFeed(folder).poll()
    looks = dict(snapshot.evaluations)
    looks["prune", "validation"] += (Look(100, evaluation((95, 90, 91, 96), "validation"), True),)
    looks["finetune", "validation"] = (Look(60, evaluation((97, 96, 95, 97), "validation"), True),)
    tuned = replace(snapshot, evaluations=MappingProxyType(looks))
    assert trade_off_of(tuned, "prune").chosen == Point(100, pytest.approx(0.44), pytest.approx(0.9, abs=0.001))
    assert trade_off_of(tuned, "prune").after == ("finetune", pytest.approx(0.95, abs=0.001))
    on_validation = replace(tuned.record, config={"finetune": {"data": "validation"}})
    assert trade_off_of(replace(tuned, record=on_validation), "prune").after is None
