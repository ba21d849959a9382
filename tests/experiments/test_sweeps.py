from dataclasses import replace

import pytest

from core.errors import InputError
from core.groups import Evaluation, Group
from core.runs.folder import RunFolder
from core.runs.log import RunLog
from experiments.launchers import queue
from experiments.queue.control import hold
from experiments.space import read_seeds
from experiments.study import read_study
from experiments.sweeps import control, registry, search
from experiments.sweeps.cells import cells_of, counts
from experiments.sweeps.registry import Sweep
from experiments.sweeps.scores import ranked
from prusc_tui.cli.sweep_options import study_of, sweep_of
from prusc_tui.report.sweep import lines, mark, style

TINY = ("data.train_size=600", "data.validation_size=80", "data.test_size=80")


@pytest.fixture(autouse=True)
def nobody_starts_what_waits(monkeypatch):
    monkeypatch.setattr(queue, "ensure", lambda home: None)


def a_sweep(home, grid=("erm.lr=0.1,0.2",), seeds="0-1", **more):
    return sweep_of(home, study_of("erm", grid=grid, seeds=seeds, overrides=TINY, **more))


def set_status(home, cell, status, **changes):
    RunLog(home).put(RunFolder.open(home, cell.run["id"]).update(status=status, **changes))


def with_result(worst, n=100):
    groups = (Group("a", {}, n, round(worst * n)), Group("b", {}, n, n))
    value = Evaluation("validation", groups, (0.5, 0.5)).to_json()
    return {"evaluations": {"validation": value}, "status": "done"}


def finish(home, cell, worst):
    folder = RunFolder.open(home, cell.run["id"])
    folder.update_stage("erm", **with_result(worst))
    set_status(home, cell, "finished")


def test_every_point_has_a_run_for_every_seed_named_after_what_varies(home):
    sweep = a_sweep(home)
    assert sweep.name == "erm-lr"
    assert [(t.plan.config.erm.lr, t.plan.config.seed, t.plan.base_name) for t in sweep.tasks] == [
        (0.1, 0, "erm-lr/lr=0.1"),
        (0.2, 0, "erm-lr/lr=0.2"),
        (0.1, 1, "erm-lr/lr=0.1/seed-1"),
        (0.2, 1, "erm-lr/lr=0.2/seed-1"),
    ]
    assert {t.plan.config.data.train_size for t in sweep.tasks} == {600}
    assert {t.plan.config.data.seed for t in sweep.tasks} == {0}  # as in `prusc run --seed`


def test_only_what_is_missing_or_did_not_finish_is_started(home):
    sweep = a_sweep(home)
    control.start(home, sweep)
    cells = cells_of(home, sweep)
    assert counts(cells) == {"waiting": 4}
    finish(home, cells[0], 0.5)
    set_status(home, cells[1], "failed", job="")
    set_status(home, cells[2], "stopped", job="")
    before = {cell.run["id"] for cell in cells}
    assert counts(cells_of(home, sweep)) == {"finished": 1, "waiting": 1, "stopped": 1, "failed": 1}
    control.start(home, sweep)
    after = cells_of(home, sweep)
    assert counts(after) == {"finished": 1, "waiting": 3}
    assert {cell.run["id"] for cell in after} == before


def test_a_run_with_the_settings_of_a_cell_belongs_to_the_sweep_and_survives_it(home):
    first, other = a_sweep(home, seeds="0"), a_sweep(home, grid=("erm.lr=0.2,0.3",), seeds="0")
    registry.keep(home, first)
    other = sweep_of(home, other.study, "other")
    control.start(home, first)
    shared = cells_of(home, first)[1]
    assert [cell.state for cell in cells_of(home, other)] == ["waiting", "missing"]
    control.start(home, other)
    assert cells_of(home, other)[0].run["id"] == shared.run["id"]
    control.stop(home, other)
    assert control.delete(home, other) == 1
    assert RunLog(home).get(shared.run["id"]) is not None


def test_a_sweep_is_kept_by_name_and_read_back(home):
    sweep = a_sweep(home)
    registry.keep(home, sweep)
    assert registry.names(home) == ["erm-lr"]
    again = registry.get(home, "erm-lr")
    assert again.study == sweep.study
    assert again.launcher == "queue"
    assert a_sweep(home).name == "erm-lr"  # the same runs, so the same sweep
    assert a_sweep(home, grid=("erm.lr=0.1,0.3",)).name == "erm-lr-2"
    with pytest.raises(InputError, match="no sweep 'erm-l'; did you mean 'erm-lr'"):
        registry.get(home, "erm-l")


def test_another_sweep_cannot_take_the_name_of_one_or_of_a_study(home):
    registry.keep(home, a_sweep(home))
    other = study_of("erm", grid=("erm.lr=0.5",), overrides=TINY)
    with pytest.raises(InputError, match="a sweep named 'erm-lr' with other runs exists"):
        registry.keep(home, Sweep(other.renamed("erm-lr")))
    with pytest.raises(InputError, match="a study has this name"):
        registry.keep(home, Sweep(other.renamed("bench-few")))
    with pytest.raises(InputError, match="cannot be named"):
        registry.keep(home, Sweep(other.renamed("../up")))
    with pytest.raises(InputError, match="too long"):
        control.check(Sweep(other.renamed("x" * 300)))


def test_a_sweep_stops_as_one_and_goes_on(home):
    sweep = a_sweep(home)
    control.start(home, sweep)
    cells = cells_of(home, sweep)
    set_status(home, cells[0], "running", pid=1, pid_started=None, host="elsewhere")
    RunFolder.open(home, cells[0].run["id"]).beat()
    assert control.stop(home, sweep) == 4
    assert RunFolder.open(home, cells[0].run["id"]).stop_requested()
    assert counts(cells_of(home, sweep)) == {"running": 1, "stopped": 3}
    control.start(home, sweep)
    assert counts(cells_of(home, sweep)) == {"running": 1, "waiting": 3}


def test_runs_that_are_held_are_counted_as_held_and_stop_with_the_others(home):
    sweep = a_sweep(home)
    control.start(home, sweep)
    hold(home, [cell.run["id"] for cell in cells_of(home, sweep)[1:3]])
    cells = cells_of(home, sweep)
    assert [cell.state for cell in cells] == ["waiting", "held", "held", "waiting"]
    control.start(home, sweep)
    assert counts(cells_of(home, sweep)) == {"waiting": 2, "held": 2}
    assert any(" 2 waiting, 2 held" in line.plain for line in lines(sweep, cells, [], 200))
    assert [(mark(cell), style(cell.state)) for cell in cells[:2]] == [("◦", "dim"), ("■", "yellow")]
    assert control.stop(home, sweep) == 4
    assert counts(cells_of(home, sweep)) == {"stopped": 4}


def test_a_sweep_is_deleted_with_its_runs_once_none_is_at_work(home):
    sweep = a_sweep(home)
    registry.keep(home, sweep)
    control.start(home, sweep)
    with pytest.raises(InputError, match="stop it first"):
        control.delete(home, sweep)
    control.stop(home, sweep)
    assert control.delete(home, sweep) == 4
    assert RunLog(home).all() == []
    assert registry.names(home) == []


def test_points_are_ranked_by_the_mean_of_the_objective_on_validation(home):
    sweep = a_sweep(home, objective="worst-group")
    control.start(home, sweep)
    for cell, worst in zip(cells_of(home, sweep), (0.5, 0.6, 0.9, 0.6), strict=True):
        finish(home, cell, worst)
    scores = ranked(home, sweep, cells_of(home, sweep))
    assert [(score.task.point, pytest.approx(score.value), score.n, score.of) for score in scores] == [
        ({"erm.lr": 0.1}, 0.7, 2, 2),
        ({"erm.lr": 0.2}, 0.6, 2, 2),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": ("erm.lrr=1,2",)}, "unknown key 'erm.lrr'; did you mean 'erm.lr'"),
        ({"grid": ("erm.lr=1,no",)}, "erm.lr"),
        ({"grid": ("erm.lr",)}, "expected KEY=VALUES"),
        ({"random": ("erm.lr=log:1e-4..1e-1",)}, "needs --n"),
        ({"random": ("erm.lr=1..0",), "n": 3}, "empty"),
        ({"grid": ("erm.lr=1,2",), "n": 3}, "--n is for --random"),
        ({"grid": ("erm.lr=1,2",), "random": ("erm.lr=0..1",), "n": 2}, "in --grid and in --random"),
        ({"grid": ("erm.lr=1,2",), "objective": "test"}, "unknown objective 'test'"),
        ({"grid": ("erm.lr=1,2",), "method": "guess"}, "--method guess: unknown"),
        ({}, "nothing varies"),
    ],
)
def test_a_sweep_that_is_not_possible_is_refused_before_anything_is_written(home, options, message):
    with pytest.raises(InputError, match=message):
        sweep_of(home, study_of("erm", **options)).tasks  # noqa: B018
    assert not (home.root / "sweeps").exists()


@pytest.mark.parametrize(("text", "seeds"), [("0-3", (0, 1, 2, 3)), ("5", (5,)), ("0,2,5-6", (0, 2, 5, 6))])
def test_seeds_are_read_as_numbers_and_spans(text, seeds):
    assert read_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "3-1", "0,0", "1-2,2"])
def test_seeds_that_are_none_or_twice_are_refused(text):
    with pytest.raises(InputError, match="--seeds"):
        read_seeds(text)


def test_the_file_of_a_sweep_says_the_same_as_options(tmp_path, home):
    (tmp_path / "lr.toml").write_text(
        'recipes = ["erm"]\npresets = ["colored-mnist"]\nseeds = [0, 1]\nown_draws = false\n'
        "[settings]\ndata.train_size = 600\n[grid]\nerm.lr = [0.1, 0.2]\n"
    )
    study = study_of(str(tmp_path / "lr.toml"))
    assert study.name == "lr"
    assert [task.point for task in Sweep(study).tasks] == [{"erm.lr": 0.1}, {"erm.lr": 0.2}] * 2
    with pytest.raises(InputError, match="unknown key 'gird'; did you mean 'grid'"):
        read_study("x", {"recipes": ["erm"], "presets": ["demo"], "gird": {}}, "file")


def test_a_search_draws_each_point_from_its_range_and_learns_from_the_results(home):
    pytest.importorskip("optuna", reason="the extra 'search' is not installed")
    study = study_of("erm", random=("erm.lr=log:1e-3..1",), n=12, method="optuna", seeds="0", overrides=TINY,
                     objective="worst-group")  # fmt: skip
    sweep = registry.keep(home, sweep_of(home, study))
    while not (sweep.tasks and search.is_over(sweep, cells_of(home, sweep))):
        before = len(sweep.study.drawn)
        sweep = search.advance(home, sweep, cells_of(home, sweep), at_once=2)
        assert len(sweep.study.drawn) <= before + 2
        control.start(home, sweep)
        for cell in cells_of(home, sweep):
            if cell.state == "waiting":
                lr = cell.task.plan.config.erm.lr
                assert 1e-3 <= lr <= 1
                finish(home, cell, 1 - abs(lr - 0.03) / 2)
    assert len(sweep.study.drawn) == 12
    assert registry.get(home, sweep.name).study.drawn == sweep.study.drawn
    best = ranked(home, sweep, cells_of(home, sweep))[0].task.point["erm.lr"]
    assert abs(best - 0.03) < 0.05


A_SEARCH = {"random": ("erm.lr=log:1e-3..1",), "n": 4, "method": "optuna", "seeds": "0", "overrides": TINY}
POINTS = tuple({"erm.lr": lr} for lr in (0.1, 0.2, 0.3, 0.4))


def test_the_same_command_again_continues_a_search_and_forgets_nothing(home):
    pytest.importorskip("optuna", reason="the extra 'search' is not installed")
    sweep = registry.keep(home, sweep_of(home, study_of("erm", **A_SEARCH)))
    registry.grow(home, sweep, drawn=POINTS[:2], hopeless=["x"])
    again = registry.keep(home, sweep_of(home, study_of("erm", **A_SEARCH), device="cpu"))
    assert again == registry.get(home, sweep.name)
    assert (again.study.drawn, again.hopeless, again.device) == (POINTS[:2], ("x",), "cpu")


def test_of_processes_that_continue_one_search_none_loses_what_the_other_has_added(home):
    pytest.importorskip("optuna", reason="the extra 'search' is not installed")
    both = registry.keep(home, sweep_of(home, study_of("erm", **A_SEARCH)))
    one = registry.grow(home, both, drawn=POINTS[:1], hopeless=["a"])
    registry.keep(home, replace(both, device="cpu"))  # how its runs are started from now on
    other = registry.grow(home, both, drawn=POINTS[1:3], hopeless=["b", "a"])
    # Both drew the first point from the same results; the second of the other is one more.
    assert other.study.drawn == (POINTS[0], POINTS[2])
    assert (other.hopeless, other.device) == (("a", "b"), "cpu")
    assert registry.grow(home, one, drawn=POINTS[3:]).study.drawn == (POINTS[0], POINTS[2])
    assert registry.grow(home, other, drawn=POINTS[3:]).study.drawn == (POINTS[0], POINTS[2], POINTS[3])


def test_a_search_whose_sweep_was_deleted_does_not_bring_it_back(home):
    pytest.importorskip("optuna", reason="the extra 'search' is not installed")
    sweep = registry.keep(home, sweep_of(home, study_of("erm", **A_SEARCH)))
    registry.remove(home, sweep)
    with pytest.raises(InputError, match="no sweep 'erm-lr'"):
        registry.grow(home, sweep, drawn=POINTS[:1])
    assert registry.names(home) == []


def test_a_search_proposes_the_same_point_again_after_an_interruption(home):
    pytest.importorskip("optuna", reason="the extra 'search' is not installed")
    study = study_of("erm", random=("erm.lr=0.001..1.0", "erm.epochs=1..9"), n=5, method="optuna", overrides=TINY)
    sweep = sweep_of(home, study)
    assert search.propose(sweep, [], home) == search.propose(sweep, [], home)


def test_a_point_that_a_search_draws_twice_is_one_run(home):
    study = study_of("erm", random=("erm.optimizer=choice:sgd,adam",), n=3, method="optuna", seeds="0", overrides=TINY)
    twice = tuple({"erm.optimizer": name} for name in ("adam", "sgd", "adam"))
    sweep = Sweep(replace(study, drawn=twice))
    control.start(home, sweep)
    assert sorted(run["name"] for run in RunLog(home).all()) == [
        "erm-optimizer/optimizer=adam",
        "erm-optimizer/optimizer=sgd",
    ]
    cells = cells_of(home, sweep)
    assert counts(cells) == {"waiting": 3}
    for cell in cells:
        finish(home, cell, 0.5)
    assert [score.n for score in ranked(home, sweep, cells_of(home, sweep))] == [1, 1]
