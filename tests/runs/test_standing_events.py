"""The events that still stand after a stage was resumed or started over, and the numbers in them."""

from math import isnan

import pytest

from core.events import (
    Evaluated,
    Restarts,
    Scalars,
    Sparsity,
    StageFinished,
    StageStarted,
    Stamped,
)
from core.feed.points import Finals, points
from core.feed.standing import StandingEvents
from core.groups import Evaluation, Group
from core.runs.stream import EventWriter


def scalars(stage, *steps, value=0.0):
    return [Scalars(stage, step, 0.0, {"loss": value}) for step in steps]


def written(path, *events):
    with EventWriter(path) as writer:
        for t, event in enumerate(events):
            writer.write(event, float(t))


def steps(path):
    return [(e.event.stage, e.event.step) for e in StandingEvents(path).read() if isinstance(e.event, Scalars)]


def test_a_stage_that_is_resumed_repeats_only_the_steps_after_its_checkpoint(tmp_path):
    path = tmp_path / "events"
    before, after = scalars("erm", 1, 2, 3, 4, value=1.0), scalars("erm", 3, 4, 5, value=2.0)
    written(path, StageStarted("erm", 5), *before, StageStarted("erm", 5, 2), *after)
    found = [e.event for e in StandingEvents(path).read() if isinstance(e.event, Scalars)]
    assert found == [*before[:2], *after]


@pytest.mark.parametrize(
    ("starts", "standing"),
    [
        ((), [[1, 2, 3, 4]]),
        ((0,), [[], [1, 2, 3, 4]]),
        ((3,), [[1, 2, 3], [1, 2, 3, 4]]),
        ((3, 1), [[1], [1], [1, 2, 3, 4]]),
        ((1, 3), [[1], [1, 2, 3], [1, 2, 3, 4]]),
        ((2, 0), [[], [], [1, 2, 3, 4]]),
    ],
)
def test_every_later_start_counts(tmp_path, starts, standing):
    path = tmp_path / "events"
    sessions = [[StageStarted("erm", 4, start), *scalars("erm", 1, 2, 3, 4)] for start in (0, *starts)]
    written(path, *(event for session in sessions for event in session))
    assert [step for _, step in steps(path)] == [step for session in standing for step in session]


def test_other_stages_are_not_concerned_and_a_final_evaluation_is_repeated(tmp_path):
    path = tmp_path / "events"
    told = Evaluation("test", (Group("a", {}, 10, 5),), (1.0,))
    written(
        path,
        StageStarted("erm", 4),
        *scalars("erm", 4),
        StageStarted("prune", 4),
        *scalars("prune", 4),
        Evaluated("prune", 1, "test", told, True),
        StageStarted("prune", 4, 2),
    )
    found = [e.event for e in StandingEvents(path).read()]
    assert [e.stage for e in found if isinstance(e, Scalars)] == ["erm"]
    assert not [e for e in found if isinstance(e, Evaluated)]


def test_what_is_written_later_is_taken_as_it_comes(tmp_path):
    path = tmp_path / "events"
    assert list(StandingEvents(path).read()) == []
    written(path, StageStarted("erm", 4), *scalars("erm", 1, 2))
    events = StandingEvents(path)
    assert len(list(events.read())) == 3
    written(path, *scalars("erm", 3))
    assert [e.event.step for e in events.read()] == [3]
    assert list(events.read()) == []


EVALUATION = Evaluation(
    "validation", (Group("a", {"c": "red"}, 10, 9), Group("a", {"c": "blue"}, 30, 15), Group("b", {}, 0, 0)), (1.0,) * 3
)


def test_an_evaluation_gives_average_worst_group_and_every_group_that_has_samples():
    found = list(points(Stamped(7.0, Evaluated("erm", 3, "validation", EVALUATION))))
    assert {point.name: point.value for point in found} == {
        "erm/validation/average": 0.6,
        "erm/validation/worst_group": 0.5,
        "erm/validation/groups/a · red": 0.9,
        "erm/validation/groups/a · blue": 0.5,
    }
    assert {(point.step, point.t, point.about) for point in found} == {(3, 7.0, "accuracy on validation, n = 40")}


def test_losses_sparsity_and_means_over_restarts_are_numbers_of_their_stage():
    told = [
        Scalars("prune", 2, 0.1, {"task": 1.5, "contrast": None}),
        Sparsity("prune", 2, 0.75, {}),
        Restarts("train", 4, "validation", 50, [1.0, 1.0, 9.0], [0, 1, 0], [0.5, 0.7, 0.9], [0.1, 0.3, 0.2]),
        Restarts("train", 4, "test", 50, [1.0], [0], [0.5], [0.1], True),
    ]
    found = [point for event in told for point in points(Stamped(0.0, event))]
    assert [(point.name, point.value) for point in found if not isnan(point.value)] == [
        ("prune/task", 1.5),
        ("prune/sparsity", 0.25),
        ("train/validation/restarts/weight 1/average", pytest.approx(0.6)),
        ("train/validation/restarts/weight 1/worst_group", pytest.approx(0.2)),
        ("train/validation/restarts/weight 9/average", 0.9),
        ("train/validation/restarts/weight 9/worst_group", 0.2),
    ]
    assert [point.name for point in found if isnan(point.value)] == ["prune/contrast"]


def test_the_final_results_are_those_of_the_last_stage_with_any_split_by_split():
    first = Evaluation("test", (Group("a", {}, 10, 1), Group("b", {}, 10, 9)), (0.5, 0.5))
    last = Evaluation("test", (Group("a", {}, 20, 16),), (1.0,))
    finals = Finals()
    assert finals.add(Evaluated("erm", 9, "test", first, True))
    assert not finals.add(Evaluated("erm", 5, "validation", EVALUATION))
    assert finals.add(StageFinished("prune", 1.0, 0.25))
    assert not finals.add(StageFinished("find", 1.0))
    assert finals.add(Evaluated("prune", 9, "test", last, True))
    assert finals.values == {
        "final/sparsity": 0.75,
        "final/test/average": 0.8,
        "final/test/worst_group": 0.8,
        "final/test/groups/a": 0.8,
        "final/test/n": 20,
    }
