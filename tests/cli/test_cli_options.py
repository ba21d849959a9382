"""Options that stand for a setting, and names of data sets in place of presets."""

import subprocess
import sys

import pytest
from driver import TINY, said

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments import launchers, loggers
from experiments.catalog import data_names, preset_names
from experiments.launch import create_run
from experiments.plan import make_plan
from prusc_tui.cli import options
from prusc_tui.cli.options import option_aliases

FAST = [*TINY, "--set", "erm.epochs=0.2", "--set", "erm.keep_epochs=[0.2]"]


def test_each_option_stands_for_its_setting_and_files_are_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b ü").mkdir()
    (tmp_path / "x=1.pt").write_text("")
    given = option_aliases("a b ü", "imagenet", None, "x=1.pt", "bf16", no_cache=True, auto_batch=True)
    plan = make_plan("prusc", data="waterbirds", overrides=[alias.override for alias in given])
    config = plan.config
    assert (config.data.root, config.data.cache) == (str(tmp_path / "a b ü"), False)
    assert config.find.file == str(tmp_path / "x=1.pt")
    assert (config.model.weights, config.compute.precision, config.compute.auto_batch) == ("imagenet", "bf16", True)
    (alias,) = option_aliases(checkpoint="x=1.pt")
    assert make_plan("prusc", overrides=[alias.override]).config.model.checkpoint == str(tmp_path / "x=1.pt")
    assert option_aliases() == []


def test_the_help_names_every_launcher_and_every_logger():
    for option, known in ((options.Launcher, launchers.names()), (options.Log, loggers.names())):
        (declared,) = option.__metadata__
        assert len(known) > 1
        assert all(name in declared.help for name in known)


@pytest.mark.parametrize("name", [name for name in data_names() if name not in preset_names()])
def test_a_data_set_stands_for_its_defaults(name):
    plan = make_plan("erm", data=name)
    assert plan.config.data == type(plan.config.data)()
    assert (plan.config.data.name, plan.preset, plan.base_name) == (name, None, "erm")


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_a_run_goes_on_with_auto_batch_in_one_command(prusc, status):
    home = Home.open(prusc.home)
    overrides = [word for word in FAST if word != "--set"]
    folder = create_run(home, make_plan("erm", overrides=overrides))
    RunLog(home).put(folder.update(status=status, reason="erm: out of memory"))
    assert not folder.record().config["compute"]["auto_batch"]
    record = said(prusc("resume", "last", "--auto-batch", "--json"))
    assert record["status"] == "finished"
    assert record["config"]["compute"]["auto_batch"] is True
    assert record["overrides"]["compute.auto_batch"] is True
    assert record["overrides"]["data.train_size"] == 600
    assert RunFolder.open(home, record["id"]).record().config == record["config"]


def test_names_and_options_are_read_without_torch():
    code = (
        "import sys; from experiments.plan import make_plan;"
        "from prusc_tui.cli.options import option_aliases, refuse_misfits;"
        "given = option_aliases(no_cache=True); plan = make_plan('prusc', data='celeba'); refuse_misfits(given, plan);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
