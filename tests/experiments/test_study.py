"""Studies: which runs they are made of, and which of them are taken, resumed, left alone or made."""

import threading
from dataclasses import replace

import pytest

from core.engine.stage import stage_key
from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.log import RunLog
from experiments import catalog
from experiments.catalog import get_study, study_names
from experiments.launch import create_run
from experiments.plan import build_pipeline, make_plan
from experiments.tasks import Task, claim, find_run, plan_study
from tests.data.photo_lab import plain

SMALL = """
summary = "two recipes on two data sets"
recipes = ["erm", "prune-only"]
presets = ["patch-mnist", "texture-mnist"]

[settings.erm]
epochs = 0.5
keep_epochs = [0.5]

[of.prune-only]
erm.lr = 0.02
prune = { steps = 7, exclude = ["fc"] }
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A study of four runs, in a folder of its own."""
    folder = tmp_path / "studies"
    folder.mkdir()
    (folder / "small.toml").write_text(SMALL)
    ours = catalog._folder
    monkeypatch.setattr(catalog, "_folder", lambda name: folder if name == "studies" else ours(name))
    return get_study("small")


@pytest.fixture
def task(small):
    return plan_study(small)[0]


def change(folder, **changes):
    RunLog(folder.home).put(folder.update(**changes))


def set_status(claimed, status, **changes):
    change(claimed.folder, status=status, **changes)


@pytest.mark.parametrize("name", study_names())
def test_every_run_of_a_bundled_study_can_be_planned_and_has_a_name_of_its_own(name):
    study = get_study(name)
    tasks = plan_study(study)
    order = [(p, seed, r) for p in study.presets for seed in study.seeds for r in study.recipes]
    assert [(task.preset, task.plan.config.seed, task.recipe) for task in tasks] == order
    assert len({task.plan.base_name for task in tasks}) == len(tasks)
    assert set(study.of) <= set(study.recipes)
    for task in tasks:
        settings = dict(study.of.get(task.recipe, {}))
        recipe, _, finder = settings.pop("recipe", task.recipe).partition("@")
        seed = task.plan.config.seed
        own = [f"{key}={value}" for key, value in settings.items()]
        own += [f"find.by={finder}"] if finder else []
        drawn = hasattr(task.plan.config.data, "seed")  # of such data, every seed draws its own
        own += [f"data.seed={seed}"] if len(study.seeds) > 1 and drawn else []
        assert task.plan.config == make_plan(recipe, data=task.preset, overrides=own, seed=seed).config
        assert task.plan.preset == task.preset


def test_the_grid_of_methods_and_label_noise_is_complete_and_small():
    tasks = plan_study(get_study("cmnist-study"))
    assert {task.plan.config.data.label_noise for task in tasks} == {0.05, 0.10, 0.25}
    assert {task.plan.config.data.train_size for task in tasks} == {10_000}
    recipes = [task.recipe for task in tasks]
    assert {"erm-pooled", "erm-grey", "irm-given", "irm-random", "eiil", "irm", "vrex", "erm-balance"} <= set(recipes)
    assert all(recipes.index("irm") < recipes.index(other) for other in ("vrex", "group-dro-inferred", "erm-balance"))


def test_the_complete_grid_is_the_same_command_with_two_settings():
    overrides = ["train.restarts=10", "data.train_size=50000"]
    for task in plan_study(get_study("cmnist-study"), overrides=overrides):
        assert task.plan.config.train.restarts == 10
        assert task.plan.config.data.train_size == 50_000


def test_settings_of_the_study_are_laid_over_the_presets_and_those_of_the_command_over_them(small):
    assert {task.plan.config.erm.epochs for task in plan_study(small)} == {0.5}
    tasks = plan_study(small, overrides=["erm.epochs=1", "erm.keep_epochs=[1]"], seed=3)
    assert {(task.plan.config.erm.epochs, task.plan.config.seed) for task in tasks} == {(1.0, 3)}
    assert {task.plan.config.data.name for task in tasks} == {"patch-mnist", "texture-mnist"}


def test_settings_of_one_recipe_reach_its_runs_alone_and_the_command_is_laid_over_them(small):
    def settings(*overrides):
        return {
            task.recipe: (c.erm.epochs, c.erm.lr, c.prune.steps, c.prune.exclude)
            for task in plan_study(small, overrides=overrides)
            for c in [task.plan.config]
        }

    usual = make_plan("erm").config
    assert settings() == {
        "erm": (0.5, usual.erm.lr, usual.prune.steps, ()),
        "prune-only": (0.5, 0.02, 7, ("fc",)),
    }
    assert settings("prune.steps=9") == {
        "erm": (0.5, usual.erm.lr, 9, ()),
        "prune-only": (0.5, 0.02, 9, ("fc",)),
    }


def test_published_methods_are_run_with_the_settings_of_their_authors():
    train = {task.recipe: task.plan.config.train for task in plan_study(get_study("cmnist-published"))}
    told = {recipe: (t.hidden, t.steps, t.lr, t.l2) for recipe, t in train.items()}
    assert told == {
        "erm-pooled": (256, 501, 0.001, 0.001),
        "erm-grey": (83, 101, 0.0028171488133821726, 0.0008602868865288383),
        "irm-given": (390, 501, 0.0004898536566546834, 0.00110794568),
        "eiil": (390, 501, 0.0004898536566546834, 0.00110794568),
    }
    assert train["irm-given"].penalty_weights == (91257.18613115903,)
    assert train["eiil"].penalty_weights == (191257.18613115903,)


def stage_keys(task):
    """Name of each stage of a run → key under which it is reused."""
    pipeline, found = build_pipeline(task.plan.config), {}
    for stage in pipeline.stages:
        inputs = [found[name] for name in stage.inputs]
        found[stage.name] = stage_key(stage, inputs, pipeline.fingerprint, task.plan.config.seed)
    return found


def test_the_full_study_makes_what_its_runs_share_once_and_shares_with_the_published_one():
    full = {task.recipe: stage_keys(task) for task in plan_study(get_study("cmnist-full"))}
    clustered = [recipe for recipe, keys in full.items() if "cluster" in keys]
    assert clustered[0] == "irm"
    for stage in ("erm", "represent", "cluster"):
        assert len({full[recipe][stage] for recipe in clustered}) == 1
    inferred = {recipe: full[recipe]["environments"] for recipe in clustered if recipe != "irm-random"}
    assert len(inferred) == 4
    assert len(set(inferred.values())) == 1
    assert len({keys["train"] for keys in full.values()}) == len(full)
    published = {task.recipe: stage_keys(task) for task in plan_study(get_study("cmnist-published"))}
    assert published["irm-given"] == full["irm-given"]
    for stage in ("reference", "environments"):
        assert published["eiil"][stage] == full["eiil"][stage]


def test_a_run_of_one_study_is_found_by_another_that_asks_for_the_same(home):
    for task in plan_study(get_study("cmnist-published")):
        create_run(home, task.plan)
    found = {task.recipe: find_run(RunLog(home), task) for task in plan_study(get_study("cmnist-full"))}
    assert [recipe for recipe, record in found.items() if record is not None] == ["irm-given"]


def test_a_study_that_is_misspelt_is_guessed_and_one_in_the_wrong_place_is_sent_to_the_right_one():
    with pytest.raises(InputError, match=r"unknown recipe or preset 'cmnist-stdy'; did you mean 'cmnist-study'\?"):
        make_plan("cmnist-stdy")
    with pytest.raises(InputError, match=r"'cmnist-study' is a study .*: prusc run cmnist-study"):
        make_plan("cmnist-study")


def test_names_hold_study_recipe_preset_and_a_seed_that_is_not_the_usual_one(small):
    names = [task.plan.base_name for task in plan_study(small, only="erm")]
    assert names == ["small/erm/patch-mnist", "small/erm/texture-mnist"]
    assert plan_study(small, seed=2)[0].plan.base_name == "small/erm/patch-mnist/seed-2"


def test_presets_are_named_by_what_tells_them_apart():
    study = get_study("cmnist-study")
    assert [study.short(preset) for preset in study.presets] == ["eta05", "eta10", "eta25"]
    assert get_study("cmnist-full").short("cmnist-eta25") == "cmnist-eta25"


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("erm", [("erm", "patch-mnist"), ("erm", "texture-mnist")]),
        ("texture-mnist", [("erm", "texture-mnist"), ("prune-only", "texture-mnist")]),
        ("prune-only, patch-mnist", [("prune-only", "patch-mnist")]),
        ("prune-only,erm,patch-mnist", [("erm", "patch-mnist"), ("prune-only", "patch-mnist")]),
    ],
)
def test_only_picks_recipes_presets_or_both_in_the_order_of_the_study(small, only, expected):
    assert [(task.recipe, task.preset) for task in plan_study(small, only=only)] == expected


def test_bad_words_get_a_sentence_that_says_which_run_or_name(small):
    with pytest.raises(InputError, match=r"--only prune-onli: .*'prune-only'"):
        plan_study(small, only="erm,prune-onli")
    with pytest.raises(InputError, match=r"--only : "):
        plan_study(small, only="erm,")
    with pytest.raises(InputError, match=r"erm on patch-mnist: --set: unknown key 'erm.epoch'"):
        plan_study(small, overrides=["erm.epoch=1"])
    with pytest.raises(InputError, match=r"unknown study 'smal'; did you mean 'small'"):
        get_study("smal")


def test_a_setting_that_one_recipe_fixes_is_refused_and_the_others_can_be_had_by_name():
    study = get_study("cmnist-study")
    with pytest.raises(InputError, match=r"erm-balance on cmnist-small-eta05: --set environments.rule: .*--only"):
        plan_study(study, overrides=["environments.rule=shares"])
    tasks = plan_study(study, overrides=["environments.rule=shares"], only="irm,vrex")
    assert {task.plan.config.environments.rule for task in tasks} == {"shares"}


def test_only_a_run_with_the_very_settings_and_the_seed_is_found(home, small, task):
    log = RunLog(home)
    other = plan_study(small, overrides=["erm.lr=0.01"])[0]
    seeded = plan_study(small, seed=1)[0]
    for plan in (other.plan, seeded.plan):
        create_run(home, plan)
    assert find_run(log, task) is None
    made = create_run(home, make_plan("erm", data="patch-mnist", overrides=["erm.epochs=0.5", "erm.keep_epochs=[0.5]"]))
    assert find_run(log, task).id == made.id
    assert find_run(log, seeded).seed == 1


def test_a_run_from_before_a_setting_came_in_is_found_where_the_setting_has_its_default(home, task):
    folder = create_run(home, task.plan)
    old = {
        section: value for section, value in task.plan.config.model_dump(mode="json").items() if section != "compute"
    }
    change(folder, config=old, identity="")  # an older version wrote neither
    assert find_run(RunLog(home), task).id == folder.id
    folder.delete()
    RunLog(home).remove(folder.id)
    other = create_run(home, task.plan)
    change(other, config={**old, "compute": {"precision": "bf16"}}, identity="")
    assert find_run(RunLog(home), task) is None


def test_runs_on_a_folder_of_the_user_are_found_whatever_name_a_version_gave_the_data(home, tmp_path):
    root = plain(tmp_path / "birds", n=20)
    overrides = [f"data.root={root}", "data.split_column=split"]
    task = Task("erm", "folder", make_plan("erm", data="folder", overrides=overrides))
    folder = create_run(home, task.plan)
    assert find_run(RunLog(home), task).data == "birds/"
    change(folder, data="folder")
    assert find_run(RunLog(home), task).id == folder.id


def test_a_finished_run_counts_before_newer_ones_and_the_newest_of_those(home, task):
    log = RunLog(home)
    statuses = ["finished", "finished", "stopped"]
    folders = [create_run(home, task.plan) for _ in statuses]
    for age, (folder, status) in enumerate(zip(folders, statuses, strict=True)):
        log.put(folder.update(status=status, created=1000.0 + age))
    assert find_run(log, task).id == folders[1].id
    log.put(folders[0].update(status="failed"))
    log.put(folders[1].update(status="failed"))
    assert find_run(log, task).id == folders[2].id


def test_a_new_run_is_made_with_the_name_and_the_tags_of_the_study_and_is_in_hand_at_once(home, small, task):
    claimed = claim(home, small, task, tags=["paper"])
    record = RunFolder.open(home, claimed.folder.id).settled()
    assert (claimed.origin, claimed.is_ours) == ("made", True)
    assert (record.name, record.tags, record.status) == ("small/erm/patch-mnist", ("small", "paper"), "queued")
    assert record.pid is not None
    again = claim(home, small, task)
    assert (again.origin, again.is_ours, again.folder.id) == ("elsewhere", False, record.id)


@pytest.mark.parametrize(
    ("status", "changes", "did"),
    [
        ("finished", {}, "kept"),
        ("stopped", {}, "resumed"),
        ("failed", {}, "resumed"),
        ("running", {"pid_started": 1.0}, "resumed"),  # its process is gone: lost
        ("queued", {"pid": None}, "resumed"),  # no process ever took it
    ],
)
def test_what_is_there_is_kept_or_resumed_and_never_made_again(home, small, task, status, changes, did):
    first = claim(home, small, task)
    first.folder.request_stop()
    set_status(first, status, **changes)
    before = first.folder.record()
    again = claim(home, small, task, tags=["new"])
    assert (again.origin, again.folder.id) == (did, first.folder.id)
    assert len(RunLog(home).all()) == 1
    after = again.folder.record()
    if did == "kept":
        assert after == before
    else:
        assert not again.folder.stop_requested()  # a request that a dead process left would stop it at once
        assert after == replace(before, status="queued", pid=after.pid, pid_started=after.pid_started, host=after.host)


def test_of_many_that_come_at_once_one_makes_the_run(home, small, task):
    found = []
    together = threading.Barrier(6)

    def come():
        together.wait()
        found.append(claim(home, small, task).origin)

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(found) == ["elsewhere"] * 5 + ["made"]
    assert len(RunLog(home).all()) == 1
