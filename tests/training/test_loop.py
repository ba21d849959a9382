"""The loop, with a learner that only counts."""

import math

import pytest
import torch

from core.config import Select
from core.errors import StageError
from core.events import Evaluated, Scalars, Selected, StageStarted
from core.training.loop import LOG_POINTS, Meter, run_loop


class Counter:
    """Its loss at step s is s, or what `losses` says; its network is the number of steps."""

    def __init__(self, evaluation, losses=None):
        self.count = torch.zeros(1)
        self.looked = []
        self._evaluation = evaluation
        self._losses = losses or {}

    def step(self):
        self.count += 1
        step = int(self.count)
        return {"loss": torch.tensor(self._losses.get(step, float(step))), "twice": torch.tensor(2.0 * step)}

    def look(self):
        self.looked.append(int(self.count))
        return [self._evaluation(*[int(self.count) % 10] * 4)]

    def network(self, member):
        return {"count": self.count}

    def state_dict(self):
        return {"count": self.count.clone()}

    def load_state_dict(self, state):
        self.count = state["count"].clone()


def test_a_meter_gives_the_means_since_the_last_reading():
    meter = Meter()
    for values in ({"a": 1.0, "b": 10.0}, {"a": 2.0, "b": -4.0}, {"a": 6.0, "b": 0.0}):
        meter.add({name: torch.tensor(value) for name, value in values.items()})
    assert meter.read() == pytest.approx({"a": 3.0, "b": 2.0})
    meter.add({"c": torch.tensor(7.0)})
    assert meter.read() == {"c": 7.0}


def test_a_meter_leaves_the_tensors_it_was_given_as_they_are():
    meter, first = Meter(), torch.tensor(1.0)
    meter.add({"a": first})
    meter.add({"a": torch.tensor(5.0)})
    assert first.item() == 1.0


@pytest.mark.parametrize(
    ("steps", "looks", "expected"),
    [(10, 2, [5, 10]), (10, 1, [10]), (3, 8, [1, 2, 3]), (60, 8, [8, 15, 22, 30, 38, 45, 52, 60]), (1, 4, [1])],
)
def test_looks_are_spread_over_the_steps_and_end_at_the_last(steps, looks, expected, evaluation, make_context):
    context, learner = make_context(), Counter(evaluation)
    selection = run_loop(context, learner, steps=steps, per_epoch=4, select=Select(looks=looks))
    assert learner.looked == expected
    shown = context.of(Evaluated)
    assert [e.step for e in shown] == expected
    assert {(e.split, e.final) for e in shown} == {("validation", False)}
    assert selection.step == steps
    assert selection.network["count"].item() == steps
    assert context.of(Selected) == [Selected("erm", "last", steps, selection.picks)]
    assert context.of(StageStarted) == [StageStarted("erm", steps, 0)]
    assert context.steps == [(step, steps) for step in range(1, steps + 1)]


def test_what_is_logged_is_the_mean_over_the_steps_since_the_last_point(evaluation, make_context):
    steps = 5 * LOG_POINTS + 3
    context = make_context()
    run_loop(context, Counter(evaluation), steps=steps, per_epoch=100, select=Select(looks=1))
    points = context.of(Scalars)
    assert [p.step for p in points] == [*range(5, steps, 5), steps]
    assert points[0].values == {"loss": 3.0, "twice": 6.0}
    assert points[-1].values == {"loss": pytest.approx(steps - 1), "twice": pytest.approx(2 * steps - 2)}
    assert [p.epoch for p in points] == pytest.approx([p.step / 100 for p in points])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_the_stage_with_its_name_and_step(bad, evaluation, make_context):
    context = make_context()
    with pytest.raises(StageError, match=r"loss became -?(nan|inf) at step 7; try a smaller learning rate"):
        run_loop(context, Counter(evaluation, {7: bad}), steps=20, per_epoch=4, select=Select(looks=2))
    assert [p.step for p in context.of(Scalars)] == [1, 2, 3, 4, 5, 6]
    assert not context.of(Evaluated)


def test_what_is_to_be_done_after_a_step_is_done_once_and_right_then(evaluation, make_context):
    learner, done = Counter(evaluation), []
    after = {step: (lambda step=step: done.append((step, int(learner.count)))) for step in (1, 4, 10, 11)}
    run_loop(make_context(), learner, steps=10, per_epoch=4, select=Select(looks=1), after=after)
    assert done == [(1, 1), (4, 4), (10, 10)]


@pytest.mark.parametrize("rule", ["last", "average", "worst-group"])
@pytest.mark.parametrize("stop_at", [0, 1, 6, 12, 19])
def test_a_stopped_loop_goes_on_to_the_very_same_end(rule, stop_at, evaluation, make_context):
    select = Select(rule=rule, looks=5)
    whole = make_context()
    expected = run_loop(whole, Counter(evaluation), steps=20, per_epoch=4, select=select)

    first = make_context(stop_at=stop_at)
    with pytest.raises(InterruptedError):
        run_loop(first, Counter(evaluation), steps=20, per_epoch=4, select=select)
    second = make_context(saved=first.kept)
    selection = run_loop(second, Counter(evaluation), steps=20, per_epoch=4, select=select)

    assert second.of(StageStarted) == [StageStarted("erm", 20, stop_at)]
    assert (selection.step, selection.picks) == (expected.step, expected.picks)
    assert torch.equal(selection.network["count"], expected.network["count"])
    assert first.steps + second.steps == whole.steps
    assert first.of(Evaluated) + second.of(Evaluated) == whole.of(Evaluated)
    assert first.of(Scalars) + second.of(Scalars) == whole.of(Scalars)


def test_a_loop_that_was_stopped_between_two_points_logs_the_mean_over_all_steps(evaluation, make_context):
    steps = 4 * LOG_POINTS
    whole, first = make_context(), make_context(stop_at=6)
    run_loop(whole, Counter(evaluation), steps=steps, per_epoch=4, select=Select(looks=1))
    with pytest.raises(InterruptedError):
        run_loop(first, Counter(evaluation), steps=steps, per_epoch=4, select=Select(looks=1))
    second = make_context(saved=first.kept)
    run_loop(second, Counter(evaluation), steps=steps, per_epoch=4, select=Select(looks=1))
    assert first.of(Scalars) + second.of(Scalars) == whole.of(Scalars)
