"""`prusc compare` on runs that were written by hand."""

import csv
import io
from dataclasses import replace

import pytest

from core.config import Config
from core.groups import Evaluation, Group
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id

TITLES = [("0–4", "red"), ("0–4", "green"), ("5–9", "red"), ("5–9", "green")]


def write(home, recipe, seed, right, *, status="finished", created=1000.0, splits=("validation", "test"), **config):
    """Put a run into the home; `right` are the accuracies in per cent of its four groups."""
    groups = tuple(
        Group(label, {"colour": colour}, 200, round(2 * share))
        for (label, colour), share in zip(TITLES, right, strict=True)
    )
    looks = {split: Evaluation(split, groups, (0.45, 0.05, 0.05, 0.45)).to_json() for split in splits}
    stages = [StageRecord("erm", "done", seconds=10.0, evaluations=looks)]
    if recipe != "erm":
        stages.append(StageRecord("prune", "done", seconds=5.0, evaluations=looks, keep_ratio=0.2))
    settings = Config.model_validate({"recipe": recipe, "seed": seed, **config})
    record = RunRecord(
        id=new_id(),
        name=f"{recipe}-{seed}",
        recipe=recipe,
        data=settings.data.name,
        status=status,
        seed=seed,
        config=settings.model_dump(mode="json"),
        created=created + seed,
        stages=tuple(stages),
    )
    record = RunLog(home).register(record)
    RunFolder.create(home, record)
    return record


@pytest.fixture
def home(prusc):
    return Home.open(prusc.home)


@pytest.fixture
def runs(home):
    """Two seeds of ERM and two of PruSC."""
    erm = [write(home, "erm", seed, (98, 60 + seed, 55 + 10 * seed, 97)) for seed in range(2)]
    return erm + [write(home, "prusc", seed, (94, 88, 80 + 4 * seed, 95), created=2000.0) for seed in range(2)]


def test_families_stand_side_by_side_with_mean_deviation_and_what_was_known(prusc, runs):
    said = prusc("compare", "erm-0", "erm-1", "prusc-0", "prusc-1")
    assert said.code == 0
    rows = {line.split("  ")[0].strip(): line for line in said.out.splitlines() if line.strip()}
    assert "2 seeds" in rows["runs"]
    assert "58.0 ± 4.2" in rows["worst group"]  # 55 and 61
    assert "82.0 ± 2.8" in rows["worst group"]  # 80 and 84
    assert "80.0" in rows["sparsity"]
    assert "200" in rows["0–4 · green"]
    assert "No attributes used for training or selection" in said.out
    assert "minus erm  seeds     worst group  95 % interval" in said.out
    assert "prusc      2 (0, 1)  +24.0 ± 1.4  +11.3 to +36.7  0.027  0.027     2/0/0" in said.out
    assert "test split" in said.out


def test_json_holds_numbers_settings_and_pairs(prusc, runs):
    told = prusc("compare", *(run.id for run in runs), "--json").json
    assert told == prusc("compare", *(run.id for run in runs), "--format", "json").json
    erm, pruned = told["families"]
    assert (erm["label"], pruned["label"]) == ("erm", "prusc")
    assert [run["seed"] for run in pruned["runs"]] == [0, 1]
    assert erm["final"]["worst"]["mean"] == pytest.approx(0.58)
    assert erm["final"]["worst"]["n"] == 2
    assert [stage["stage"] for stage in pruned["stages"]] == ["erm", "prune"]
    assert told["settings"]["recipe"] == {run.id: run.recipe for run in runs}
    assert set(told["settings"]) == {"seed", "recipe"}
    assert told["paired"][0]["worst"]["mean"] == pytest.approx(0.24)


def test_json_has_errors_tests_and_the_best_by_a_rule(prusc, runs):
    told = prusc("compare", *(run.id for run in runs), "--best", "worst-group", "--json").json
    worst = told["families"][0]["final"]["worst"]
    assert worst["se"] == pytest.approx(worst["sd"] / 2**0.5)
    (best,) = told["best"]
    assert (best["rule"], best["split"], best["attributes"], best["best"]) == (
        "worst-group",
        "validation",
        True,
        "prusc",
    )
    assert [value["label"] for value in best["values"]] == ["erm", "prusc"]
    (pair,) = told["paired"]
    assert (pair["test"], pair["wins"], pair["ties"], pair["losses"]) == ("t", 2, 0, 0)
    assert pair["p"] == pair["p_holm"] == pytest.approx(0.0265, abs=1e-4)
    assert pair["differences"] == pytest.approx([0.25, 0.23])


def test_the_best_is_marked_with_the_rule_the_split_and_what_it_uses(prusc, runs):
    ids = [run.id for run in runs]
    by_group = prusc("compare", *ids, "--best", "worst-group").out
    assert "\nprusc *" in by_group
    assert (
        "* best by rule 'worst-group' on the validation split, which uses validation labels and attributes: "
        in by_group
    )
    by_average = prusc("compare", *ids, "--best", "average").out
    assert "which uses validation labels, no attributes: prusc, 89.8 ± 0.7" in by_average
    by_cell = prusc("compare", *ids).out
    assert "*" not in by_cell
    assert "rule 'worst-cell' on the validation split" in by_cell
    assert "none, as it takes at least two" in by_cell


def test_the_baseline_and_the_test_can_be_chosen(prusc, runs):
    said = prusc("compare", *(run.id for run in runs), "--against", "prusc-1", "--test", "wilcoxon")
    assert "minus prusc" in said.out
    assert "erm          2 (0, 1)  −24.0 ± 1.4  −36.7 to −11.3  0.500" in said.out
    assert "cannot reach p < 0.05 with fewer than 6 differences" in said.out


def test_with_one_shared_seed_there_is_no_test_and_the_table_says_so(prusc, runs):
    said = prusc("compare", "erm-0", "prusc-0")
    assert "prusc      1 (0)  +25.0        –              –  –         1/0/0" in said.out
    assert "no test with one seed in common" in said.out
    assert "nan" not in said.out


def test_csv_has_a_line_for_each_run_with_the_settings_that_differ(prusc, home, runs):
    write(home, "erm", 7, (10, 10, 10, 10), status="stopped")
    said = prusc("compare", "--where", "recipe=erm or recipe=prusc", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [(row["family"], row["seed"], row["worst_group"]) for row in rows] == [
        ("erm", "0", "0.55"),
        ("erm", "1", "0.61"),
        ("prusc", "0", "0.8"),
        ("prusc", "1", "0.84"),
    ]
    assert {(row["split"], row["n"], row["supervision"]) for row in rows} == {("test", "800", "none")}
    stages = list(
        csv.DictReader(io.StringIO(prusc("compare", "prusc-0", "prusc-1", "--by", "stage", "--format", "csv").out))
    )
    assert [row["stage"] for row in stages] == ["erm", "erm", "prune", "prune"]


@pytest.mark.parametrize("format", ["table", "markdown", "latex", "csv", "json"])
def test_a_long_setting_is_named_in_short_and_stands_whole_below(prusc, home, format):
    layers = [f"layer{number}.conv" for number in range(18)]
    for exclude in (layers, layers[::-1], ["fc"]):
        write(home, "prusc", 0, (90, 80, 70, 60), prune={"exclude": exclude})
    out = prusc("compare", "--where", "recipe=prusc", "--format", format).out.replace("{[}", "[").replace("{]}", "]")
    for sign in "\\ \n":
        out = out.replace(sign, "")
    for name in ("prune.exclude=[18items]#1", "prune.exclude=[18items]#2", "prune.exclude=[fc]"):
        assert name in out
    for whole in (layers, layers[::-1]):
        assert ",".join(whole) in out.replace('"', "")
    if format == "table":
        heading = out.split("runs")[0]
        assert "layer" not in heading


def test_stages_of_a_family_stand_side_by_side(prusc, runs):
    said = prusc("compare", "prusc-0", "prusc-1", "--by", "stage", "--format", "markdown")
    head = said.out.splitlines()[0]
    assert [cell.strip() for cell in head.split("|")[1:-1]] == ["prusc", "samples", "erm", "prune"]


def test_a_query_adds_runs_oldest_first_and_none_twice(prusc, runs):
    told = prusc("compare", "prusc-1", "--where", "recipe=prusc or recipe=erm", "--json").json
    assert [family["label"] for family in told["families"]] == ["prusc", "erm"]
    assert sum(len(family["runs"]) for family in told["families"]) == 4
    assert [run["name"] for run in told["families"][1]["runs"]] == ["erm-0", "erm-1"]


def test_latex_has_one_table_for_each_data_set_and_says_so(prusc, home, runs):
    other = write(home, "erm", 0, (90, 80, 70, 60), data={"name": "patch-mnist"})
    said = prusc("compare", "erm-0", "prusc-0", other.id, "--format", "latex")
    begun = [line.split(" ")[0] for line in said.out.splitlines() if line.endswith(r"\\") and " & " in line]
    assert said.out.count(r"\begin{tabular}") == said.out.count(r"\end{tabular}") == 5
    # Groups of both data sets; means of the first with the differences, and means of the other one, which is alone.
    assert [head for head in begun if head in ("colored-mnist", "patch-mnist", "minus")] == [
        *("colored-mnist", "patch-mnist", "colored-mnist", "minus", "patch-mnist")
    ]
    assert "% patch-mnist only: other data has other groups" in said.out
    outside = said.out.split(r"\begin{tabular}")[0]
    assert all(line.startswith("%") for line in outside.splitlines() if line)


def test_the_split_can_be_named(prusc, home, runs):
    write(home, "erm", 7, (90, 80, 70, 60), splits=("validation",))
    told = prusc("compare", "erm-0", "erm-7", "--split", "validation", "--json").json
    assert told["families"][0]["final"]["seeds"] == [0, 7]
    told = prusc("compare", "erm-0", "erm-7", "--json").json
    assert (told["split"], told["families"][0]["final"]["seeds"]) == ("test", [0])


def test_a_run_that_was_stopped_is_named_and_left_out(prusc, home, runs):
    write(home, "erm", 7, (10, 10, 10, 10), status="stopped")
    said = prusc("compare", "erm-0", "erm-1", "erm-7", "--format", "markdown")
    assert "58.0 ± 4.2" in said.out
    assert "erm-7 (stopped) is left out of the mean" in said.out


def test_a_table_too_wide_for_the_terminal_comes_in_parts_with_all_columns(prusc, home):
    for steps in (10, 20, 30, 40, 50, 60, 70, 80, 90, 95):
        write(home, "prusc", 0, (90, 80, 70, 60), prune={"steps": steps})
    said = prusc("compare", "--where", "recipe=prusc")
    assert max(map(len, said.out.splitlines())) <= 160
    tables = said.out.split("samples")[0:]
    assert len(tables) >= 2
    assert all(f"prune.steps={steps}" in said.out for steps in (10, 50, 95))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "compare needs at least two runs, but no run is given"),
        (("erm-0",), "only 'erm-0' is given"),
        (("erm-0", "erm-0"), "only 'erm-0' is given"),
        (("erm-0", "erm-9"), "no run 'erm-9'"),
        (("--where", "rezipe=erm"), "unknown field 'rezipe'"),
        (("erm-0", "erm-1", "--best", "test"), "--best test: the test split selects nothing"),
        (("erm-0", "erm-1", "--best", "last"), "--best last: this rule ranks no methods"),
        (("erm-0", "erm-1", "--best", "worst-gruop"), "did you mean 'worst-group'"),
        (("erm-0", "erm-1", "--against", "prusc-0"), "this run is not among the compared ones"),
    ],
    ids=str,
)
def test_bad_input_gets_one_sentence(prusc, runs, words, sentence):
    said = prusc("compare", *words)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_runs_without_an_evaluation_cannot_be_compared(prusc, home):
    for seed in range(2):
        record = write(home, "erm", seed, (1, 1, 1, 1))
        RunFolder(home, record.id).update(stages=(replace(record.stages[0], evaluations={}),))
    said = prusc("compare", "erm-0", "erm-1")
    assert said.code == 2
    assert "none of these runs has been evaluated yet" in said.err


def test_a_split_that_no_run_has_is_named(prusc, home):
    for seed in range(2):
        write(home, "erm", seed, (1, 1, 1, 1), splits=("validation",))
    said = prusc("compare", "erm-0", "erm-1", "--split", "test")
    assert (said.code, said.out) == (2, "")
    assert "--split test" in said.err
    assert prusc("compare", "erm-0", "erm-1").code == 0
