"""Restarts of a training, and how overview, lines and report tell of them and of the environments."""

from dataclasses import replace

import pytest

from core.events import Restarts
from core.feed.feed import RunFeed
from core.words import span, spread, weight
from prusc_tui.lines import line_of
from prusc_tui.palette import SHELL
from prusc_tui.report import restarts as spreads
from prusc_tui.report.frame import frame, supervision_lines
from prusc_tui.report.report import report, validation_line
from prusc_tui.report.results import results
from prusc_tui.words import attributes_sentence, is_oracle, unit_of
from tests.tui.lab import (
    MADE,
    NOW,
    evaluation,
    irm_record,
    irm_run,
    joined,
    members,
    of_classes,
    pieces,
    plain,
    put,
    say_ends,
    say_look,
    say_steps,
)

WIDTHS = (44, 78, 118)


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
        said = joined(lines)
        assert "43.7 ± 3.5" in said
        assert "69.0 ± 1.0" in said
        assert "3 restarts" in said


def test_of_one_restart_there_is_a_mean_and_no_deviation():
    said = joined(spreads.restarts(((members("test", 9, (60,), (70,)),),), 100, SHELL))
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
    assert "validation at step 120" in joined(spreads.in_brief(spreads.restarts_of(now), 60, SHELL))
    assert "52.0 ± 2.0" in joined(spreads.restarts(spreads.restarts_of(now), 78, SHELL))
    say_ends(writer, NOW + 1)
    found = spreads.restarts_of(feed.poll())
    assert [looks[-1].split for looks in found] == ["train", "validation", "test"]
    assert all(looks[-1].final for looks in found)
    brief = joined(spreads.in_brief(found, 60, SHELL))
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
    assert line.rstrip().endswith(" ▁▄█")


def test_where_the_stream_says_nothing_the_record_does(home):
    folder = put(home, irm_record())
    found = spreads.restarts_of(RunFeed(folder).poll())
    assert [looks[-1].split for looks in found] == ["train", "validation", "test"]
    assert "62.1 ± 4.0" in joined(spreads.in_brief(found, 60, SHELL))


def test_the_groups_of_a_stage_with_restarts_are_said_to_be_those_of_one(home):
    snapshot = RunFeed(irm_run(home)).poll()
    by_stage = {result.stage: result.source for result in results(snapshot)}
    assert by_stage["train"] == "test, 1 of 3 restarts, n 9,600"
    assert "restarts" not in by_stage["erm"]


def test_without_attributes_it_is_the_class_that_does_worst(home):
    for weights in ((9100.0,), (1.0, 9100.0)):
        snapshot = RunFeed(irm_run(home, f"weights-{len(weights)}", weights=weights)).poll()
        assert (unit_of(snapshot), unit_of(of_classes(snapshot))) == ("group", "class")
        found = spreads.restarts_of(snapshot)
        for draw in (spreads.restarts, spreads.in_brief):
            assert "worst group" in joined(draw(found, 78, SHELL, "group"))
            said = joined(draw(found, 78, SHELL, "class"))
            assert "worst class" in said
            assert "group" not in said
        said = joined(frame(of_classes(snapshot), NOW, 80))
        assert "worst class" in said
        assert "worst group" not in said


# The overview, lines, report, words


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_the_overview_has_restarts_and_where_there_is_room_environments(home, width, height):
    lines = plain(frame(RunFeed(irm_run(home)).poll(), NOW, width, height))
    said = "\n".join(lines)
    assert len(lines) <= height
    assert "62.1 ± 4.0" in said
    assert ("precision" in said) == (height >= 40)


def test_the_overview_without_a_height_has_it_all(home):
    said = joined(frame(RunFeed(irm_run(home)).poll(), NOW, 80))
    for words in (
        "1,520 in minority · 3,040 in balance",
        "recall 66.4 %",
        "3 restarts, test, n 10,000",
        "penalty worst",
    ):
        assert words in said


@pytest.mark.parametrize("used", ["train", "environments", "shortcut"])
def test_every_oracle_says_so_in_the_colour_of_alarms(used):
    assert is_oracle(used)
    assert "oracle" in attributes_sentence(used, "last")
    (line, *_) = supervision_lines(irm_record(attributes_used=used), 200, SHELL)
    assert {style for _, style in pieces(line)} == {SHELL.warn}


@pytest.mark.parametrize("used", ["none", "validation"])
def test_what_uses_no_more_than_validation_is_no_oracle(used):
    assert not is_oracle(used)
    (line, *_) = supervision_lines(irm_record(attributes_used=used), 200, SHELL)
    assert {style for _, style in pieces(line)} == {SHELL.muted}


def test_shares_as_words():
    assert spread((0.5, 0.7)) == "60.0 ± 14.1"
    assert spread((0.5,)) == "50.0"
    assert span((0.7, 0.5, float("nan"))) == "50.0–70.0"
    assert spread(()) == span(()) == "–"
    assert [weight(value) for value in (1.0, 0.5, 9100.0, 91257.34, 2.5e7)] == [
        "1",
        "0.5",
        "9,100",
        "91,257",
        "2.5e+07",
    ]


def test_environments_and_restarts_as_plain_lines():
    assert line_of(MADE) == (
        "environments: 1,520 in minority, 3,040 in balance (clusters, rule minority-balance); 3,040 of 30,000 training "
        "images used; conflict samples: 1,520 found, precision 98.4 %, recall 66.4 % (for information only)"
    )
    assert line_of(members("validation", 60, (58.1, 62.2, 66.0), (70, 71, 72))) == (
        "train: validation at step 60, 3 restarts: worst group 62.1 ± 4.0 % (58.1–66.0), "
        "average 71.0 ± 1.0 % (n = 10,000)"
    )
    assert line_of(members("test", 60, (60,), (70,), weights=(1.0, 9100.0), final=True)) == (
        "train: test, 1 restart: weight 1: worst group 60.0 %, average 70.0 %; "
        "weight 9,100: worst group 59.0 %, average 69.0 % (n = 10,000)"
    )


def reported(folder, width=120):
    return joined(report(RunFeed(folder).poll(), NOW, width))


@pytest.mark.parametrize("width", [80, 120])
def test_the_report_has_restarts_environments_and_what_validation_looked_like(home, width):
    said = reported(irm_run(home), width)
    for words in (
        "66.1 ± 4.0",
        "64.1 ± 4.0",
        "62.1 ± 4.0",
        "n 10,000",
        "3 restarts",
        "1,520",
        "3,040 of 30,000 training images",
        "98.4 %",
        "49.7 %",
        "precision",
        "4 groups of 1,200",
    ):
        assert words in said


def test_the_report_of_a_run_without_a_stream_has_the_restarts_of_its_record(home):
    said = reported(put(home, irm_record()))
    assert "one seed, 3 restarts." in said
    assert said.count("62.1 ± 4.0") == 3


def test_a_report_without_restarts_speaks_of_one_seed_alone(home):
    stages = tuple(replace(stage, restarts={}) for stage in irm_record().stages)
    said = reported(put(home, irm_record(stages=stages)))
    assert "one seed." in said
    assert "restarts" not in said
    assert "Environments" not in said


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


def test_events_of_restarts_of_another_stage_do_not_mix(live):
    feed, writer = live
    writer.write(Restarts("cluster", 1, "validation", 10, [0.0], [0], [0.5], [0.4]), NOW)
    say_look(writer, NOW, 60)
    found = spreads.restarts_of(feed.poll())
    assert [looks[-1].stage for looks in found] == ["train"]
