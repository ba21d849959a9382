"""The table of pseudo-groups on its own: what `prusc export --groups` and the screen write, and `--groups` reads."""

import shlex

import numpy as np
import pandas as pd
import pytest

from core.config import Config
from core.data.load import glance
from core.errors import InputError
from core.finding.pseudo_groups import PseudoGroups
from core.finding.table import SplitRows, read_groups
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.record import RunRecord, StageRecord
from experiments import bundled
from experiments.export.files import export_groups

SMALL = {"name": "colored-mnist", "train_size": 200, "validation_size": 40, "test_size": 40}


@pytest.fixture
def run(tmp_path):
    config = Config.model_validate({"data": SMALL})
    record = RunRecord(
        id="abcd2345",
        name="small",
        recipe="prusc",
        data="colored-mnist",
        status="running",
        config=config.model_dump(mode="json"),
        stages=(StageRecord("erm", "done"), StageRecord("find")),
    )
    return RunFolder.create(Home.open(tmp_path / "home"), record)


def found(run):
    train, held_out = np.arange(200) % 2, np.arange(40) % 2
    train[:3] = -1  # left out
    groups = PseudoGroups("by hand", ("land", "water"), train, train == 1, held_out)
    run.artifacts("find").mkdir(parents=True)
    groups.save(run.artifacts("find"))
    return groups


def test_what_is_written_can_be_given_back_as_it_is(run, tmp_path):
    groups, file = found(run), tmp_path / "new" / "groups.csv"
    again = shlex.split(export_groups(run, file))
    assert again == ["prusc", "run", "--from", "abcd2345:erm", "--groups", str(file)]
    table = pd.read_csv(file)
    assert list(table.columns)[:5] == ["split", "index", "label", "group", "conflict"]
    assert table["conflict"].sum() == groups.conflicts.sum()
    data = glance(Config.model_validate({"data": SMALL}).data, bundled.folder())
    rows = [SplitRows(split, data.splits[split].labels, data.label_names) for split in ("train", "validation")]
    read = read_groups(file, rows)
    assert read.names == groups.names
    np.testing.assert_array_equal(read.train, groups.train)
    np.testing.assert_array_equal(read.validation, groups.validation)


def test_a_table_that_may_have_been_corrected_is_never_written_over(run, tmp_path):
    found(run)
    file = tmp_path / "groups.csv"
    file.write_text("mine")
    with pytest.raises(InputError, match="exists, perhaps"):
        export_groups(run, file)
    assert file.read_text() == "mine"


def test_before_the_pseudo_groups_it_says_so_and_a_folder_is_no_file(run, tmp_path):
    with pytest.raises(InputError, match="'small' has no pseudo-groups yet; it is running"):
        export_groups(run, tmp_path / "groups.csv")
    found(run)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        export_groups(run, tmp_path / "file" / "groups.csv")
