"""`prusc ls` on narrow and wide terminals, and without one."""

import io
import re

import pytest

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, new_id
from prusc_tui.cli import runs_shown
from prusc_tui.cli.runs_shown import GAP, LEAST, fitted
from prusc_tui.console import SafeConsole

NAMES = [f"bench-waterbirds/last-layer-validation/waterbirds-mobilenet/seed-{seed}" for seed in range(3)]


@pytest.fixture
def study(prusc):
    """Runs whose names differ only at their end."""
    home = Home.open(prusc.home)
    for number, name in enumerate(NAMES):
        record = RunRecord(
            id=new_id(), name=name, recipe="last-layer-validation", data="waterbirds", status="finished",
            created=float(number), seed=number, seconds=3599.0, tags=("bench-waterbirds",),
        )  # fmt: skip
        RunFolder.create(home, record)
    RunLog(home).rebuild()
    return prusc


def on_a_terminal(home, monkeypatch, width):
    terminal = SafeConsole(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    monkeypatch.setattr(runs_shown, "console", lambda: terminal)
    runs_shown.print_runs(RunLog(home).all())
    return terminal.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 110, 120, 200])
def test_on_a_terminal_long_names_are_cut_in_the_middle_and_nothing_else_is(study, monkeypatch, width):
    heads, *lines = on_a_terminal(Home(study.home), monkeypatch, width)
    assert max(map(len, lines)) <= width
    assert {"id", "name", "status", "recipe", "seed", "worst", "time", "started"} <= {*heads.split()}
    assert ("average" in heads) == (width >= 110)
    assert ("tags" in heads) == (width == 200)
    for line in lines:
        _, name, status, *rest = line.split()
        assert status == "finished"
        assert "59:59" in rest
        assert re.fullmatch(r"ben.*…?.*-[0-2]", name)
    assert len({line.split()[1] for line in lines}) == 3, "the names can be told apart"


def test_without_a_terminal_everything_is_whole(study):
    lines = study("ls").out.splitlines()[1:]
    assert [line.split()[1] for line in lines] == NAMES[::-1]
    assert all(line.split()[-1] == "bench-waterbirds" for line in lines)


def test_cells_are_taken_from_the_widest_flexible_column():
    assert fitted([5, 30, 8, 20], [False, True, False, True], 40) == [5, 10, 8, 11]
    assert fitted([5, 6, 8], [False, True, False], 40) == [5, 6, 8]
    assert fitted([50, 30], [False, True], 40) == [50, LEAST]
    assert sum([5, 10, 8, 11]) + 3 * GAP == 40
