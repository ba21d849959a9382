"""Environments, restarts and curves of a training over environments, as rows of text."""

from dataclasses import replace

import pytest

from core.events import EnvironmentsMade, Scalars, StageFinished, StageStarted
from core.feed.feed import RunFeed
from prusc_tui.chart.lines import Lines, by_quantity
from prusc_tui.palette import SHELL
from prusc_tui.report import environments as drawn
from prusc_tui.report.spark import current_series
from prusc_tui.views.environments.risks import course, course_of, jump_of
from tests.tui.lab import (
    LABELS,
    MADE,
    NAMES,
    NOW,
    irm_run,
    joined,
    pieces,
    plain,
    say_environments,
    say_steps,
    without_attributes,
)

WIDTHS = (44, 78, 118)


# Who went where


@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_is_as_wide_as_asked_and_says_names_sizes_and_shares(width):
    lines = [*drawn.environments(MADE, width, SHELL), *drawn.conflicts(MADE, width, SHELL)]
    assert {line.cell_len for line in lines} == {width}
    said = joined(lines)
    for words in ("minority", "balance", "1,520", "3,040", "3,040 of 30,000", "10.1 %", "47.7", "≠", "98.4", "66.4 %"):
        assert words in said


def test_a_bar_shares_its_cells_out_by_count_in_textures_that_tell_neighbours_apart():
    bars = [line for line in plain(drawn.environments(MADE, 78, SHELL)) if line.count("▓") > 3]
    assert len(bars) == 2
    minority, balance = ({texture: bar.count(texture) for texture in "█▓▒░"} for bar in bars)
    cells = sum(minority.values())
    assert cells == sum(balance.values()) > 40
    assert minority["▓"] == pytest.approx(cells * 725 / 1520, abs=1.5)
    assert minority["█"] == minority["░"] == 1
    assert all(count == pytest.approx(cells / 4, abs=1.5) for count in balance.values())


def test_the_bar_of_an_environment_has_the_same_parts_in_the_same_order_as_the_table():
    lines = plain(drawn.environments(MADE, 78, SHELL))
    heads = [line[0] for line in lines if " · " in line]
    bar = next(line for line in lines if line.startswith("■ balance") and "█" in line)
    assert "".join(dict.fromkeys(character for character in bar if character in "█▓▒░")) == "".join(heads)


@pytest.mark.parametrize("counts", [(1, 0, 0, 999), (0, 0, 0, 5), (3, 3, 3, 1), (1, 1, 1, 1)])
def test_what_is_there_shows_and_what_is_not_does_not(counts):
    made = EnvironmentsMade(
        "environments",
        "x",
        ["a"],
        list(LABELS),
        [[sum(counts[:2]), sum(counts[2:])]],
        9999,
        sum(counts),
        MADE.groups,
        [list(counts)],
    )
    bar = next(line for line in plain(drawn.environments(made, 60, SHELL)) if line.startswith("● a "))
    assert [texture in bar for texture in "█▓▒░"] == [count > 0 for count in counts]


def test_samples_in_several_environments_are_counted():
    assert "1,520 images are in both." in joined(drawn.environments(MADE, 78, SHELL))
    apart = replace(MADE, used=4560)
    assert "in both" not in joined(drawn.environments(apart, 78, SHELL))
    tables = {"table": [*MADE.table, [1, 1]], "group_table": [*MADE.group_table, [1, 0, 1, 0]]}
    three = replace(MADE, names=["a", "b", "c"], **tables)
    assert "add up to 4,562" in joined(drawn.environments(three, 78, SHELL))


def test_without_attributes_labels_are_told_and_the_conflicts_are_counted_alone():
    made = without_attributes()
    lines = plain(drawn.environments(made, 78, SHELL))
    assert any(line.startswith("by label") for line in lines)
    assert any("0–4" in line and "48.7 %" in line for line in lines)
    assert "≠" not in "\n".join(lines)
    said = joined(drawn.conflicts(made, 78, SHELL))
    assert "1,520" in said
    assert "precision" not in said


def test_with_two_attributes_none_is_taken_for_the_shortcut():
    titles = [
        f"{label} · {colour} · {patch}" for label in LABELS for colour in ("red", "green") for patch in ("no", "yes")
    ]
    made = replace(MADE, groups=titles, group_table=[[190] * 8, [380] * 8])
    said = joined(drawn.environments(made, 78, SHELL))
    assert "0–4 · red · yes" in said
    assert "≠" not in said


def test_too_many_groups_to_read_give_way_to_labels():
    labels = [str(i) for i in range(10)]
    titles = [f"{label} · {colour}" for label in labels for colour in "abcdefghij"]
    made = replace(MADE, labels=labels, table=[[10] * 10] * 2, groups=titles, group_table=[[1] * 100] * 2)
    lines = plain(drawn.environments(made, 78, SHELL))
    assert any(line.startswith("by label") for line in lines)
    assert len(lines) < 24


def test_an_empty_environment_is_called_so():
    made = replace(MADE, table=[[0, 0], MADE.table[1]], group_table=[[0] * 4, MADE.group_table[1]])
    lines = plain(drawn.environments(made, 78, SHELL))
    assert any(line.startswith("● minority") and "empty" in line for line in lines)
    assert "nan" not in "\n".join(lines)


def test_environments_without_conflicts_say_nothing_of_them():
    given = replace(MADE, conflicts={}, source="given with the data")
    assert drawn.conflicts(given, 78, SHELL) == []
    assert "conflict" not in joined(drawn.in_brief(given, 78, SHELL))


def test_no_true_conflict_leaves_recall_open():
    made = replace(MADE, conflicts={"found": 0, "true": 0, "hits": 0})
    assert all("–" in line for line in plain(drawn.conflicts(made, 78, SHELL))[1:])


def test_names_from_a_file_cannot_move_the_cursor():
    made = replace(MADE, names=["\x1b[31mred", "[bold]b"], source="\x07bell", groups=[g + "\x1b" for g in MADE.groups])
    said = joined([*drawn.environments(made, 100, SHELL), *drawn.in_brief(made, 100, SHELL)])
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold]b" in said


def test_labels_and_environments_have_colours_of_their_own():
    lines = drawn.environments(MADE, 78, SHELL)
    names = {style for line in lines for piece, style in pieces(line) if piece.strip() in ("●", "■")}
    parts = {style.split(" on ")[0] for line in lines for piece, style in pieces(line) if set(piece) & set("█▓▒░")}
    assert len(names) == len(parts) == 2
    assert not names & parts


# Risk and penalty


def made_course(home, width, height, **more):
    snapshot = RunFeed(irm_run(home, **more)).poll()
    return plain(course(course_of(snapshot), NAMES, width, height, SHELL))


@pytest.mark.parametrize(("width", "height"), [(44, 16), (78, 20), (118, 30)])
def test_the_charts_keep_to_width_and_height_and_name_both_environments(home, width, height):
    lines = made_course(home, width, height)
    assert {len(line) for line in lines} == {width}
    assert abs(len(lines) - height) <= 1
    said = "\n".join(lines)
    for words in ("risk", "penalty", "● minority", "■ balance", "log"):
        assert words in said


def test_the_jump_of_the_weight_is_said_and_marked_at_one_column_in_both_charts(home):
    lines = made_course(home, 78, 24)
    assert "weight 1 → 9,100 at step 190" in lines[0]
    places = {line.index("┊") for line in lines[1:] if "┊" in line}
    assert len(places) == 1
    axis = next(line for line in lines if line.lstrip().startswith("└"))
    assert places.pop() == pytest.approx(axis.index("└") + 1 + (len(axis) - axis.index("└") - 1) * 190 / 500, abs=1.5)


def test_two_charts_above_each_other_share_one_axis(home):
    lines = made_course(home, 78, 24)
    assert sum("└" in line for line in lines) == 1
    assert len({line.index("│") for line in lines if "│" in line}) == 1


def test_without_a_jump_nothing_is_marked(live):
    feed, writer = live
    say_steps(writer, NOW, 100)
    found = course_of(feed.poll())
    assert jump_of(found.weight) is None
    assert "┊" not in joined(course(found, NAMES, 78, 20, SHELL))


def test_one_environment_has_a_risk_and_no_penalty(live):
    feed, writer = live
    writer.write(StageStarted("train", 100), NOW)
    for step in (10, 20, 30):
        writer.write(Scalars("train", step, step / 10, {"loss": 0.5, "risk all": 0.6 - step / 100}), NOW)
    said = joined(course(course_of(feed.poll()), ["all"], 78, 20, SHELL))
    assert "● all 0.3" in said
    assert "penalty" not in said.partition("\n")[2]


def test_a_run_without_risks_has_no_course(live):
    feed, writer = live
    writer.write(Scalars("erm", 10, 0.1, {"loss": 0.5}), NOW)
    assert course_of(feed.poll()) is None


def test_an_environment_keeps_its_mark_whatever_comes_first(live):
    feed, writer = live
    writer.write(Scalars("train", 10, 1.0, {"risk balance": 0.5, "risk minority": 0.4}), NOW)
    said = joined(course(course_of(feed.poll()), NAMES, 78, 20, SHELL))
    assert "■ balance" in said
    assert "● minority" in said


# What is in view


def test_a_sentence_says_why_there_are_no_environments(live):
    feed, writer = live
    assert "the run is running" in drawn.waiting(feed.poll())
    writer.write(StageStarted("erm", 10), NOW)
    assert "the run is at 'erm'" in drawn.waiting(feed.poll())
    writer.write(StageFinished("erm", 1.0), NOW)
    writer.write(StageStarted("environments", 1), NOW)
    assert drawn.waiting(feed.poll()) == "The environments are being made …"
    say_environments(writer, NOW)
    assert drawn.waiting(feed.poll()) == ""


def test_risks_share_a_chart_and_so_do_penalties_while_their_weight_has_its_own(live):
    feed, writer = live
    say_steps(writer, NOW, 100)
    snapshot = feed.poll()
    lines = Lines().update(snapshot)
    plots = {plot.title: [curve.name for curve in plot.curves] for plot in by_quantity(lines, list(lines), "step")}
    assert plots == {
        "train: loss": [""],
        "train: risk": ["minority", "balance"],
        "train: penalty": ["minority", "balance", "worst"],
        "train: penalty weight": [""],
    }


def test_the_curves_in_view_are_loss_risks_and_the_largest_penalty_however_many_environments(live):
    feed, writer = live
    say_steps(writer, NOW, 100, names=[f"e{i}" for i in range(12)])
    stage, curves = current_series(feed.poll())
    assert stage == "train"
    assert list(curves) == ["loss", "risk e0", "risk e1", "risk e2", "penalty worst"]


@pytest.mark.parametrize("count", [3, 9])
def test_more_environments_than_fit_are_told_of_and_columns_stay_in_line(count):
    names = [f"environment {i}" for i in range(count)]
    made = replace(MADE, names=names, table=[[500, 600]] * count, group_table=[[100, 400, 200, 400]] * count)
    lines = plain(drawn.environments(made, 64, SHELL))
    assert all(any(line.startswith(f"{mark} envi") for line in lines) for mark in "●■▲")
    shares = next(line for line in lines if "against label" in line).rstrip()
    head = next(line for line in lines if line.startswith("by group")).rstrip()
    assert len(shares) == len(head)
    assert ("more for a wider terminal" in "\n".join(lines)) == (count == 9)
