"""The line of views: whole words at every width, and each view where it was whichever is in front."""

import re

import pytest

from prusc_tui.screens.compare.screen import CompareScreen
from prusc_tui.screens.run.screen import RunScreen
from prusc_tui.widgets.tabs import ViewLine
from tests.tui.lab import rows, until
from tests.tui.stage import Alone

TABS = tuple(tab for tab in RunScreen.TABS if tab.name != "sparsity")  # which few runs have
NAMES = [tab.name for tab in TABS]
COMPARE = [tab.name for tab in CompareScreen.TABS]
WORDS = {*COMPARE, *(word for tab in TABS for word in tab if word)}


async def lines_at(width, tabs=TABS):
    """The line with each view in front."""
    app, lines = Alone(lambda: ViewLine(tabs, tabs[0].name)), []
    async with app.run_test(size=(width, 3)) as pilot:
        for name in [tab.name for tab in tabs]:
            app.panel.show(name)
            lines.append(app.panel.render().plain.rstrip())
            await until(pilot, lambda: rows(app)[0].strip() == lines[-1].strip())
    return lines


@pytest.mark.parametrize("width", [44, 60, 71, 72, 80, 90, 91, 120])
async def test_no_word_is_ever_cut_and_no_view_is_left_out(width):
    for line in await lines_at(width):
        words = re.findall(r"\d|\D+", line.replace(" ", ""))
        assert set(words) <= WORDS
        assert [word for word in words if word.isdigit()] == [tab.key for tab in TABS]
        assert len(line) <= width - 2


async def test_at_80_columns_every_view_has_a_title_that_keeps_its_place():
    lines = [re.sub(" +", " ", line) for line in await lines_at(80)]
    assert set(lines) == {" 1 overview 2 charts 3 groups 4 masks 5 envs 6 config 7 log 8 files 0 look"}


async def test_a_line_with_every_view_fits_into_80_columns_with_its_titles():
    for line in await lines_at(80, RunScreen.TABS):
        assert len(line) <= 78
        assert all((tab.short or tab.name) in line for tab in RunScreen.TABS)


async def test_where_there_is_room_no_title_is_short():
    for line in await lines_at(100):
        assert set(NAMES) < set(line.split())
    for line in await lines_at(40, CompareScreen.TABS):
        assert set(COMPARE) < set(line.split())
