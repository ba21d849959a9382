"""Runs side by side: families, means over seeds, differing settings."""

import statistics
from dataclasses import replace

import pytest

from core.groups import Evaluation, Group, wilson_interval
from core.results.compare import comparable, families, measure, paired, split_of
from core.results.settings import ABSENT, merged, settings, show
from core.runs.record import StageRecord
from core.spread import spread

CONFIG = {
    "recipe": "prusc",
    "seed": 0,
    "data": {"name": "colored-mnist", "correlation": 0.95, "seed": 0},
    "prune": {"steps": 200, "exclude": ["fc"]},
    "deterministic": False,
}
TITLES = [("0–4", "red"), ("0–4", "green"), ("5–9", "red"), ("5–9", "green")]


def evaluation(correct, n=(100, 120, 80, 100), split="test"):
    groups = tuple(
        Group(label, {"colour": colour}, size, right)
        for (label, colour), size, right in zip(TITLES, n, correct, strict=True)
    )
    return Evaluation(split, groups, (0.45, 0.05, 0.05, 0.45))


@pytest.fixture
def run(make):
    """Make a finished run of stages erm and prune; `correct` counts the right answers after each."""

    def a_run(seed=0, erm=(90, 60, 40, 90), prune=(85, 90, 60, 88), config=None, splits=("test",), **fields):
        merged_config = {**CONFIG, "seed": seed, **(config or {})}
        stages = tuple(
            StageRecord(
                name,
                "done",
                seconds=10.0 + seed,
                keep_ratio=0.25 + seed / 100 if name == "prune" else None,
                evaluations={split: evaluation(correct, split=split).to_json() for split in splits},
            )
            for name, correct in (("erm", erm), ("prune", prune))
        )
        given = {"status": "finished", "seed": seed, "config": merged_config, "stages": stages, "name": f"run-{seed}"}
        return make(**{**given, "recipe": merged_config["recipe"], "data": merged_config["data"]["name"], **fields})

    return a_run


def test_runs_that_differ_by_seed_alone_are_a_family_and_the_seed_of_the_data_is_a_setting(run):
    first, second = run(0), run(1)
    other_data = run(2, config={"data": {**CONFIG["data"], "seed": 1}})
    other_recipe = run(3, recipe="erm")
    found = families([second, first, other_data, other_recipe])
    assert [[r.seed for r in family.runs] for family in found] == [[0, 1], [2], [3]]


def test_runs_whose_seed_also_draws_the_data_are_a_family_and_are_paired_on_the_same_draw_only(run):
    def drawn(seed, data_seed, **fields):
        return run(seed, config={"data": {**CONFIG["data"], "seed": data_seed}}, **fields)

    own_draws = [drawn(seed, seed) for seed in (0, 1, 2)]
    same_draw = [drawn(seed, 0, recipe="erm") for seed in (0, 1)]
    found = families([*own_draws, *same_draw])
    assert [[r.seed for r in family.runs] for family in found] == [[0, 1, 2], [0, 1]]
    pair = paired(*found, "test")
    assert pair is not None
    assert pair.seeds == (0,)  # with seed 1 the two have other images
    assert [len(f.runs) for f in families([*own_draws, drawn(3, 0)])] == [2, 1, 1]  # no longer one seed for both


def test_families_are_told_apart_by_the_fewest_settings(run):
    steps = [run(0, config={"prune": {"steps": n, "exclude": ["fc"]}}) for n in (100, 200)]
    baseline = run(0, config={"recipe": "erm", "prune": {"steps": 100, "exclude": []}})
    assert [f.label for f in families([baseline, *steps])] == [
        "erm",
        "prusc prune.steps=100",
        "prusc prune.steps=200",
    ]
    assert [f.label for f in families([run(0), run(1)])] == ["prusc"]


def test_the_mean_is_over_runs_and_the_deviation_is_that_of_a_sample(run):
    right = [(85, 90, 60, 88), (80, 60, 70, 90), (95, 96, 50, 85)]
    result = families([run(seed, prune=correct) for seed, correct in enumerate(right)])[0].result("test")
    n = (100, 120, 80, 100)
    worst = [min(c / size for c, size in zip(correct, n, strict=True)) for correct in right]
    average = [sum(correct) / sum(n) for correct in right]
    weighted = [
        sum(share * c / size for share, c, size in zip((0.45, 0.05, 0.05, 0.45), correct, n, strict=True))
        for correct in right
    ]
    gap = [a - w for a, w in zip(average, worst, strict=True)]
    sparsity, seconds = [0.75, 0.74, 0.73], [20.0, 22.0, 24.0]
    for spread_, values in (
        (result.worst, worst),
        (result.average, average),
        (result.adjusted, weighted),
        (result.gap, gap),
        (result.sparsity, sparsity),
        (result.seconds, seconds),
        *((group.accuracy, [c[i] / n[i] for c in right]) for i, group in enumerate(result.groups)),
    ):
        assert (spread_.mean, spread_.sd) == pytest.approx((statistics.mean(values), statistics.stdev(values)))
        assert spread_.n == 3
    assert [(group.title, group.samples) for group in result.groups] == [
        (f"{label} · {colour}", size) for (label, colour), size in zip(TITLES, n, strict=True)
    ]
    # The runs' worst groups are different ones, so their mean is below that of every group.
    assert result.worst.mean < min(group.accuracy.mean for group in result.groups)
    assert (result.stage, result.samples, result.seeds) == ("prune", 400, (0, 1, 2))


def test_a_single_run_has_intervals_and_no_deviation(run):
    result = families([run(0)])[0].result("test")
    assert result.worst.sd is None
    assert [group.accuracy.sd for group in result.groups] == [None] * 4
    assert [group.interval for group in result.groups] == [
        wilson_interval(c, size) for c, size in zip((85, 90, 60, 88), (100, 120, 80, 100), strict=True)
    ]
    two = families([run(0), run(1)])[0].result("test")
    assert {group.interval for group in two.groups} == {None}


def test_results_of_a_stage_count_its_time_and_that_of_those_before_it(run):
    family = families([run(0)])[0]
    assert family.stages == ("erm", "prune")
    assert family.result("test", "erm").average.mean == pytest.approx(280 / 400)
    assert family.result("test", "erm").seconds.mean == 10
    assert family.result("test", "prune").seconds.mean == 20
    assert family.result("test", "erm").sparsity is None
    assert family.result("test", "finetune") is None
    assert family.result("validation") is None


def test_unfinished_runs_never_enter_a_mean_with_finished_ones(run):
    done, under_way = run(0), run(1, status="running", prune=(0, 0, 0, 0))
    both = families([done, under_way])[0].result("test")
    assert (both.seeds, both.unfinished) == ((0,), False)
    assert both.worst.mean == pytest.approx(0.75)
    alone = families([under_way])[0].result("test")
    assert (alone.seeds, alone.unfinished) == ((1,), True)


def test_unfinished_runs_alone_are_compared_after_the_last_stage_that_all_have_reached(run):
    ahead, behind = run(0, status="stopped"), run(1, status="running")
    behind = replace(behind, stages=(behind.stages[0], StageRecord("prune", "running")))
    result = families([ahead, behind])[0].result("test")
    assert (result.stage, result.seeds, result.unfinished) == ("erm", (0, 1), True)


def test_a_repeat_of_a_seed_does_not_make_the_spread_smaller(run):
    runs = [run(0, created=1.0), run(1, created=2.0), run(0, created=3.0, prune=(50, 60, 40, 50))]
    result = families(runs)[0].result("test")
    assert result.seeds == (0, 1)
    assert result.worst.mean == pytest.approx((0.5 + 0.75) / 2)  # of seed 0 the newer one
    assert result.worst.n == 2


def test_an_empty_group_has_no_accuracy_and_spoils_no_other(run):
    run_ = run(0)
    empty = evaluation((85, 0, 60, 88), n=(100, 0, 80, 100)).to_json()
    run_ = replace(run_, stages=(replace(run_.stages[1], evaluations={"test": empty}),))
    result = families([run_])[0].result("test")
    assert result.groups[1].accuracy.mean != result.groups[1].accuracy.mean
    assert result.worst.mean == pytest.approx(0.75)
    assert result.weakest.title == "5–9 · red"
    assert result.to_json()["groups"][1]["mean"] is None


def test_other_data_is_not_put_into_the_same_table(run):
    patch = run(0, config={"data": {"name": "patch-mnist"}})
    plain = run(0, config={"recipe": "erm"})
    nothing = run(5, stages=(StageRecord("erm"),), config={"recipe": "finetune-only"})
    tables = comparable(families([run(0), patch, plain, nothing]))
    assert [[family.runs[0].data for family in table] for table in tables] == [
        ["colored-mnist", "colored-mnist"],
        ["patch-mnist"],
    ]


def test_paired_differences_are_those_of_single_runs_over_the_seeds_that_both_have(run):
    before = {0: (85, 90, 60, 88), 1: (80, 60, 70, 90), 2: (10, 10, 10, 10)}
    after = {0: (90, 100, 70, 90), 1: (90, 90, 70, 90), 7: (99, 99, 79, 99)}
    first, second = families(
        [run(seed, prune=c) for seed, c in before.items()]
        + [run(seed, prune=c, config={"prune": {"steps": 9}}) for seed, c in after.items()]
    )
    pair = paired(first, second, "test")
    worst = [0.9 - 0.75, 0.75 - 0.5]
    average = [(350 - 323) / 400, (340 - 300) / 400]
    worst[0] = min(90 / 100, 100 / 120, 70 / 80, 0.9) - 0.75
    assert pair.seeds == (0, 1)
    assert (pair.worst.mean, pair.worst.sd) == pytest.approx((statistics.mean(worst), statistics.stdev(worst)))
    assert (pair.average.mean, pair.average.sd) == pytest.approx((statistics.mean(average), statistics.stdev(average)))
    back = paired(second, first, "test")
    assert back.worst.mean == pytest.approx(-pair.worst.mean)


def test_nothing_is_paired_across_seeds_samples_or_unfinished_runs(run):
    other = {"prune": {"steps": 9}}
    first, second = families([run(0), run(1, config=other)])
    assert paired(first, second, "test") is None
    first, second = families([run(0), run(0, config=other, status="running")])
    assert paired(first, second, "test") is None
    fewer = run(0, config=other)
    small = evaluation((5, 6, 4, 5), n=(10, 12, 8, 10)).to_json()
    fewer = replace(fewer, stages=(replace(fewer.stages[1], evaluations={"test": small}),))
    first, second = families([run(0), fewer])
    assert paired(first, second, "test") is None


def test_test_is_compared_on_where_there_is_one(run):
    assert split_of([run(0, splits=("validation",)), run(1, splits=("validation", "test"))]) == "test"
    assert split_of([run(0, splits=("validation",))]) == "validation"
    assert split_of([run(0, splits=())]) is None


def test_settings_come_in_the_order_of_the_config_and_absent_ones_are_told(run):
    plain = run(0)
    more = run(1, config={"prune": {"steps": 300, "lr": 0.1, "exclude": ["fc"]}, "extra": None})
    found = settings([plain, more])
    assert [one.key for one in found] == [
        "seed",
        "recipe",
        "data.name",
        "data.correlation",
        "data.seed",
        "prune.steps",
        "prune.lr",
        "prune.exclude",
        "deterministic",
        "extra",
    ]
    differing = {one.key: one.values for one in found if one.differs}
    assert differing == {"seed": (0, 1), "prune.steps": (200, 300), "prune.lr": (ABSENT, 0.1), "extra": (ABSENT, None)}
    assert [one.key for one in found if one.is_seed] == ["seed"]


def test_values_that_differ_are_shown_differently():
    values = [0.1, 0.1 + 1e-12, 1, "1e-6", 1e-6, True, None, ABSENT, ["fc", 0.5], {"a": 1}]
    texts = [show(value) for value in values]
    assert texts[2:] == ["1", "1e-6", "1e-06", "true", "none", "–", "[fc, 0.5]", "{a=1}"]
    assert texts[0] == "0.1"
    assert texts[0] != texts[1]


def test_orders_are_merged_without_repeats():
    assert merged([["a", "c"], ["a", "b", "c", "d"], ["d", "e"]]) == ["a", "b", "c", "d", "e"]


def test_a_record_survives_the_disk(run, home):
    from core.runs.folder import RunFolder

    runs = [run(seed) for seed in range(2)]
    read = [RunFolder.create(home, one).record() for one in runs]
    assert families(read)[0].result("test").to_json() == families(runs)[0].result("test").to_json()


def test_measuring_nothing_gives_nothing(run):
    assert measure([], "test") is None
    assert measure([run(0, splits=())], "test") is None
    assert spread([2.0]).sd is None
