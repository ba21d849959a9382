"""The board: rows of all runs, live for those at work, the same objects while nothing changed."""

import pytest

from core.events import Progress, RunStarted, Scalars, StageFinished, StageStarted
from core.feed import board as module
from core.feed.board import Board, Rows
from core.feed.progress import TAIL, ProgressReader
from core.runs.alive import here
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.query import parse
from core.runs.stream import EventWriter
from prusc_tui.screens.runs.filter import ordered, pick
from tests.tui.lab import NOW, finished_run, put, record_of, running_run


class Clock:
    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def test_a_home_without_runs_has_no_rows(tmp_path):
    rows = Board(Home.open(tmp_path / "nowhere", create=False)).look()
    assert len(rows) == 0
    assert rows.running == 0


def test_runs_are_shown_newest_first_with_what_the_index_says(home):
    old = finished_run(home, "old", created=NOW - 100)
    new = finished_run(home, "new", created=NOW - 50)
    rows = Board(home, Clock()).look()
    assert [row.id for row in rows.all] == [new.id, old.id]
    assert rows.by_id[old.id].summary == RunLog(home).get(old.id)


def test_the_same_object_comes_back_while_nothing_changed(home):
    finished_run(home)
    folder, writer = running_run(home)
    writer.write(Progress("prune", 10, 200), NOW - 1)
    board = Board(home, Clock())
    first = board.look()
    assert board.look() is first
    writer.write(Progress("prune", 20, 200), NOW)
    later = board.look()
    assert later is not first
    assert later.by_id[folder.id].progress == 0.1


def test_what_did_not_change_stays_the_very_same_row(home):
    still = finished_run(home, "still")
    board = Board(home, Clock())
    before = board.look()
    finished_run(home, "another")
    after = board.look()
    assert len(after) == 2
    assert after.by_id[still.id] is before.by_id[still.id]


def test_a_run_at_work_says_its_stage_share_time_left_and_work_so_far(home):
    folder, writer = running_run(home, seconds=0.0)
    for step in range(0, 51, 10):
        writer.write(Progress("prune", step, 200, 20 - step / 10), NOW - 10 + step / 10)
    row = Board(home, Clock(NOW)).look().by_id[folder.id]
    assert (row.status, row.stage, row.progress) == ("running", "prune", 0.25)
    # 15 s after the step that was done 5 s ago
    assert row.left == 10
    assert row.summary["seconds"] == 30


def test_work_of_earlier_sittings_is_counted_once(home):
    folder, _ = running_run(home, seconds=100.0, working_since=NOW - 7)
    assert Board(home, Clock(NOW)).look().by_id[folder.id].summary["seconds"] == 107


def test_a_run_whose_folder_is_not_followed_shows_whole_seconds_too(home, monkeypatch):
    monkeypatch.setattr(module, "MOST_FOLLOWED", 0)
    folder, _ = running_run(home, seconds=0.0)
    board = Board(home, clock := Clock(NOW + 0.4))
    first = board.look()
    assert first.by_id[folder.id].summary["seconds"] == 30
    clock.now += 0.3
    assert board.look() is first
    clock.now += 0.5
    assert board.look().by_id[folder.id].summary["seconds"] == 31


def test_only_clocks_and_bars_leave_the_edition_as_it_is(home):
    folder, writer = running_run(home)
    writer.write(Progress("prune", 10, 200), NOW)
    board = Board(home, clock := Clock())
    first = board.look()
    clock.now += 3
    writer.write(Progress("prune", 50, 200), NOW + 3)
    second = board.look()
    assert second is not first
    assert second.edition == first.edition
    RunLog(home).put(folder.update(tags=("paper",)))
    assert board.look().edition > second.edition


def test_a_run_whose_process_is_gone_is_lost_and_one_that_ended_is_what_its_folder_says(home):
    gone = put(home, record_of("gone", "running", **{**here(), "pid": 4_000_000, "started": NOW}))
    folder, _ = running_run(home)
    board = Board(home, Clock())
    assert {row.id: row.status for row in board.look().all} == {gone.id: "lost", folder.id: "running"}
    folder.update(status="finished", seconds=31.0)  # the index has not been told
    row = board.look().by_id[folder.id]
    assert (row.status, row.progress, row.summary["seconds"]) == ("finished", None, 31.0)


def test_a_run_that_was_asked_to_stop_says_so_until_it_has(home):
    folder, _ = running_run(home)
    board = Board(home, Clock())
    assert not board.look().by_id[folder.id].stopping
    folder.request_stop()
    assert board.look().by_id[folder.id].stopping
    folder.clear_stop()
    RunLog(home).put(folder.update(status="stopped"))
    row = board.look().by_id[folder.id]
    assert (row.status, row.stopping) == ("stopped", False)


def test_a_deleted_run_goes(home):
    folder = finished_run(home)
    board = Board(home, Clock())
    board.look()
    folder.delete()
    RunLog(home).remove(folder.id)
    assert len(board.look()) == 0


def test_a_stream_of_any_length_is_read_from_its_end(home, tmp_path):
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as writer:
        writer.write(RunStarted(1, "here", "cpu", False), 1.0)
        writer.write(StageStarted("erm", 100_000), 2.0)
        for step in range(1, 4000):
            writer.write(Scalars("erm", step, step / 10, {"loss": 0.5}), 2.0 + step)
            writer.write(Progress("erm", step, 100_000, 100_000.0 - step), 2.0 + step)
    assert path.stat().st_size > 3 * TAIL
    reader = ProgressReader(path)
    progress = reader.look()
    assert (progress.stage, progress.step, progress.total) == ("erm", 3999, 100_000)
    assert progress.left == pytest.approx(100_000 - 3999)
    assert reader.look() is progress


def test_half_a_line_is_left_alone_until_it_is_whole(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as writer:
        writer.write(StageStarted("erm", 10), 1.0)
        writer.write(Progress("erm", 1, 10), 2.0)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    reader = ProgressReader(path)
    assert reader.look().step == 0
    path.write_bytes(whole)
    assert reader.look().step == 1


def test_a_stage_that_begins_anew_forgets_the_time_left_of_the_last(tmp_path):
    with EventWriter(tmp_path / "e") as writer:
        for t, event in enumerate(
            (StageStarted("a", 10), Progress("a", 1, 10), Progress("a", 2, 10, 8.0), StageFinished("a", 2.0))
        ):
            writer.write(event, float(t))
        writer.write(StageStarted("b", 1000, 500), 5.0)
        reader = ProgressReader(tmp_path / "e")
        assert reader.look().left is None
        writer.write(Progress("b", 700, 1000, 3.0), 7.0)
    progress = reader.look()
    assert (progress.stage, progress.progress, progress.left) == ("b", 0.7, pytest.approx(3.0))


def test_runs_are_picked_and_sorted_best_first_and_turned_round(home):
    for name, seed in (("a", 2), ("b", 0), ("c", 1)):
        finished_run(home, name, seed=seed, created=NOW - seed)
    put(home, record_of("d", "stopped", created=NOW - 9))
    put(home, record_of("e", "failed", created=NOW - 8))
    rows = Board(home, Clock()).look()

    def names(text="", field="-created", turned=False):
        return "".join(row.summary["name"] for row in pick(rows, parse(text), ordered(rows, field, turned)))

    assert names() == "bcaed"
    assert names(turned=True) == "deacb"
    assert names("status=finished", "seed") == "bca"
    assert names("not status=finished", "name") == "de"
    # What asks for attention comes first; equals stay newest first.
    assert names(field="status") == "debca"
    # Runs without a score come last both ways.
    assert names(field="-wga")[3:] == names(field="-wga", turned=True)[3:] == "ed"
    assert pick(Rows(), parse("x"), ordered(Rows(), "name", False)) == []
