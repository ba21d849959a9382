"""Sparsity, layers and alarms of what is pruned, as rows of text."""

from dataclasses import replace

import pytest

from core.events import Sparsity
from prusc_tui.palette import SHELL
from prusc_tui.views.masks.layers import Pruned, dead_layers, figures, head, summary
from prusc_tui.views.masks.layers import rows as layer_rows
from prusc_tui.views.masks.trade_off import Point, TradeOff, trade_off
from tests.tui.lab import plain

MANY = {f"layer{n}.conv": 0.2 + n / 100 for n in range(1, 54)}


def pruned(*ratios, **more):
    """States of one stage at steps 10, 20 …; a layer's ratio in each."""
    return Pruned(
        tuple(Sparsity("prune", 10 * n, sum(r.values()) / len(r), r) for n, r in enumerate(ratios, 1)), **more
    )


def test_figures_are_three_rows_that_line_up():
    made = figures("43.9")
    assert len(made) == 3
    assert len({len(row) for row in made}) == 1
    assert made[2][6] == "."
    assert figures("1") != figures("7")


def test_the_summary_counts_weights_where_all_sizes_are_known():
    found = pruned({"a": 0.5, "b": 0.25}, weights={"a": 100, "b": 300})
    now = replace(found.now, keep_ratio=(50 + 75) / 400)
    lines = plain(summary(replace(found, states=(now,)), True, 80, SHELL))
    assert "125 of 400" in lines[1]
    assert "of 4" not in plain(summary(replace(found, weights={"a": 100}), True, 80, SHELL))[1]
    assert "still learning" in plain(summary(found, False, 80, SHELL))[2]


def test_the_length_of_a_bar_is_the_ratio():
    lines = plain(layer_rows(pruned({"a": 1.0, "b": 0.5, "c": 0.0, "d": 0.25}).layers(False), 80, SHELL))
    full, half, none, quarter = (line.count("█") for line in lines)
    assert full > 30
    assert none == 0
    assert half == full // 2
    assert quarter == full // 4


@pytest.mark.parametrize(("ratio", "dead"), [(0.0, True), (0.0009, True), (0.001, False), (0.5, False)])
def test_a_layer_is_dead_below_a_thousandth_and_says_so_without_colour(ratio, dead):
    found = pruned({"conv1": 0.9, "conv2": ratio, "conv3": 0.8})
    line = plain(layer_rows(found.layers(False), 80, SHELL))[1]
    assert line.startswith("✗") == dead
    assert ("dead" in line) == dead
    alarm = " ".join(plain(dead_layers(found, 80, SHELL)))
    assert ("conv2" in alarm) == dead
    assert ("No weight" in alarm) == (ratio == 0)
    assert "conv1" not in alarm


def test_an_alarm_for_many_layers_stays_two_lines():
    assert len(dead_layers(pruned(dict.fromkeys(MANY, 0.0)), 80, SHELL)) == 2


def test_the_layers_that_fell_most_are_marked_and_come_first_on_request():
    found = pruned({"a": 0.9, "b": 0.3, "c": 0.7, "d": 0.6})
    assert [layer.name for layer in found.layers(False)] == ["a", "b", "c", "d"]
    assert [layer.name for layer in found.layers(True)] == ["b", "d", "c", "a"]
    assert [layer.name for layer in found.layers(False) if layer.leads] == ["b"]
    assert not any(layer.leads for layer in pruned(dict.fromkeys("abcd", 1.0)).layers(False))


@pytest.mark.parametrize("width", [77, 100])
def test_a_row_says_how_much_the_layer_fell_since_the_first_look(width):
    states = {"a": 0.9, "b": 0.5, "c": 0.4}, {"a": 0.2, "b": 0.6, "c": 0.3}, {"a": 0.853, "b": 0.5, "c": 0.46}
    lines = [line.rstrip() for line in plain(layer_rows(pruned(*states).layers(False), width, SHELL))]
    assert lines[0].endswith(" 4.7")
    assert lines[1].endswith(" =")
    assert lines[2].endswith(" +6.0")


def test_the_course_of_a_layer_covers_all_looks_however_many():
    states = [{"conv": 1 - n / 99, "head": 1.0} for n in range(100)]
    fell, stayed = plain(layer_rows(pruned(*states).layers(False), 90, SHELL))
    assert "█▇" in fell
    assert "▂▁" in fell
    assert "█" * 12 in stayed[-20:]


@pytest.mark.parametrize("width", [40, 60, 78, 116, 198])
def test_lines_fill_their_width_exactly(width):
    found = pruned(MANY, MANY, weights=dict.fromkeys(MANY, 2_359_296))
    layers = found.layers(False)
    everything = [
        *layer_rows(layers, width, SHELL),
        head(layers, "", width, SHELL),
        *summary(found, True, width, SHELL),
    ]
    curve = TradeOff((Point(1, 0.1, 0.5), Point(2, 0.3, 0.8)), Point(2, 0.3, 0.8), ("erm", 0.4), ("finetune", 0.9))
    assert {line.cell_len for line in [*everything, *trade_off(curve, width, 12, SHELL)]} == {width}
