"""Tables of a study over seeds: which runs count, and what the numbers are."""

from dataclasses import replace

import pytest
from scipy.stats import ttest_1samp

from core.engine.artifacts import Sealed, seal
from core.errors import InputError
from core.events import PseudoGroupsFound
from core.groups import Evaluation, Group
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import StageRecord
from experiments.catalog import get_study
from experiments.launch import create_run
from experiments.study import Study
from experiments.tables.benchmark import benchmark, benchmarks, best, differences, get_benchmark, missing, verdicts_of
from experiments.tasks import plan_study
from prusc_tui.tables.benchmark import accuracies, finders, pairs, proxies, seconds, tidy
from prusc_tui.tables.grid import latex, markdown
from prusc_tui.tables.page import missing_sentence, page

STUDY = Study(
    name="little",
    summary="two methods on two data sets",
    recipes=("erm", "prusc", "prusc@errors", "slow fine-tuning"),
    presets=("colored-mnist", "patch-mnist"),
    settings={"erm.epochs": 1.0},
    of={"slow fine-tuning": {"recipe": "finetune-only", "finetune.lr": 1e-4}},
    table="little",
    seeds=(0, 1),
    own_draws=True,
    against="prusc",
)


def evaluation(split: str, worst: float, cell: float | None = None) -> dict:
    groups = (Group("a", {"colour": "red"}, 100, round(100 * worst)), Group("b", {"colour": "red"}, 300, 300))
    cells = () if cell is None else (Group("a", {"pseudo-group": "0"}, 100, round(100 * cell)),)
    return Evaluation(split, groups, (0.5, 0.5), cells).to_json()


def finish(
    home: Home, task, worst: float, *, cell: float | None = None, conflicts=None, status="finished"
) -> RunFolder:
    folder = create_run(home, task.plan)
    stages = list(folder.record().stages)
    results = {"test": evaluation("test", worst), "validation": evaluation("validation", worst, cell)}
    stages[-1] = StageRecord(stages[-1].name, "done", seconds=60.0, evaluations=results)
    if conflicts:
        event = PseudoGroupsFound("find", ["a", "b"], [[1, 2]], conflicts=conflicts, source="biased")
        partial = folder.path / "artifacts" / ".find.partial"
        partial.mkdir(parents=True)
        seal(partial, folder.artifacts("find"), Sealed("key", 1.0, (event,)))
    RunLog(home).put(folder.update(status=status, stages=tuple(stages)))
    return folder


def task_of(entry: str, preset: str, seed: int):
    (found,) = [t for t in plan_study(STUDY) if (t.recipe, t.preset, t.plan.config.seed) == (entry, preset, seed)]
    return found


def test_every_entry_runs_on_every_preset_and_seed_with_its_own_draw_of_the_data():
    tasks = plan_study(STUDY)
    assert len(tasks) == 4 * 2 * 2
    assert {(t.plan.config.seed, t.plan.config.data.seed) for t in tasks} == {(0, 0), (1, 1)}
    assert {t.plan.config.find.by for t in tasks if t.recipe == "prusc@errors"} == {"errors"}
    (slow,) = {(t.plan.recipe.name, t.plan.config.finetune.lr) for t in tasks if t.recipe == "slow fine-tuning"}
    assert slow == ("finetune-only", 1e-4)
    assert len({t.plan.base_name for t in tasks}) == len(tasks)
    assert len({t.title for t in tasks}) == len(tasks)


def test_a_cell_has_the_finished_runs_with_exactly_the_settings_of_the_study(home):
    finish(home, task_of("prusc", "patch-mnist", 0), 0.8)
    finish(home, task_of("prusc", "patch-mnist", 1), 0.6)
    finish(home, task_of("erm", "patch-mnist", 0), 0.3, status="failed")
    other = task_of("erm", "patch-mnist", 1)
    changed = replace(other.plan, config=other.plan.config.model_copy(update={"seed": 7}))
    finish(home, replace(other, plan=changed), 0.9)
    found = benchmark(home, STUDY)
    assert [row.entry for row in found.rows] == ["prusc"]
    assert found.presets == ("patch-mnist",)
    assert [(m.seed, m.worst, m.n) for m in found.rows[0].cells["patch-mnist"]] == [(0, 0.8, 400), (1, 0.6, 400)]
    assert (found.finished, found.planned) == (2, 16)


def test_a_page_has_every_run_with_its_interval_times_sizes_and_settings(home):
    folder = finish(home, task_of("prusc", "patch-mnist", 0), 0.8)
    stages = folder.record().stages
    RunLog(home).put(folder.update(stages=(*stages[:-1], replace(stages[-1], keep_ratio=0.5, harm=("one-class",)))))
    finish(home, task_of("prusc", "patch-mnist", 1), 0.6)
    runs, times, sizes, settings = page(home, benchmark(home, STUDY))
    # The interval of 80 of 100 by Wilson is 71.1 to 86.7; 380 of 400 are right on average.
    first = dict(zip(runs.columns, (cell.plain for cell in runs.lines[0].cells), strict=True))
    assert runs.lines[0].title.endswith(", seed 0")
    assert first["worst group"] == "a · red"
    assert first["its accuracy"] == "80.0 (71.1–86.7)"
    assert (first["its n"], first["supervision"], first["weights kept"]) == ("100", "none", "50.0")
    assert first["average"].startswith("95.0 (92.4–")
    assert [line.cells[-1].plain for line in runs.lines] == ["keep ERM", "–"]
    assert "n = 400" in runs.about
    assert {cell.plain for cell in times.lines[0].cells} >= {"1:00"}
    assert [[cell.plain for cell in line.cells] for line in sizes.lines if line.title == "test"] == [
        ["100", "300", "400"]
    ]
    values = {line.title: [cell.plain for cell in line.cells] for line in settings.lines}
    assert values["erm.epochs"] == ["1", "all"]
    assert "seed" not in values


def test_the_runs_that_are_missing_are_named(home):
    for entry in STUDY.recipes:
        finish(home, task_of(entry, "colored-mnist", 0), 0.5)
        finish(home, task_of(entry, "colored-mnist", 1), 0.5)
        finish(home, task_of(entry, "patch-mnist", 1), 0.5)
    found = benchmark(home, STUDY)
    assert missing(found) == {f"{entry} on patch-mnist": [0] for entry in STUDY.recipes}
    assert missing_sentence(found).startswith(
        "12 of 16 runs are finished. Missing: erm on patch-mnist (seed 0); prusc on"
    )
    for entry in STUDY.recipes:
        finish(home, task_of(entry, "patch-mnist", 0), 0.5)
    assert missing_sentence(benchmark(home, STUDY)) == ""


def test_where_the_files_of_a_run_were_does_not_matter_but_how_its_network_started_does(home, tmp_path):
    study = get_study("bench-waterbirds")
    root, weights = f"data.root={tmp_path}", f"model.weights={tmp_path / 'mobilenet.pth'}"
    for overrides, worst in ((("model.weights=none", root), 0.1), ((root, weights), 0.7)):
        (task,) = plan_study(study, overrides=overrides, seed=1, only="prusc")
        finish(home, task, worst)
    found = benchmark(home, study)
    assert [[m.worst for m in row.cells["waterbirds-mobilenet"]] for row in found.rows] == [[0.7]]


def test_differences_pair_the_runs_of_one_seed(home):
    for seed, ours, theirs in ((0, 0.8, 0.7), (1, 0.6, 0.2)):
        finish(home, task_of("prusc", "patch-mnist", seed), ours)
        finish(home, task_of("slow fine-tuning", "patch-mnist", seed), theirs)
    finish(home, task_of("erm", "colored-mnist", 0), 0.1)
    found = benchmark(home, STUDY)
    erm, prusc, slow = found.rows
    value = differences(prusc, slow, "patch-mnist")
    assert value is not None
    assert value.seeds == (0, 1)
    assert value.worst == pytest.approx((0.1, 0.4))
    assert differences(prusc, erm, "colored-mnist") is None
    grid = pairs(found)
    assert grid is not None
    assert [line.title for line in grid.lines] == ["− slow fine-tuning"]  # ERM is on other data
    (line,) = grid.lines
    assert [cell.plain for cell in line.cells[:3]] == ["patch", "2 (0, 1)", "+25.0 ± 21.2"]
    assert line.cells[6].plain == "2/0/0"


def test_methods_on_one_data_set_are_tested_together(home):
    shares = {"prusc": (0.8, 0.7), "erm": (0.3, 0.1), "slow fine-tuning": (0.6, 0.65)}
    for entry, values in shares.items():
        for seed, worst in enumerate(values):
            finish(home, task_of(entry, "patch-mnist", seed), worst)
    finish(home, task_of("erm", "colored-mnist", 0), 0.1)
    erm, slow = verdicts_of(benchmark(home, STUDY))
    assert (erm.preset, erm.other.entry, slow.other.entry) == ("patch-mnist", "erm", "slow fine-tuning")
    assert erm.verdict.p == pytest.approx(ttest_1samp([0.5, 0.6], 0).pvalue)
    assert erm.verdict.corrected == pytest.approx(2 * erm.verdict.p)
    assert slow.verdict.corrected == pytest.approx(max(2 * erm.verdict.p, slow.verdict.p))
    assert (slow.verdict.wins, slow.verdict.losses) == (2, 0)


def test_the_best_is_that_of_validation_among_the_methods_without_supervision(home):
    finish(home, task_of("prusc", "patch-mnist", 0), 0.5, cell=0.9)
    finish(home, task_of("prusc@errors", "patch-mnist", 0), 0.8, cell=0.7)
    finish(home, task_of("erm", "patch-mnist", 0), 0.95)
    found = benchmark(home, STUDY)
    assert best(found, "patch-mnist", "worst-cell").entry == "prusc"
    assert best(found, "patch-mnist", "worst-group").entry == "erm"
    by_cell, by_group = accuracies(found), accuracies(found, "worst-group")
    assert [line.title for line in by_cell.lines if line.cells[1].stands_out] == ["prusc, biased"]
    assert by_cell.notes[1].endswith("validation labels and pseudo-groups, no attributes: prusc, biased (patch).")
    assert by_group.notes[1].endswith("which uses validation labels and attributes: erm (patch).")


def test_the_tables_say_split_samples_supervision_and_what_the_finder_found(home):
    conflicts = {"found": 20, "true": 30, "hits": 15}
    finish(home, task_of("prusc", "patch-mnist", 0), 0.8, cell=0.85, conflicts=conflicts)
    finish(home, task_of("prusc@errors", "patch-mnist", 0), 0.5, cell=0.4, conflicts=conflicts)
    finish(home, task_of("erm", "patch-mnist", 0), 0.3)
    found = benchmark(home, STUDY)
    assert "test" in accuracies(found).about
    assert "n = 400" in accuracies(found).about
    _, first, second = accuracies(found).lines
    assert (first.title, second.title) == ("prusc, biased", "prusc, errors")
    assert first.cells[1].stands_out
    assert not second.cells[1].stands_out
    assert "0.75 / 0.50" in markdown(finders(found))
    assert "5.0" in markdown(proxies(found))
    assert "1:00" in markdown(seconds(found))
    assert r"\begin{tabular}" in latex(accuracies(found))
    rows = list(tidy(found))
    assert [(row["recipe"], row["precision"], row["recall"]) for row in rows] == [
        ("erm", None, None),
        ("prusc", 0.75, 0.5),
        ("prusc@errors", 0.75, 0.5),
    ]
    assert [row["worst_cell_validation"] for row in rows] == [None, 0.85, 0.4]


def test_every_benchmark_can_be_planned_and_an_unknown_one_names_the_nearest(home):
    for study in benchmarks().values():
        assert len({task.plan.base_name for task in plan_study(study)}) == len(plan_study(study))
        assert not study.against or study.against in study.recipes
    assert "bench-digits" in {study.name for study in benchmarks().values()}
    assert get_study("bench-few").against == "prusc-head"
    with pytest.raises(InputError, match=r"'digit'.*digits"):
        get_benchmark(home, "digit")
