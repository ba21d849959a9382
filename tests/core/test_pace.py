"""How fast work gets on, by a clock that the tests set."""

import pytest

from core.events import Progress
from core.pace import Pace
from tests.training.stage_lab import context_of, random_data, run_folder


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def worked(clock, pace, *pieces):
    """Reach every (units, seconds) after the one before."""
    for done, seconds in pieces:
        clock.now += seconds
        pace.reach(done)
    return pace


def test_a_steady_pace_tells_the_time_left_exactly(clock):
    pace = Pace(clock)
    assert pace.left(100) is None
    worked(clock, pace, (1, 5.0))
    assert (pace.left(100), pace.per_unit) == (None, None)
    worked(clock, pace, *((done, 2.5) for done in range(11, 60, 10)))
    assert pace.left(100) == pytest.approx(49 / 4)
    assert (pace.left(51), pace.left(40)) == (0.0, 0.0)


def test_what_comes_before_the_first_piece_does_not_count(clock):
    pace = worked(clock, Pace(clock), (1, 3600.0), (2, 1.0))
    assert pace.left(12) == pytest.approx(10.0)


def test_a_pause_does_not_count(clock):
    pace = worked(clock, Pace(clock), (1, 1.0), (2, 1.0))
    clock.now += 500.0
    pace.pause()
    assert worked(clock, pace, (3, 1.0)).left(13) == pytest.approx(10.0)


def test_a_change_of_speed_is_followed_and_what_alternates_has_its_mean(clock):
    pace = worked(
        clock, Pace(clock), *((done, 1.0) for done in range(101)), *((100 + n / 10, 1.0) for n in range(1, 1001))
    )
    assert pace.per_unit == pytest.approx(10.0, rel=0.25)
    uneven = worked(clock, Pace(clock), *((done, 1.0 if done % 50 else 51.0) for done in range(1, 2001)))
    assert uneven.per_unit == pytest.approx(2.0, rel=0.1)


def test_work_that_goes_back_or_repeats_says_nothing(clock):
    pace = worked(clock, Pace(clock), (0, 0.0), (10, 1.0), (10, 1.0), (5, 1.0), (20, 0.0))
    assert pace.left(40) == pytest.approx(20 * 3.0 / 20, rel=0.02)


def test_a_stage_reports_the_time_left_by_its_pace_or_by_what_it_knows_itself(clock, tmp_path, monkeypatch):
    monkeypatch.setattr("core.engine.context.PROGRESS_EVERY", 0.0)
    monkeypatch.setattr("core.engine.context.Pace", lambda: Pace(clock))
    said = []
    context = context_of(run_folder(tmp_path), random_data(), events=said)
    for step in range(1, 5):
        clock.now += 2.0
        context.progress(step, 10)
    context.progress(5, 10, 99.0)
    assert [event.left for event in said if isinstance(event, Progress)] == [None, 18.0 - 2, 14.0, 12.0, 99.0]
