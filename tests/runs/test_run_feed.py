import os
import time
from dataclasses import FrozenInstanceError, replace
from itertools import count

import pytest

from core.errors import InputError
from core.events import (
    Balanced,
    Choice,
    DoubtSettled,
    Evaluated,
    Event,
    Logged,
    Progress,
    PseudoGroupsFound,
    RunFinished,
    RunStarted,
    Scalars,
    Selected,
    Sparsity,
    StageFinished,
    StageReused,
    StageStarted,
    Warned,
)
from core.feed.feed import RunFeed
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.record import StageRecord
from core.runs.stream import EventWriter


class Stage:
    """A run on disk, its feed, and a clock that we set."""

    def __init__(self, home, record) -> None:
        self.folder = RunFolder.create(home, record)
        self.now = 0.0
        self.feed = RunFeed(self.folder, clock=lambda: self.now)

    def say(self, t: float, *events: Event) -> None:
        self.now = t
        with EventWriter(self.folder.events) as writer:
            for event in events:
                writer.write(event, t=t)


@pytest.fixture
def run(home, make, stages):
    return Stage(home, make(status="running", stages=stages, **here()))


def begin(resumed: bool = False) -> RunStarted:
    return RunStarted(pid=1, host="h", device="cpu", resumed=resumed)


def stage_of(snapshot, name: str):
    return next(stage for stage in snapshot.stages if stage.name == name)


def test_a_run_that_said_nothing_shows_its_record(run):
    snapshot = run.feed.poll()
    assert snapshot.status == "running"
    assert [(s.name, s.state, s.eta_seconds) for s in snapshot.stages] == [
        ("erm", "waiting", None),
        ("prune", "waiting", None),
        ("finetune", "waiting", None),
    ]
    assert (dict(snapshot.series), snapshot.log, snapshot.elapsed) == ({}, (), 0.0)


def test_the_same_snapshot_comes_back_while_nothing_changed(run):
    run.say(1.0, begin(), StageStarted("erm", 10))
    first = run.feed.poll()
    run.now = 500.0
    assert run.feed.poll() is first
    run.say(2.0, Progress("erm", 1, 10))
    second = run.feed.poll()
    assert second is not first
    assert run.feed.poll() is second
    run.folder.update(note="n")
    third = run.feed.poll()
    assert (second.record.note, third.record.note) == ("", "n")
    assert run.feed.poll() is third
    with run.folder.events.open("ab") as file:
        file.write(b'{"kind": "progress"')
    assert run.feed.poll() is third


def test_everything_said_is_in_the_snapshot(run, evaluation):
    said = {
        "sparsity": Sparsity("prune", 2, 0.5, {"conv1": 0.5}),
        "choice": Choice("cluster", [{"epoch": 1.0, "k": 2, "size": 8, "skew": 0.9}], 0, "why"),
        "clusters": PseudoGroupsFound("cluster", ["a", "b"], [[1, 2], [3, 4]]),
        "balanced": Balanced("balance", "min", 6, [[1, 1], [2, 2]]),
        "selected": Selected("erm", "last", 5, {"last": {"step": 5}}),
        "warned": Warned("balance", "small", "few samples"),
    }
    run.say(1.0, begin(), StageStarted("erm", 10))
    run.say(2.0, Scalars("erm", 1, 0.1, {"loss": 2.0, "lr": 0.1}), Progress("erm", 1, 10))
    run.say(3.0, Scalars("erm", 2, 0.2, {"loss": 1.0}), Evaluated("erm", 2, "test", evaluation(50)))
    run.say(4.0, *said.values(), Logged("hello\nworld"), Evaluated("erm", 5, "test", evaluation(60), True))
    snapshot = run.feed.poll()
    loss = snapshot.series["erm", "loss"]
    assert [list(c) for c in (loss.steps, loss.epochs, loss.times, loss.values)] == [[1, 2], [0.1, 0.2], [2, 3], [2, 1]]
    assert list(snapshot.series["erm", "lr"].values) == [0.1]
    assert snapshot.evaluations["erm", "test"] == ((2, evaluation(50), False), (5, evaluation(60), True))
    assert snapshot.sparsity == {"prune": said["sparsity"]}
    assert snapshot.mask_states == {"prune": (said["sparsity"],)}
    assert (snapshot.choice, snapshot.pseudo_groups, snapshot.balanced) == (
        said["choice"],
        said["clusters"],
        said["balanced"],
    )
    assert snapshot.selected == {"erm": said["selected"]}
    assert snapshot.warnings == (said["warned"],)
    assert snapshot.log == ("hello", "world")
    assert [stage.name for stage in snapshot.stages] == ["erm", "prune", "finetune", "cluster", "balance"]
    assert stage_of(snapshot, "prune").keep_ratio == 0.5


def test_a_snapshot_never_changes(run):
    run.say(1.0, begin(), StageStarted("erm", 10), Scalars("erm", 1, 0.1, {"loss": 2.0}))
    first = run.feed.poll()
    run.say(2.0, Scalars("erm", 2, 0.2, {"loss": 1.0, "lr": 0.1}), Logged("x"))
    second = run.feed.poll()
    assert (list(first.series), len(first.series["erm", "loss"]), first.log) == ([("erm", "loss")], 1, ())
    assert len(second.series["erm", "loss"]) == 2
    with pytest.raises(FrozenInstanceError):
        first.elapsed = 1.0
    with pytest.raises(TypeError):
        first.series["erm", "x"] = second.series["erm", "lr"]


def test_a_series_that_did_not_grow_is_the_same_object(run):
    run.say(1.0, Scalars("erm", 1, 0.1, {"loss": 2.0, "lr": 0.1}))
    first = run.feed.poll()
    run.say(2.0, Scalars("erm", 2, 0.2, {"loss": 1.0}))
    second = run.feed.poll()
    assert second.series["erm", "lr"] is first.series["erm", "lr"]
    assert second.series["erm", "loss"] is not first.series["erm", "loss"]


def test_stages_go_from_waiting_to_running_to_done_and_may_be_reused(run):
    run.say(1.0, begin(), StageReused("erm", "k3v9x2ab"), StageStarted("prune", 10))
    run.say(5.0, Progress("prune", 4, 10))
    assert [stage.state for stage in run.feed.poll().stages] == ["reused", "running", "waiting"]
    run.say(9.0, StageFinished("prune", 7.5, 0.4))
    prune = stage_of(run.feed.poll(), "prune")
    assert (prune.state, prune.seconds, prune.keep_ratio, prune.step, prune.started) == ("done", 7.5, 0.4, 10, 1.0)
    assert prune.eta_seconds is None


@pytest.mark.parametrize(
    ("status", "state"), [("stopped", "stopped"), ("failed", "failed"), ("queued", "stopped"), ("finished", "done")]
)
def test_a_stage_that_did_not_end_is_what_became_of_its_run(run, status, state):
    run.say(1.0, begin(), StageStarted("erm", 10))
    run.say(2.0, Progress("erm", 1, 10), Progress("erm", 2, 10))
    run.folder.update(status=status)
    snapshot = run.feed.poll()
    assert (snapshot.status, stage_of(snapshot, "erm").state, stage_of(snapshot, "erm").eta_seconds) == (
        status,
        state,
        None,
    )


def test_a_run_whose_process_vanishes_becomes_lost(run):
    run.say(1.0, begin(), StageStarted("erm", 10))
    assert run.feed.poll().status == "running"
    run.folder.update(pid_started=0.0)
    lost = run.feed.poll()
    assert (lost.status, stage_of(lost, "erm").state) == ("lost", "stopped")
    assert run.feed.poll() is lost


def test_a_run_of_which_only_the_record_is_left_shows_its_results(home, make, evaluation):
    stages = (
        StageRecord("erm", status="done", reused="k3v9x2ab"),
        StageRecord("prune", status="done", seconds=3.0, keep_ratio=0.4,
                    evaluations={"test": evaluation().to_json()}),
    )  # fmt: skip
    snapshot = RunFeed(RunFolder.create(home, make(status="finished", stages=stages, seconds=8.0))).poll()
    assert [(s.state, s.seconds, s.keep_ratio) for s in snapshot.stages] == [("reused", 0.0, None), ("done", 3.0, 0.4)]
    assert snapshot.evaluations["prune", "test"] == ((0, evaluation(), True),)
    assert snapshot.elapsed == 8.0


def test_after_a_resume_no_step_appears_twice(run, evaluation):
    """Killed at step 6 with a checkpoint at step 4: steps 5 and 6 are done again."""
    run.say(1.0, begin(), StageStarted("erm", 8))
    for step in range(1, 7):
        run.say(step + 1.0, Progress("erm", step, 8), Scalars("erm", step, step / 8, {"loss": float(step)}))
        if step % 2 == 0:
            run.say(step + 1.0, Evaluated("erm", step, "validation", evaluation(step)))
    before = run.feed.poll()
    run.say(100.0, begin(resumed=True), StageStarted("erm", 8, start=4))
    snapshot = run.feed.poll()
    assert list(snapshot.series["erm", "loss"].steps) == [1, 2, 3, 4]
    assert [look.step for look in snapshot.evaluations["erm", "validation"]] == [2, 4]
    assert stage_of(snapshot, "erm").step == 4
    for step in range(5, 9):
        run.say(100.0 + step, Scalars("erm", step, step / 8, {"loss": -float(step)}))
    run.say(110.0, Evaluated("erm", 6, "validation", evaluation(66)))
    snapshot = run.feed.poll()
    assert list(snapshot.series["erm", "loss"].values) == [1, 2, 3, 4, -5, -6, -7, -8]
    assert [(look.step, look.evaluation.groups[1].correct) for look in snapshot.evaluations["erm", "validation"]] == [
        (2, 2),
        (4, 4),
        (6, 66),
    ]
    assert list(before.series["erm", "loss"].values) == [1, 2, 3, 4, 5, 6]


def test_a_stage_that_counts_from_nought_and_says_the_resumed_step_again_has_it_once(run):
    run.say(1.0, begin(), StageStarted("erm", 8))
    for step in range(6):
        run.say(2.0 + step, Scalars("erm", step, 0.0, {"loss": 1.0}))
    run.say(100.0, begin(resumed=True), StageStarted("erm", 8, start=4))
    run.say(101.0, Scalars("erm", 4, 0.0, {"loss": 2.0}))
    assert list(run.feed.poll().series["erm", "loss"].values) == [1, 1, 1, 1, 2]


def test_a_stage_that_begins_anew_keeps_nothing_and_other_stages_keep_all(run, evaluation):
    for stage in ("erm", "prune"):
        run.say(1.0, StageStarted(stage, 8), Scalars(stage, 0, 0.0, {"loss": 1.0}))
        run.say(2.0, Evaluated(stage, 0, "test", evaluation(), True))
    run.say(9.0, begin(resumed=True), StageStarted("prune", 8))
    snapshot = run.feed.poll()
    assert {key: len(series) for key, series in snapshot.series.items()} == {("erm", "loss"): 1, ("prune", "loss"): 0}
    assert {key: len(looks) for key, looks in snapshot.evaluations.items()} == {
        ("erm", "test"): 1,
        ("prune", "test"): 0,
    }


def test_a_final_look_at_an_earlier_step_leaves_the_later_looks(run, evaluation):
    for step, final in ((2, False), (4, False), (2, True)):
        run.say(1.0, Evaluated("erm", step, "validation", evaluation(step), final))
    looks = run.feed.poll().evaluations["erm", "validation"]
    assert [(look.step, look.final) for look in looks] == [(2, False), (4, False), (2, True)]


def test_the_time_left_is_that_of_the_stage_and_of_this_process_alone(run):
    run.say(0.0, begin(), StageStarted("erm", 100))
    assert stage_of(run.feed.poll(), "erm").eta_seconds is None
    run.say(100.0, Progress("erm", 10, 100, 900.0))
    assert stage_of(run.feed.poll(), "erm").eta_seconds == 900.0
    run.say(130.0, Scalars("erm", 10, 0.1, {"loss": 1.0}))
    assert stage_of(run.feed.poll(), "erm").eta_seconds == 870.0
    run.say(5000.0, begin(resumed=True), StageStarted("erm", 100, start=10))
    assert stage_of(run.feed.poll(), "erm").eta_seconds is None
    run.say(5020.0, Progress("erm", 20, 100, 80.0))
    assert stage_of(run.feed.poll(), "erm").eta_seconds == 80.0
    run.say(5100.5, Scalars("erm", 99, 0.9, {"loss": 1.0}))
    assert stage_of(run.feed.poll(), "erm").eta_seconds == 0.0


def test_a_stage_that_cannot_be_counted_has_no_time_left(run):
    run.say(0.0, begin(), StageStarted("cluster", 0))
    for step in range(5):
        run.say(1.0 + step, Progress("cluster", step, 0))
    assert stage_of(run.feed.poll(), "cluster").eta_seconds is None


def test_elapsed_time_is_work_and_leaves_stops_out(run):
    run.say(10.0, begin(), StageStarted("erm", 100))
    run.say(15.0, Progress("erm", 1, 100))
    run.now = 16.0
    snapshot = run.feed.poll()
    assert (snapshot.elapsed, stage_of(snapshot, "erm").seconds, snapshot.taken) == (6.0, 6.0, 16.0)
    run.say(20.0, RunFinished("stopped"))
    run.folder.update(status="stopped")
    run.now = 999.0
    snapshot = run.feed.poll()
    assert (snapshot.elapsed, stage_of(snapshot, "erm").seconds) == (10.0, 10.0)
    run.folder.update(status="running")
    run.say(1000.0, begin(resumed=True), StageStarted("erm", 100, start=1))
    run.now = 1003.0
    snapshot = run.feed.poll()
    assert (snapshot.elapsed, stage_of(snapshot, "erm").seconds) == (13.0, 13.0)
    assert stage_of(snapshot, "erm").started == 10.0


def test_work_that_a_kill_cut_short_ends_with_the_last_thing_said(run):
    run.say(10.0, begin(), StageStarted("erm", 100))
    run.say(15.0, Progress("erm", 1, 100))
    run.say(1000.0, begin(resumed=True), StageStarted("erm", 100))
    run.say(1002.0, Progress("erm", 1, 100))
    snapshot = run.feed.poll()
    assert (snapshot.elapsed, stage_of(snapshot, "erm").seconds) == (7.0, 7.0)


def test_the_log_keeps_its_last_lines_and_nothing_that_moves_the_cursor(run):
    run.say(1.0, *(Logged(f"line {n}") for n in range(300)), Logged("\x1b[2Jgone\u202e"))
    log = run.feed.poll().log
    assert len(log) == 200
    assert log[-1] == r"\x1b[2Jgone\u202e"
    assert log[0] == "line 101"


def test_a_warning_that_a_resumed_stage_repeats_is_shown_once(run):
    warned = Warned("balance", "small", "few samples")
    run.say(1.0, warned)
    run.say(2.0, warned, replace(warned, text="fewer samples"))
    assert [warning.text for warning in run.feed.poll().warnings] == ["few samples", "fewer samples"]


def test_a_doubt_that_a_later_stage_settles_is_not_a_warning_any_more(run):
    doubt, other = Warned("find", "no-support", "may be hard samples"), Warned("balance", "small", "few samples")
    run.say(1.0, doubt, other, DoubtSettled("best", "no-support", "no longer doubted"))
    snapshot = run.feed.poll()
    assert snapshot.warnings == (other,)
    assert snapshot.notes == ("best: no longer doubted",)
    assert snapshot.log == ()


def test_a_feed_that_looks_late_sees_what_one_that_followed_saw(run, evaluation):
    steps = count(1)
    for start in (0, 3, 5):
        run.say(float(next(steps)), begin(start > 0), StageStarted("erm", 9, start=start))
        for step in range(start + 1, start + 5):
            run.say(float(next(steps)), Scalars("erm", step, 0.0, {"loss": step + start}), Progress("erm", step, 9))
            run.say(float(next(steps)), Evaluated("erm", step, "test", evaluation(step)))
            run.feed.poll()
    followed, late = run.feed.poll(), RunFeed(run.folder, clock=lambda: run.now).poll()
    assert followed.stages == late.stages
    assert followed.evaluations == late.evaluations
    assert list(followed.series["erm", "loss"].values) == list(late.series["erm", "loss"].values)
    assert list(late.series["erm", "loss"].steps) == list(range(1, 10))


def test_a_snapshot_of_an_ended_run_holds_everything_that_it_said(run):
    """The writer says its last words before it changes the record; a reader that stops there must not miss them."""
    real = run.folder.settled

    def settled(record):
        result = real(record)
        run.say(2.0, Logged("last words"), RunFinished("finished"))
        run.folder.update(status="finished")
        return result

    run.folder.settled = settled
    assert run.feed.poll().status == "running"
    run.folder.settled = real
    snapshot = run.feed.poll()
    assert (snapshot.status, snapshot.log) == ("finished", ("last words",))


def test_a_record_changed_within_one_tick_of_the_file_systems_clock_is_read(run):
    """Same size, time and inode: what a fast disk can make of two quick changes."""
    path = run.folder.record_path
    tick = time.time_ns() + 10**10
    for seed in (0, 7):
        path.write_bytes(path.read_bytes().replace(b'"seed": 0', f'"seed": {seed}'.encode()))
        os.utime(path, ns=(tick, tick))
        assert run.feed.poll().record.seed == seed


def test_states_of_the_masks_that_a_resume_repeats_replace_the_old_ones(run):
    states = [Sparsity("prune", step, 1 - step / 10, {"conv1": 1 - step / 10}) for step in (1, 2, 3)]
    run.say(1.0, begin(), StageStarted("prune", 10), *states)
    assert run.feed.poll().mask_states == {"prune": tuple(states)}
    again = Sparsity("prune", 2, 0.5, {"conv1": 0.5})
    run.say(2.0, StageStarted("prune", 10, 1), again)
    assert run.feed.poll().mask_states == {"prune": (states[0], again)}


def test_a_reading_that_is_given_up_ends_soon_and_goes_on_later_with_nothing_lost(home, make):
    stage = Stage(home, make(status="finished"))
    with EventWriter(stage.folder.events) as writer:
        for step in range(20_000):
            writer.write(Scalars("erm", step, 0.0, {"loss": 1.0, "lr": 0.1}), 1.0)
    begun = stage.feed.poll(given_up=lambda: True)
    assert 0 < len(begun.series["erm", "loss"]) < 20_000
    assert len(stage.feed.poll().series["erm", "loss"]) == 20_000


def test_a_run_that_is_deleted_just_after_it_was_written_is_missed(run):
    run.say(1.0, begin())
    run.feed.poll()
    run.folder.update(note="just now")
    run.feed.poll()
    run.folder.delete()
    with pytest.raises(InputError, match="no run"):
        run.feed.poll()
