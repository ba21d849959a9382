"""Environments, restarts and curves of a training over environments, as rows of text."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from core.events import EnvironmentsMade, Restarts, Scalars, StageStarted
from core.runs.alive import here
from core.runs.feed import RunFeed
from core.runs.home import Home
from core.runs.stream import EventWriter
from prusc_tui.cli.lines import line_of
from prusc_tui.cli.report import environments_lines, print_report, restarts_tables, validation_line
from prusc_tui.draw import environments as drawn
from prusc_tui.draw import restarts as spreads
from prusc_tui.draw.overview import frame, knowledge
from prusc_tui.draw.results import results
from prusc_tui.draw.risks import course, course_of, jump_of
from prusc_tui.draw.spark import current_series
from prusc_tui.palette import SHELL
from prusc_tui.words import attributes_sentence, is_oracle, span, spread
from tests.tui.lab import (
    LABELS,
    MADE,
    NAMES,
    NOW,
    evaluation,
    irm_record,
    irm_run,
    members,
    put,
    say_ends,
    say_environments,
    say_look,
    say_steps,
)

WIDTHS = (44, 78, 118)


def plain(lines):
    return [line.plain for line in lines]


def text(lines):
    return "\n".join(plain(lines))


def pieces(line):
    """What a line of text is made of, with the style of each piece."""
    return [(line.plain[s.start : s.end], str(s.style)) for s in line.spans]


@pytest.fixture
def home(tmp_path):
    return Home.open(tmp_path)


@pytest.fixture
def live(home):
    """A run in the middle, its feed and its writer."""
    folder = put(home, irm_record(status="running", **here()))
    with EventWriter(folder.events) as writer:
        yield RunFeed(folder, lambda: NOW), writer


def without_attributes(**fields):
    return replace(MADE, groups=[], group_table=[], conflicts={"found": 1520}, **fields)


# Who went where


@pytest.mark.parametrize("width", WIDTHS)
def test_every_line_is_as_wide_as_asked_and_says_names_sizes_and_shares(width):
    lines = [*drawn.environments(MADE, width, SHELL), *drawn.conflicts(MADE, width, SHELL)]
    assert {line.cell_len for line in lines} == {width}
    said = text(lines)
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
    assert "1,520 images are in both." in text(drawn.environments(MADE, 78, SHELL))
    apart = replace(MADE, used=4560)
    assert "in both" not in text(drawn.environments(apart, 78, SHELL))
    tables = {"table": [*MADE.table, [1, 1]], "group_table": [*MADE.group_table, [1, 0, 1, 0]]}
    three = replace(MADE, names=["a", "b", "c"], **tables)
    assert "add up to 4,562" in text(drawn.environments(three, 78, SHELL))


def test_without_attributes_labels_are_told_and_the_conflicts_are_counted_alone():
    made = without_attributes()
    lines = plain(drawn.environments(made, 78, SHELL))
    assert any(line.startswith("by label") for line in lines)
    assert any("0–4" in line and "48.7 %" in line for line in lines)
    assert "≠" not in "\n".join(lines)
    said = text(drawn.conflicts(made, 78, SHELL))
    assert "1,520" in said
    assert "precision" not in said


def test_with_two_attributes_none_is_taken_for_the_shortcut():
    titles = [
        f"{label} · {colour} · {patch}" for label in LABELS for colour in ("red", "green") for patch in ("no", "yes")
    ]
    made = replace(MADE, groups=titles, group_table=[[190] * 8, [380] * 8])
    said = text(drawn.environments(made, 78, SHELL))
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
    assert "conflict" not in text(drawn.in_brief(given, 78, SHELL))


def test_no_true_conflict_leaves_recall_open():
    made = replace(MADE, conflicts={"found": 0, "true": 0, "hits": 0})
    assert all("–" in line for line in plain(drawn.conflicts(made, 78, SHELL))[1:])


def test_names_from_a_file_cannot_move_the_cursor():
    made = replace(MADE, names=["\x1b[31mred", "[bold]b"], source="\x07bell", groups=[g + "\x1b" for g in MADE.groups])
    said = text([*drawn.environments(made, 100, SHELL), *drawn.in_brief(made, 100, SHELL)])
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold]b" in said


def test_labels_and_environments_have_colours_of_their_own():
    lines = drawn.environments(MADE, 78, SHELL)
    names = {style for line in lines for piece, style in pieces(line) if piece.strip() in ("●", "■")}
    parts = {style.split(" on ")[0] for line in lines for piece, style in pieces(line) if set(piece) & set("█▓▒░")}
    assert len(names) == len(parts) == 2
    assert not names & parts


# Restarts


def test_mean_deviation_and_range_are_those_of_the_restarts():
    lines = plain(spreads.restarts(((members("test", 9, (58.1, 62.2, 66.0), (70, 71, 72)),),), 100, SHELL))
    worst = next(line for line in lines if "worst group" in line)
    # mean 62.1, deviations −4.0, 0.1, 3.9: √((16 + 0.01 + 15.21) / 2) = 3.95.
    assert "62.1 ± 4.0" in worst
    assert "58.1–66.0" in worst
    assert "71.0 ± 1.0" in next(line for line in lines if "average" in line)


def test_every_restart_is_a_tick_at_its_place():
    line = spreads.strip((0.0, 0.5, 0.98), None, 50, "", SHELL).plain
    assert (line[0], line[25], line[49]) == ("├", "┼", "┤")
    assert set(line[1:25]) == {"─"}
    chosen = spreads.strip((0.1, 0.5, 0.9), 1, 50, "", SHELL).plain
    assert chosen[25] == "●"
    assert spreads.strip((0.3,), None, 50, "", SHELL).plain[15] == "│"
    assert spreads.strip((1.0,), None, 50, "", SHELL).plain[49] == "│"
    assert set(spreads.strip((float("nan"),), None, 50, "", SHELL).plain) <= {" ", "┊"}


@pytest.mark.parametrize("width", WIDTHS)
def test_restarts_keep_to_the_width_and_say_worst_group_and_average(width):
    found = ((members("validation", 120, (40, 44, 47), (68, 69, 70)),),)
    for lines in (spreads.restarts(found, width, SHELL), spreads.in_brief(found, width, SHELL)):
        assert {line.cell_len for line in lines} == {width}
        said = text(lines)
        assert "43.7 ± 3.5" in said
        assert "69.0 ± 1.0" in said
        assert "3 restarts" in said


def test_of_one_restart_there_is_a_mean_and_no_deviation():
    said = text(spreads.restarts(((members("test", 9, (60,), (70,)),),), 100, SHELL))
    assert "one restart" in said
    assert "60.0" in said
    assert " ± " not in said.replace("mean ± sd", "")


def test_penalty_weights_have_rows_of_their_own_in_their_order():
    found = ((members("test", 9, (58, 62, 66), (70, 71, 72), weights=(9100.0, 100.0, 91257.0), final=True, chosen=4),),)
    rows = [line.split() for line in plain(spreads.restarts(found, 118, SHELL)) if "worst group" in line]
    assert [row[1] if row[0] == "test" else row[0] for row in rows] == ["9,100", "100", "91,257"]
    assert ["●" in " ".join(row) for row in rows] == [False, True, False]
    brief = plain(spreads.in_brief(found, 60, SHELL))
    assert [line.split()[1] for line in brief if line.startswith("weight")] == ["9,100", "100", "91,257"]


def test_restarts_grow_with_the_looks_and_end_with_train_validation_test(live):
    feed, writer = live
    assert spreads.restarts_of(feed.poll()) == ()
    say_steps(writer, NOW, 60)
    say_look(writer, NOW, 60)
    (looks,) = spreads.restarts_of(feed.poll())
    assert (looks[-1].split, looks[-1].step, looks[-1].final) == ("validation", 60, False)
    say_look(writer, NOW, 120, worst=(50, 52, 54))
    now = feed.poll()
    assert "validation at step 120" in text(spreads.in_brief(spreads.restarts_of(now), 60, SHELL))
    assert "52.0 ± 2.0" in text(spreads.restarts(spreads.restarts_of(now), 78, SHELL))
    say_ends(writer, NOW + 1)
    found = spreads.restarts_of(feed.poll())
    assert [looks[-1].split for looks in found] == ["train", "validation", "test"]
    assert all(looks[-1].final for looks in found)
    brief = text(spreads.in_brief(found, 60, SHELL))
    assert "test" in brief
    assert "62.1 ± 4.0" in brief


def test_the_course_rises_with_the_looks_and_leaves_the_last_word_out(live):
    feed, writer = live
    for step, worst in ((60, 20), (120, 40), (180, 60)):
        say_look(writer, NOW, step, worst=(worst, worst + 1, worst + 2))
    writer.write(members("validation", 60, (20, 21, 22), (68, 69, 70), final=True, chosen=0), NOW)
    line = next(
        line for line in plain(spreads.restarts(spreads.restarts_of(feed.poll()), 140, SHELL)) if "worst" in line
    )
    assert line.rstrip().endswith("▁▄█") or line.rstrip().endswith("▁▅█")


def test_where_the_stream_says_nothing_the_record_does(home):
    folder = put(home, irm_record())
    found = spreads.restarts_of(RunFeed(folder).poll())
    assert [looks[-1].split for looks in found] == ["train", "validation", "test"]
    assert "62.1 ± 4.0" in text(spreads.in_brief(found, 60, SHELL))


def test_the_groups_of_a_stage_with_restarts_are_said_to_be_those_of_one(home):
    snapshot = RunFeed(irm_run(home)).poll()
    by_stage = {result.stage: result.source for result in results(snapshot)}
    assert by_stage["train"] == "test, 1 of 3 restarts, n 9,600"
    assert "restarts" not in by_stage["erm"]


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
    assert "┊" not in text(course(found, NAMES, 78, 20, SHELL))


def test_one_environment_has_a_risk_and_no_penalty(live):
    feed, writer = live
    writer.write(StageStarted("train", 100), NOW)
    for step in (10, 20, 30):
        writer.write(Scalars("train", step, step / 10, {"loss": 0.5, "risk all": 0.6 - step / 100}), NOW)
    said = text(course(course_of(feed.poll()), ["all"], 78, 20, SHELL))
    assert "● all 0.3" in said
    assert "penalty" not in said.partition("\n")[2]


def test_a_run_without_risks_has_no_course(live):
    feed, writer = live
    writer.write(Scalars("erm", 10, 0.1, {"loss": 0.5}), NOW)
    assert course_of(feed.poll()) is None


def test_an_environment_keeps_its_mark_whatever_comes_first(live):
    feed, writer = live
    writer.write(Scalars("train", 10, 1.0, {"risk balance": 0.5, "risk minority": 0.4}), NOW)
    said = text(course(course_of(feed.poll()), NAMES, 78, 20, SHELL))
    assert "■ balance" in said
    assert "● minority" in said


# The overview, lines, report, words


def test_the_curves_in_view_are_loss_risks_and_the_largest_penalty_however_many_environments(live):
    feed, writer = live
    say_steps(writer, NOW, 100, names=[f"e{i}" for i in range(12)])
    stage, curves = current_series(feed.poll())
    assert stage == "train"
    assert list(curves) == ["loss", "risk e0", "risk e1", "risk e2", "penalty worst"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_the_overview_has_restarts_and_where_there_is_room_environments(home, width, height):
    lines = plain(frame(RunFeed(irm_run(home)).poll(), NOW, width, height))
    said = "\n".join(lines)
    assert len(lines) <= height
    assert "62.1 ± 4.0" in said
    assert ("precision" in said) == (height >= 40)


def test_the_overview_without_a_height_has_it_all(home):
    said = text(frame(RunFeed(irm_run(home)).poll(), NOW, 80))
    for words in ("minority 1,520 · balance 3,040", "recall 66.4 %", "3 restarts, test, n 10,000", "penalty worst"):
        assert words in said


@pytest.mark.parametrize("used", ["train", "environments", "shortcut"])
def test_every_oracle_says_so_in_the_colour_of_alarms(used):
    assert is_oracle(used)
    assert "oracle" in attributes_sentence(used, "last")
    (line, *_) = knowledge(irm_record(attributes_used=used), 200, SHELL)
    assert {style for _, style in pieces(line)} == {SHELL.warn}


@pytest.mark.parametrize("used", ["none", "validation"])
def test_what_uses_no_more_than_validation_is_no_oracle(used):
    assert not is_oracle(used)
    (line, *_) = knowledge(irm_record(attributes_used=used), 200, SHELL)
    assert {style for _, style in pieces(line)} == {SHELL.muted}


def test_shares_as_words():
    assert spread((0.5, 0.7)) == "60.0 ± 14.1"
    assert spread((0.5,)) == "50.0"
    assert span((0.7, 0.5, float("nan"))) == "50.0–70.0"
    assert spread(()) == span(()) == "–"


def test_environments_and_restarts_as_plain_lines():
    assert line_of(MADE) == (
        "environments: minority 1,520, balance 3,040 (clusters, rule minority-balance); 3,040 of 30,000 training "
        "images used; conflict samples: 1,520 found, precision 98.4 %, recall 66.4 % (looked at only)"
    )
    assert line_of(members("validation", 60, (58.1, 62.2, 66.0), (70, 71, 72))) == (
        "train: validation at step 60, 3 restarts: worst group 62.1 ± 4.0 % (58.1–66.0), "
        "average 71.0 ± 1.0 % (n = 10,000)"
    )
    assert line_of(members("test", 60, (60,), (70,), weights=(1.0, 9100.0), final=True)) == (
        "train: test, 1 restart: weight 1: worst group 60.0 %, average 70.0 %; "
        "weight 9,100: worst group 59.0 %, average 69.0 % (n = 10,000)"
    )


def reported(record, made=None):
    console = Console(file=io.StringIO(), width=120)
    print_report(console, record, (), made)
    return console.file.getvalue()


def test_the_report_has_restarts_environments_and_what_validation_looked_like():
    said = reported(irm_record(), MADE)
    rows = [line.split() for line in said.splitlines()]
    for split in ("train", "validation", "test"):
        assert [split, "62.1", "±", "4.0", "71.2", "±", "1.0", "3", "10,000"] in rows
    for words in ("one seed, 3 restarts", "minority 98.4 %, balance 49.7 %", "precision 98.4 %", "4 groups of 1,200"):
        assert words in said


def test_a_report_without_restarts_speaks_of_one_seed_alone():
    stages = tuple(replace(stage, restarts={}) for stage in irm_record().stages)
    said = reported(irm_record(stages=stages))
    assert "one seed\n" in said
    assert "restarts" not in said
    assert restarts_tables(irm_record(stages=stages)) == []
    assert environments_lines(None) == []


def test_a_validation_split_with_conflicts_of_its_own_is_told_group_by_group():
    told = evaluation((70, 60, 60, 70), "validation").to_json()
    for group, n in zip(told["groups"], (4250, 750, 750, 4250), strict=True):
        group.update(n=n, correct=n // 2)
    train = replace(irm_record().stage("train"), evaluations={"validation": told})
    record = irm_record(stages=(train,))
    assert validation_line(record) == (
        "validation: 10,000 images: 0–4 · red 42.5 %, 0–4 · green 7.5 %, 5–9 · red 7.5 %, 5–9 · green 42.5 %"
    )
    assert validation_line(irm_record(stages=())) is None


def test_a_sentence_says_why_there_are_no_environments(live):
    feed, writer = live
    assert "the run is running" in drawn.waiting(feed.poll())
    writer.write(StageStarted("erm", 10), NOW)
    assert "the run is at 'erm'" in drawn.waiting(feed.poll())
    writer.write(StageStarted("environments", 1), NOW)
    assert drawn.waiting(feed.poll()) == "The environments are being made …"
    say_environments(writer, NOW)
    assert drawn.waiting(feed.poll()) == ""


def test_events_of_restarts_of_another_stage_do_not_mix(live):
    feed, writer = live
    writer.write(Restarts("cluster", 1, "validation", 10, [0.0], [0], [0.5], [0.4]), NOW)
    say_look(writer, NOW, 60)
    found = spreads.restarts_of(feed.poll())
    assert [looks[-1].stage for looks in found] == ["train"]
