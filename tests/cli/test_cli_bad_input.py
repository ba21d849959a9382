"""Bad input: one sentence on standard error, exit code 2, nothing written."""

import pytest
from driver import TINY, files_below

BAD_RUNS = {
    "unknown recipe": (["run", "prusk"], "'prusk'", "'prusc'"),
    "unknown preset": (["run", "demoo"], "'demoo'", "'demo'"),
    "unknown data": (["run", "erm", "--data", "patchmnist"], "'patchmnist'", "'patch-mnist'"),
    "unknown key": (["run", "--set", "prune.stepz=3"], "'prune.stepz'", "'prune.steps'"),
    "unknown section": (["run", "--set", "prun.steps=3"], "'prun'", "'prune'"),
    "value out of range": (["run", "--set", "erm.lr=-1"], "erm.lr = -1", "greater than 0"),
    "value of another type": (["run", "--set", "prune.steps=many"], "prune.steps = 'many'", "integer"),
    "size out of range": (["run", "--set", "data.train_size=5"], "data.train_size = 5", "100"),
    "no value": (["run", "--set", "prune.steps"], "--set prune.steps", "KEY=VALUE"),
    "unknown network": (["run", "--set", "model.name=resnet81"], "'resnet81'", "resnet18"),
    "device that is not there": (["run", "--device", "cuda:9"], "--device cuda:9", "--device cpu"),
    "device of no kind": (["run", "--device", "gpu"], "--device gpu", "cuda:N"),
    "setting that the recipe fixes": (["run", "prusc-random-clusters", "--set", "find.by=errors"], "find.by", "random"),
    "unknown finder": (["run", "prusc", "--set", "find.by=biasd"], "find.by = 'biasd'", "did you mean 'biased'?"),
    "finder of a table without one": (["run", "prusc", "--set", "find.by=file"], "find.by=file", "--groups FILE"),
    "table for random groups": (
        ["run", "prusc-random-clusters", "--groups", __file__],
        "find.file",
        "does not read it",
    ),
    "preset with data": (["run", "demo", "--data", "patch-mnist"], "'demo'", "--data is for recipes"),
    "folder for bundled data": (
        ["run", "prusc", "--data-root", "."],
        "--data-root: data set 'colored-mnist'",
        "--data",
    ),
    "stream of bundled data": (["run", "prusc", "--no-cache"], "--no-cache: data set 'colored-mnist'", "--data"),
    "folder that is not there": (
        ["run", "erm", "--data", "isic", "--data-root", "no/x"],
        "--data-root no/x",
        "no such",
    ),
    "folder of nobody": (
        ["run", "erm", "--data", "isic", "--data-root", "~nobody-of-this-name/x"],
        "~nobody-of-this-name/x",
        "home folder",
    ),
    "folder that no system can have": (["run", "erm", "--data", "x" * 300], "xxx…", "too long for a path"),
    "file that no system can have": (["bench", "compare", "x" * 300, "x"], "xxx", "File name too long"),
    "folder for an image": (["data", "show", "demo", "--pixels", "."], ".: cannot be used", "Is a directory"),
    "data without its folder": (["run", "erm", "--data", "waterbirds"], "waterbirds", "--data-root"),
    "folder for a network": (["run", "erm", "--checkpoint", "."], "--checkpoint .", "is a folder"),
    "weights that are not there": (["run", "erm", "--weights", "x.pth"], "--weights x.pth", "no such file"),
    "two networks to start from": (["run", "--weights", "none", "--checkpoint", "x"], "--weights", "--checkpoint"),
    "groups where none are used": (["run", "erm", "--groups", __file__], "--groups", "'find'"),
    "groups under their old name": (["run", "erm", "--clusters", __file__], "--groups", "'find'"),
    "network where none is trained": (["run", "irm-given", "--checkpoint", __file__], "--checkpoint", "'erm'"),
    "nothing to evaluate": (["eval"], "RUN", "--model FILE"),
    "model without data": (["eval", "--model", __file__], "--model", "--data NAME"),
    "model that is not there": (["eval", "--model", "x.pt", "--data", "isic"], "--model x.pt", "no such file"),
    "run with data of its own": (["eval", "last", "--data", "isic"], "--data", "has its own"),
    "model of groups": (["eval", "--model", __file__, "--data", "isic", "--by-group"], "--by-group", "a run"),
    "groups of test images": (["eval", "last", "--by-cluster", "--split", "test"], "--by-group", "training"),
    "negative seed": (["run", "--seed", "-1"], "seed = -1", "greater than or equal to 0"),
    "fork of nothing": (["run", "--from", "last:erm"], "'last'", "no runs"),
    "unknown run": (["show", "nothing"], "'nothing'", "no runs"),
    "unknown data set to show": (["data", "show", "mnist"], "'mnist'", "colored-mnist"),
    "bad query": (["ls", "--where", "wga>"], "'>'", "column 4"),
    "unknown field": (["ls", "--where", "recip=prusc"], "'recip'", "'recipe'"),
    "unknown field to sort by": (["ls", "--sort", "recip"], "'recip'", "'recipe'"),
}


def one_sentence(said):
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize(("words", "what", "hint"), BAD_RUNS.values(), ids=BAD_RUNS)
def test_bad_input_gets_one_sentence_and_leaves_no_home_behind(prusc, words, what, hint):
    sentence = one_sentence(prusc(*words))
    assert what in sentence
    assert hint in sentence
    assert not prusc.home.exists()


@pytest.mark.parametrize("words", [["run", "erm", *TINY], ["ls"], ["show", "last"], ["index", "rebuild"]], ids=str)
def test_a_home_that_is_a_file_is_refused_and_left_alone(prusc, words):
    prusc.home.write_text("mine")
    assert "PRUSC_HOME" in one_sentence(prusc(*words))
    assert prusc.home.read_text() == "mine"


BAD_IN_A_LOG = {
    "unknown run": (["show", "frist"], "'first'"),
    "taken name": (["run", "erm", *TINY, "--name", "first"], "'first'"),
    "name of the last run": (["run", "erm", *TINY, "--name", "last"], "'last'"),
    "name with escapes": (["run", "erm", *TINY, "--name", "\x1b]0;pwn\x07"], r"\x1b]0;pwn\x07"),
    "stage that is not there": (["run", "--from", "first:prunes"], "'prune'"),
    "fork without a stage": (["run", "--from", "first"], "RUN:STAGE"),
    "fork with another beginning": (["run", "--from", "first:erm", "--set", "erm.lr=0.5"], "erm cannot change"),
    "fork with data": (["run", "--from", "first:erm", "--data", "patch-mnist"], "--data"),
    "fork of another seed": (["run", "--from", "first:erm", "--seed", "1"], "seed cannot change"),
    "stage without a network": (["export", "first", "--to", "x", "--stage", "clusters"], "--stage clusters"),
}


@pytest.mark.parametrize(("words", "hint"), BAD_IN_A_LOG.values(), ids=BAD_IN_A_LOG)
def test_bad_input_changes_nothing_in_a_home_with_runs(finished, words, hint):
    before = files_below(finished.home)
    assert hint in one_sentence(finished(*words))
    assert files_below(finished.home) == before


def test_the_beginning_of_several_ids_is_refused_and_all_are_named(prusc):
    from core.runs.home import Home
    from core.runs.log import RunLog
    from core.runs.record import RunRecord

    log = RunLog(Home.open(prusc.home))
    for id in ("ab222222", "ab333333"):
        log.register(RunRecord(id=id, name=id, recipe="erm", data="colored-mnist"))
    sentence = one_sentence(prusc("show", "ab"))
    assert "ab222222, ab333333" in sentence


def test_export_to_a_file_is_refused_and_leaves_it_alone(finished, tmp_path):
    target = tmp_path / "file"
    target.write_text("mine")
    assert str(target) in one_sentence(finished("export", "first", "--to", target))
    assert target.read_text() == "mine"
