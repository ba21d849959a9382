"""Do no harm: what is said first of a network that is not to be used, and the worst cell beside the worst group."""

from dataclasses import replace

import pytest

from core.engine.artifacts import Sealed
from core.events import Evaluated, PseudoGroupsFound, RunFinished, RunStarted, StageFinished, StageStarted, Warned
from core.feed.board import Row
from core.feed.feed import RunFeed
from core.groups import Group
from core.results.compare import families
from core.runs.record import StageRecord
from core.runs.stream import EventWriter
from prusc_tui.palette import SHELL
from prusc_tui.report.frame import frame
from prusc_tui.report.report import report
from prusc_tui.report.results import headline, worst_cell_of
from prusc_tui.screens.runs.columns import BY_KEY, cells
from prusc_tui.screens.runs.side import side
from prusc_tui.tables.comparison import grids_of_families
from prusc_tui.views.overview import VIEW
from prusc_tui.words import worst_mark
from tests.tui.lab import AFTER, BEFORE, NOW, evaluation, joined, pieces, plain, put, record_of, text, until
from tests.tui.stage import Alone

HARM = "Keep the network of ERM: this one is worse."
CELLS = (Group("0–4", {"pseudo-group": "a"}, 40, 34), Group("5–9", {"pseudo-group": "a"}, 9, 0))


def on_validation(cells=CELLS):
    return replace(evaluation((97, 90, 91, 96), "validation", 1200), cells=cells)


def harmful(home, *, at="finetune", cells=CELLS):
    """A run whose stage `at` is worse than ERM, with a lesser warning before it."""
    folder = put(home, record_of(reason=""))
    with EventWriter(folder.events) as writer:
        writer.write(RunStarted(1, "here", "cpu", False), NOW)
        for stage, of in (("erm", BEFORE), ("prune", BEFORE), ("finetune", AFTER)):
            writer.write(StageStarted(stage, 10), NOW)
            writer.write(Warned("balance", "few-samples", "class 5–9 has only 180 different samples"), NOW)
            if stage == at:
                writer.write(Warned(stage, "worse-than-erm", HARM), NOW)
            writer.write(Evaluated(stage, 10, "validation", on_validation(cells), True), NOW)
            writer.write(Evaluated(stage, 10, "test", evaluation(of), True), NOW)
            writer.write(StageFinished(stage, 1.0), NOW)
        writer.write(RunFinished("finished"), NOW)
    return folder


@pytest.fixture
def snapshot(home):
    return RunFeed(harmful(home)).poll()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_stands_directly_below_the_head_in_the_bad_colour_and_once(snapshot, width):
    for lines in (frame(snapshot, NOW, width), report(snapshot, NOW, width), side(snapshot, 60, SHELL)):
        first = next(i for i, line in enumerate(plain(lines)) if HARM.split(":")[0] in line)
        heads = [line for line in plain(lines)[:first] if line.strip()]
        assert "demo" in heads[0]
        assert not any("Accuracy" in line or "✓ erm" in line for line in heads)
        assert f"bold {SHELL.bad}" in [style for _, style in pieces(lines[first])]
        assert " ".join(joined(lines).split()).count(HARM) == 1
        assert "class 5–9 has only" in joined(lines)


def test_of_an_earlier_stage_it_is_a_warning_like_others(home):
    snapshot = RunFeed(harmful(home, at="prune")).poll()
    assert headline(snapshot) == ()
    lines = plain(report(snapshot, NOW, 120))
    assert any(line.startswith(f"! {HARM}") for line in lines)


async def test_the_overview_says_it_above_everything_else(home):
    folder = harmful(home)
    async with Alone(lambda: VIEW.open(None, lambda: NOW)).run_test(size=(80, 24)) as pilot:
        pilot.app.panel.show(RunFeed(folder).poll())
        await until(pilot, lambda: "worst group" in text(pilot.app))
        shown = text(pilot.app)
        assert shown.index("Keep the network of ERM") < shown.index("✓ erm") < shown.index("Accuracy by group")
        assert shown.count("Keep the network of ERM") == 1


def test_the_worst_cell_stands_beside_the_worst_group_of_the_same_split(snapshot):
    assert worst_cell_of(snapshot)[0] == "finetune"
    told = "worst cell 85.0 after finetune (validation, no group labels used; worst group there 90.0)"
    assert told in [line.rstrip() for line in plain(report(snapshot, NOW, 120))]
    assert "worst cell 85.0" in joined(frame(snapshot, NOW, 80))


def test_without_cells_of_enough_samples_there_is_no_such_line(home):
    snapshot = RunFeed(harmful(home, cells=CELLS[1:])).poll()
    assert "worst cell" not in joined(report(snapshot, NOW, 120)) + joined(frame(snapshot, NOW, 80))


def test_lists_and_comparisons_mark_the_run(home):
    stages = record_of().stages
    bad = record_of("bad", seed=1, stages=(*stages[:-1], replace(stages[-1], harm=("worse-than-erm",))))
    good = record_of("good", seed=2, stages=(*stages[:-2], replace(stages[-2], harm=("one-class",)), stages[-1]))
    assert (bad.summary()["harm"], good.summary()["harm"]) == (["worse-than-erm"], [])
    assert (worst_mark(bad.summary()), worst_mark(good.summary())) == ("!", "")
    cell = cells(Row(bad.summary()), BY_KEY["worst"], 7, NOW, SHELL)[0]
    assert cell == ("  93.6!", f"bold {SHELL.bad}")
    without = {key: value for key, value in good.summary().items() if key != "harm"}  # of an earlier version
    assert cells(Row(without), BY_KEY["worst"], 7, NOW, SHELL)[0].text == "  93.6 "
    notes = [note for one in grids_of_families(families([bad, good]), "test") for note in one.grid.notes]
    assert sum("bad: ! do not use this network" in note for note in notes) == 1
    assert not any("good: !" in note for note in notes)


def test_the_record_keeps_serious_warnings_alone():
    events = (Warned("prune", "one-class", "broken"), Warned("prune", "nothing-pruned", "Keep ratio is 100 %."))
    assert Sealed("key", 1.0, events).record["harm"] == ("one-class",)
    assert StageRecord.from_json({"name": "prune"}).harm == ()


def test_pseudo_groups_of_an_earlier_version_have_numbers_and_their_own_stage():
    old = PseudoGroupsFound("cluster", ["a"], [[1], [2]])
    assert (old.titles, old.finders) == (["cluster 0", "cluster 1"], ["cluster"])
    tried = [{"stage": "errors", "source": "mistakes"}, {"stage": "biased", "source": "biased networks"}]
    new = PseudoGroupsFound("find", ["a"], [[1]], source="biased networks", names=["water"], tried=tried)
    assert (new.titles, new.finders) == (["water"], ["biased", "errors"])
