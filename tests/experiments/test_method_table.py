"""Methods against label noise: what goes into one mean, into one row, into one table, and what does not."""

import statistics
from dataclasses import replace
from itertools import count

import pytest

from core.engine.stage import stage_settings
from core.results.restarts import pool
from core.runs.record import RunRecord, StageRecord
from experiments.catalog import get_study
from experiments.plan import build_pipeline, config_of, make_plan
from experiments.recipes import RECIPES
from experiments.tables.methods import TABLES, method_tables

ids = (f"run{i:05d}" for i in count())
clock = count(1000)


def restarts(averages, *, weights=None, n=200):
    n_members = len(averages)
    return {
        split: {
            "n": n,
            "weights": weights or [9_100.0] * n_members,
            "restarts": list(range(n_members)),
            "average": [share + shift for share in averages],
            "worst": [share / 2 for share in averages],
        }
        for split, shift in (("train", 0.1), ("validation", 0.05), ("test", 0.0))
    }


def run(
    recipe, averages=(0.5, 0.6), *, noise=0.25, seed=0, key=None, weights=None, n=200, status="finished", **settings
):
    """A run whose networks reach `averages` on test, a tenth more on training; settings as section__key=value."""
    overrides = [f"data.label_noise={noise}", *(f"{key.replace('__', '.')}={v}" for key, v in settings.items())]
    plan = make_plan(recipe, data="cmnist-small-eta25", overrides=overrides, seed=seed)
    return RunRecord(
        id=next(ids),
        name=recipe,
        recipe=recipe,
        data="cmnist",
        status=status,
        seed=seed,
        attributes_used=plan.recipe.attributes_used(plan.config),
        config=plan.config.model_dump(mode="json"),
        created=float(next(clock)),
        stages=(StageRecord("train", key=key, restarts=restarts(averages, weights=weights, n=n)),),
    )


def tables(*records):
    return method_tables(records, TABLES["cmnist"])


def only_table(*records):
    (table,) = tables(*records)
    return table


def rows(table):
    return [(row.recipe, dict(row.settings), row.weight) for row in table.rows]


def test_a_cell_is_the_mean_and_the_sample_deviation_over_the_restarts_of_each_split():
    shares = [0.61, 0.58, 0.66]
    (row,) = only_table(run("irm", shares)).rows
    cell = row.cells[0.25]
    assert list(cell) == ["train", "validation", "test"]
    assert cell["test"].average.mean == pytest.approx(statistics.mean(shares))
    assert cell["test"].average.sd == pytest.approx(statistics.stdev(shares))
    assert cell["train"].average.mean == pytest.approx(statistics.mean(shares) + 0.1)
    assert cell["test"].worst.mean == pytest.approx(statistics.mean(shares) / 2)
    assert (cell["test"].average.n, cell["test"].samples, cell["test"].seeds) == (3, 200, (0,))


def test_one_restart_has_no_deviation():
    (row,) = only_table(run("irm", [0.4])).rows
    assert row.cells[0.25]["test"].average.sd is None


def test_columns_are_the_label_noises_and_cells_that_nobody_ran_are_not_there():
    table = only_table(run("irm", noise=0.25), run("irm", noise=0.05), run("eiil", noise=0.1))
    assert table.noises == (0.05, 0.1, 0.25)
    assert [sorted(row.cells) for row in table.rows] == [[0.1], [0.05, 0.25]]


def test_rows_stand_in_the_order_of_the_study_and_say_their_supervision():
    recipes = ["erm-balance", "irm", "irm-given", "eiil-attribute", "erm-grey", "erm-pooled"]
    table = only_table(*map(run, recipes))
    order = get_study("cmnist-study").recipes
    assert [row.recipe for row in table.rows] == sorted(recipes, key=order.index)
    told = {row.recipe: row.supervision for row in table.rows}
    assert told["irm"] == told["erm-pooled"] == "none"
    assert (told["irm-given"], told["erm-grey"], told["eiil-attribute"]) == ("environments", "shortcut", "train")


def test_every_method_of_the_study_has_a_title_of_its_own():
    titles = [RECIPES[recipe].title for recipe in get_study("cmnist-study").recipes]
    assert len(set(titles)) == len(titles)


def test_all_restarts_of_all_seeds_go_into_one_mean():
    (row,) = only_table(run("irm", [0.5, 0.6], seed=1), run("irm", [0.7, 0.9, 0.8], seed=0)).rows
    found = row.cells[0.25]["test"]
    assert [(m.seed, m.restart, m.average) for m in found.members] == [
        (0, 0, 0.7),
        (0, 1, 0.9),
        (0, 2, 0.8),
        (1, 0, 0.5),
        (1, 1, 0.6),
    ]
    assert found.average.mean == pytest.approx(0.7)
    assert found.seeds == (0, 1)


def test_a_network_that_was_trained_twice_counts_once_as_the_newer_run_has_it():
    older, newer = run("irm", [0.1, 0.2, 0.3], train__restarts=3), run("irm", [0.5, 0.6], train__restarts=2)
    (row,) = only_table(newer, older).rows
    assert [member.average for member in row.cells[0.25]["test"].members] == [0.5, 0.6, 0.3]


def test_runs_that_differ_in_another_setting_stand_in_rows_of_their_own_that_name_it():
    usual = [run(recipe) for recipe in ("erm-pooled", "irm", "vrex")]
    table = only_table(*usual, run("irm", [0.9, 0.9], cluster__k=2))
    assert rows(table) == [
        ("erm-pooled", {}, None),
        ("irm", {}, 9_100.0),
        ("irm", {"cluster.k": 2}, 9_100.0),
        ("vrex", {}, 9_100.0),
    ]
    assert table.rows[1].cells[0.25]["test"].average.mean == pytest.approx(0.55)


def test_a_single_method_with_other_settings_than_the_rest_names_them_and_shared_ones_stand_above():
    records = [run(recipe, train__steps=20) for recipe in ("erm-pooled", "irm", "vrex")]
    table = only_table(*records, run("eiil", train__steps=40))
    assert [settings for _, settings, _ in rows(table)] == [{}, {"train.steps": 40}, {}, {}]
    assert table.settings["train.steps"] == 20


def test_what_a_recipe_fixes_is_no_difference():
    table = only_table(*map(run, ("erm-pooled", "erm-grey", "irm", "vrex", "erm-balance", "eiil-attribute")))
    assert [settings for _, settings, _ in rows(table)] == [{}] * 6
    assert {"train.objective", "environments.rule", "environments.reference"}.isdisjoint(table.settings)


def test_runs_on_other_data_stand_in_another_table():
    small, large = run("irm"), run("irm", data__train_size=20_000)
    found = tables(small, large, run("erm-grey"), run("irm", data__grey="true"))
    assert [(table.data["train_size"], table.data["grey"], len(table.rows)) for table in found] == [
        (10_000, False, 2),
        (10_000, True, 1),
        (20_000, False, 1),
    ]


def test_runs_that_computed_the_same_count_once_whatever_they_do_not_read():
    first = run("erm-pooled", key="same")
    table = only_table(first, run("erm-pooled", key="same", cluster__k=2), run("irm", key="other"))
    assert rows(table) == [("erm-pooled", {}, None), ("irm", {}, 9_100.0)]
    assert table.rows[0].cells[0.25]["test"].runs == (first.id,)


CHANGES = {
    "model__name": "mlp",
    "erm__lr": 0.02,
    "represent__batch_size": 7,
    "cluster__restarts": 2,
    "balance__cap": 3,
    "prune__steps": 7,
    "finetune__steps": 7,
    "train__steps": 7,
    "select__looks": 7,
}


@pytest.mark.parametrize("recipe", get_study("cmnist-study").recipes)
def test_a_setting_makes_a_row_of_its_own_where_a_stage_of_the_recipe_reads_it_and_nowhere_else(recipe):
    def stages(record):
        return [stage_settings(stage) for stage in build_pipeline(config_of(record)).stages]

    told = {}
    for setting, value in CHANGES.items():
        usual, changed = run(recipe), run(recipe, seed=1, **{setting: value})
        told[setting] = len(only_table(usual, changed).rows) == 2
        assert told[setting] == (stages(usual) != stages(changed)), setting
    assert told["train__steps"]
    assert not told["prune__steps"]
    by_eiil = only_table(run(recipe), run(recipe, seed=1, environments__eiil_steps=7))
    assert (len(by_eiil.rows) == 2) == recipe.startswith("eiil")


def test_settings_that_no_row_reads_do_not_stand_above_the_table():
    changed = {"cluster__k": 2, "erm__epochs": 3, "environments__rule": "shares", "train__steps": 20}
    simple = only_table(*(run(recipe, **changed) for recipe in ("erm-pooled", "erm-grey", "irm-given")))
    assert set(simple.settings) == {"train.lr", "train.l2", "train.steps"}
    clustered = only_table(run("erm-pooled", **changed), run("irm", **changed))
    assert {"model.name", "cluster.k", "erm.epochs", "environments.rule"} <= set(clustered.settings)


def test_only_rows_that_read_a_setting_are_asked_what_is_usual():
    simple = [run(recipe) for recipe in ("erm-pooled", "erm-grey", "irm-given")]
    table = only_table(*simple, run("irm", cluster__k=2), run("vrex", cluster__k=2))
    assert table.settings["cluster.k"] == 2
    assert [settings for _, settings, _ in rows(table)] == [{}] * 5


def test_each_penalty_weight_is_a_row_with_its_own_networks():
    several = run("irm", [0.1, 0.3, 0.5, 0.9], weights=[10.0, 10.0, 9_100.0, 9_100.0])
    table = only_table(several, run("vrex"), run("irm-given"))
    irm = {row.weight: row for row in table.rows if row.recipe == "irm"}
    assert {weight: row.cells[0.25]["test"].average.mean for weight, row in irm.items()} == {
        10.0: pytest.approx(0.2),
        9_100.0: pytest.approx(0.7),
    }
    assert irm[10.0].settings == {"train.penalty_weights": 10.0}
    assert irm[9_100.0].settings == {}


def test_methods_without_a_penalty_have_no_weight():
    table = only_table(run("erm-pooled", weights=[0.0, 0.0]), run("group-dro-inferred", weights=[0.0, 0.0]), run("irm"))
    assert [row.weight for row in table.rows] == [None, 9_100.0, None]


def test_only_finished_runs_on_the_data_with_restarts_count():
    record = run("irm")
    elsewhere = replace(run("irm"), data="colored-mnist")
    single = replace(run("erm"), stages=(StageRecord("erm"),))
    assert tables(run("irm", status="stopped"), run("irm", status="failed"), elsewhere, single) == []
    assert only_table(record, elsewhere, single).rows[0].cells[0.25]["test"].runs == (record.id,)


def test_published_numbers_stand_beside_runs_on_the_published_data_alone():
    table = only_table(run("irm", noise=0.25), run("irm", noise=0.1))
    found = {(a.recipe, a.source.name): a.values for a in table.published}
    assert found["erm-pooled", "IRM authors"][0.25] == {"train": (87.4, 0.2), "test": (17.1, 0.7)}
    assert found["irm-given", "IRM authors"][0.25]["test"] == (66.9, 2.5)
    assert found["erm-grey", "IRM authors"][0.25]["test"] == (73.0, 0.5)
    eiil = found["eiil", "EIIL repository"]
    assert {noise: eiil[noise]["test"][0] for noise in (0.05, 0.1, 0.25)} == {0.05: 42.2, 0.1: 43.1, 0.25: 69.4}
    assert only_table(run("irm", data__test_noise=0.8)).published == ()
    assert all(0.1 in a.values for a in only_table(run("irm", noise=0.1)).published)


def test_a_worst_group_that_is_not_known_is_no_number():
    record = run("irm", [0.5, 0.7])
    record.stages[0].restarts["test"]["worst"] = [None, None]
    found = pool([record], "test", 9_100.0)
    assert found.average.mean == pytest.approx(0.6)
    assert found.worst.to_json()["mean"] is None


def test_splits_of_another_size_do_not_go_into_one_mean():
    older, newer = run("irm", [0.1, 0.1], seed=1, n=100), run("irm", [0.5, 0.5], seed=0)
    assert [member.seed for member in pool([newer, older], "test", 9_100.0).members] == [0, 0]
