"""The view of accuracy against weights kept: there only where a run has points, and it grows with them."""

import pytest

from core.events import SparsityPoint
from core.feed.feed import RunFeed
from core.runs.stream import EventWriter
from prusc_tui.views.sparsity import VIEW
from prusc_tui.views.sparsity.panel import SparsityPanel
from tests.tui.lab import NOW, evaluation, finished_run, rows, text, until
from tests.tui.stage import Alone


def say(folder, *points):
    with EventWriter(folder.events) as writer:
        for way, share, worst in points:
            splits = (evaluation((97, worst, worst + 1, 98), split) for split in ("validation", "test"))
            writer.write(SparsityPoint("sparse", way, share, share, *splits), NOW)


def test_only_a_run_with_points_has_the_view(home):
    folder = finished_run(home, "plain")
    feed = RunFeed(folder)
    assert not VIEW.shows(feed.poll())
    say(folder, ("dense", 1.0, 90))
    assert VIEW.shows(feed.poll())


@pytest.mark.parametrize("size", [(80, 24), (140, 50)], ids="{0[0]}x{0[1]}".format)
async def test_points_appear_as_they_come_and_the_best_is_told_for_every_share(home, size):
    folder = finished_run(home, "curve")
    say(folder, ("dense", 1.0, 90), ("masks", 0.1, 88))
    feed, app = RunFeed(folder), Alone(SparsityPanel)
    async with app.run_test(size=size) as pilot:
        app.panel.show(feed.poll())
        await until(pilot, lambda: "Worst group against weights kept" in text(app) and "● learned masks" in text(app))
        assert "magnitude" not in text(app)
        say(folder, ("magnitude", 0.1, 71.5))
        app.panel.show(feed.poll())
        await until(pilot, lambda: "■ magnitude" in text(app))
        assert all(len(row) <= size[0] for row in rows(app))
        assert any("100 %" in row and "10 %" in row for row in rows(app))
        app.panel.focus()
        await pilot.press("end")
        await until(pilot, lambda: "worst of 4 groups; seed 0" in " ".join(text(app).split()))
