"""Which method is best, by a rule on the validation split, and differences from a baseline."""

from dataclasses import replace
from math import nan

import pytest

from core.errors import InputError
from core.groups import Evaluation, Group
from core.results.compare import families
from core.results.contrast import baseline_of, contrasts
from core.results.ranking import RANKING, ranked, ranked_families, ranking_rule
from core.runs.record import StageRecord


@pytest.fixture
def run(make):
    """Make a finished run with these accuracies of the worst group on test and validation, and of the worst cell."""

    def a_run(recipe, seed, test, validation=0.5, cell=None, average=100, **fields):
        looks = {}
        for split, worst in (("test", test), ("validation", validation)):
            groups = tuple(
                Group(label, {"colour": "red"}, 100, right)
                for label, right in (("a", round(100 * worst)), ("b", average))
            )
            cells = () if cell is None else (Group("a", {"pseudo-group": "0"}, 100, round(100 * cell)),)
            looks[split] = Evaluation(split, groups, (0.5, 0.5), cells).to_json()
        config = {"recipe": recipe, "seed": seed, "data": {"name": "colored-mnist"}}
        stages = (StageRecord("erm", "done", evaluations=looks),)
        given = {"status": "finished", "data": "colored-mnist", "stages": stages, "name": f"{recipe}-{seed}"}
        return make(**{**given, "recipe": recipe, "seed": seed, "config": config, **fields})

    return a_run


def test_the_best_is_that_of_validation_whatever_test_says(run):
    runs = [run("one", seed, 0.9, validation=0.6, cell=0.4) for seed in range(2)]
    runs += [run("two", seed, 0.3, validation=0.5, cell=0.8) for seed in range(2)]
    members = families(runs)
    by_cell, by_group = (ranked_families(members, "test", rule) for rule in ("worst-cell", "worst-group"))
    assert [members[ranking.best].label for ranking in (by_cell, by_group)] == ["two", "one"]
    assert [value.mean for value in by_cell.values] == pytest.approx([0.4, 0.8])
    assert (by_cell.to_json()["attributes"], by_group.to_json()["attributes"]) == (False, True)
    # Another result on test ranks nobody higher.
    better = families(
        [replace(one, stages=run("two", 0, 1.0, 0.5, 0.8).stages) if i > 1 else one for i, one in enumerate(runs)]
    )
    assert ranked_families(better, "test", "worst-group").best == by_group.best


def test_a_family_without_the_number_in_every_run_is_not_ranked(run):
    runs = [
        run("one", 0, 0.9, cell=0.9),
        run("one", 1, 0.9),
        run("two", 0, 0.3, cell=0.2),
        run("three", 0, 0.3, cell=0.1),
    ]
    ranking = ranked_families(families(runs), "test")
    assert ranking.values[0] is None
    assert ranking.best == 1


def test_an_oracle_is_not_the_best_where_two_others_can_be_ranked(run):
    runs = [run(name, 0, 0.5, cell=cell) for name, cell in (("one", 0.4), ("two", 0.6))]
    runs += [run("oracle", 0, 0.5, cell=0.9, attributes_used="train")]
    ranking = ranked_families(families(runs), "test")
    assert (ranking.best, ranking.unsupervised, ranking.values[2].mean) == (1, True, 0.9)
    few = ranked_families(families(runs[1:]), "test")
    assert (few.best, few.unsupervised) == (1, False)


def test_one_method_alone_is_not_the_best_of_anything():
    assert ranked([[0.9], [None], [nan], []]).best is None
    assert ranked([[0.9], [0.1]]).best == 0
    assert ranked([[0.5], [0.5]]).best == 0


@pytest.mark.parametrize("name", ["test", "test-worst-group", "last", "worst-gruop", ""])
def test_no_rule_but_those_on_validation_ranks_methods(name):
    with pytest.raises(InputError, match="rules on validation: average, worst-class, worst-cell, worst-group"):
        ranking_rule(name)
    assert [ranking_rule(rule).attributes for rule in RANKING] == [False, False, False, True]


def test_every_family_is_tested_against_the_baseline_and_corrected_together(run):
    shares = {"erm": (0.5, 0.52, 0.51), "up": (0.6, 0.66, 0.62), "level": (0.5, 0.53, 0.5), "alone": (0.9,)}
    runs = [
        run(name, seed, share) for name, all_ in shares.items() for seed, share in enumerate(all_) if name != "alone"
    ]
    members = families([*runs, run("alone", 9, 0.9)])
    found = contrasts(members, "test")
    assert found.baseline is members[0]
    assert [family.label for family in found.apart] == ["alone"]
    (up, sure), (level, unsure) = found.pairs
    assert (up.second.label, level.second.label) == ("up", "level")
    assert up.differences == pytest.approx((0.1, 0.14, 0.11))
    assert (sure.wins, unsure.wins, unsure.ties, unsure.losses) == (3, 1, 1, 1)
    assert sure.corrected == pytest.approx(2 * sure.p)
    told = found.to_json()[0]
    assert (told["first"], told["second"], told["test"], told["p_holm"]) == ("erm", "up", "t", sure.corrected)


def test_any_family_can_be_the_baseline_and_a_run_names_it(run):
    runs = [run(name, seed, share) for name, share in (("erm", 0.5), ("up", 0.7)) for seed in range(2)]
    members = families(runs)
    chosen = baseline_of(members, runs[3].id)
    assert chosen is members[1]
    (pair, verdict) = contrasts(members, "test", baseline=chosen).pairs[0]
    assert (pair.second.label, verdict.losses) == ("erm", 2)
    with pytest.raises(InputError, match="--against abcdefgh"):
        baseline_of(members, "abcdefgh")
