"""A run with very many points, and a screen that is open for a week."""

import gc
import subprocess
import sys
import tracemalloc
from array import array
from contextlib import closing
from itertools import count

import orjson
import psutil

from core.config import Config
from core.events import Logged, Progress, RunStarted, Scalars, StageStarted, encode
from core.feed.feed import RunFeed
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from core.runs.stream import EventWriter
from prusc_tui.app import PruscApp
from prusc_tui.chart.cache import CurveCache
from prusc_tui.chart.curves import Curve
from prusc_tui.chart.frame import Settings, build
from prusc_tui.chart.rows import picture, plan
from prusc_tui.navigation import OpenRun
from prusc_tui.views.log.tail import LogTail
from tests.bench.test_screen_speed import keys, screen, timed
from tests.bench.timing import forms, seconds

WEEK = 7 * 24 * 3600.0
BEGUN = 1_790_000_000.0


def run_with(home, points, name="long"):
    """A finished run whose stream has so many points, two in each event."""
    record = RunRecord(
        id=new_id(), name=name, recipe="erm", data="colored-mnist", status="finished", created=1e9, seconds=60.0,
        stages=(StageRecord("erm", "done"),), config=Config().model_dump(mode="json"),
    )  # fmt: skip
    folder = RunFolder.create(home, record)
    RunLog(home).put(record)
    with folder.events.open("wb") as stream:
        stream.write(encode(RunStarted(1, "here", "cpu", False), BEGUN))
        stream.write(encode(StageStarted("erm", points // 2), BEGUN))
        for step in range(1, points // 2 + 1):
            values = {"loss": 1 / step, "accuracy": step / points}
            stream.write(encode(Scalars("erm", step, step / 500, values), BEGUN + step / 100))
    return folder


def lines_of(path):
    """The least that reading can cost: every line through the same parser."""
    with path.open("rb") as stream:
        for line in stream:
            orjson.loads(line)


@forms("points, repetitions, presses", short=[(400, 1, 0)], full=[(1_000_000, 3, 30)])
def test_a_run_with_very_many_points(tmp_path, points, repetitions, presses, figures):
    home = Home.open(tmp_path)
    folder = run_with(home, points)
    what = f"{points:,} points"
    assert sum(len(series) for series in RunFeed(folder).poll().series.values()) == points
    against = "orjson of every line"

    def bare():
        lines_of(folder.events)

    def log():
        for _ in LogTail(folder.events).newer():
            pass

    figures.ratio(f"read a run of {what}", lambda: RunFeed(folder).poll(), bare, repetitions, against=against)
    figures.ratio(f"log of a run of {what}", log, bare, repetitions, against=against)
    feed, more = RunFeed(folder), iter(range(points, 2 * points))
    feed.poll()
    follow = []
    with EventWriter(folder.events) as writer:
        for _ in range(max(2, 10 * (repetitions - 1))):
            for step, _ in zip(more, range(250), strict=False):
                writer.write(Scalars("erm", step, step / 500, {"loss": 1.0, "accuracy": 0.5}), BEGUN + step / 100)
            follow.append(1000 * seconds(feed.poll))
    figures.number(f"follow a run of {what}, 250 new events", follow, "ms", target=15)
    if presses:
        with closing(screen(home, folder.id)) as terminal:
            opened = 1000 * terminal.until("erm")
            loading = timed(terminal, ["2", "1"] * presses)
            terminal.press("2")
            terminal.until("loss", 60)
            terminal.silence(1.0)
            # The cursor appears at the end, where a step to the right would change nothing.
            timed(terminal, ["\x1b[D"])
            cursor = timed(terminal, ["\x1b[D", "\x1b[C"] * presses)
            views = timed(terminal, ["1", "2"] * presses)
            resident = terminal.resident / 1e6
        figures.number(f"open a run of {what}", [opened], "ms")
        keys(figures, f"while {what} are read", loading)
        keys(figures, f"chart cursor over {what}", cursor)
        keys(figures, f"change of the view with {what}", views)
        figures.number(f"memory with a run of {what}", [resident], "MB")


@forms("sizes, repetitions", short=[((100, 200), 1)], full=[((50_000, 100_000, 200_000, 400_000), 3)])
def test_reading_grows_with_the_points_as_its_lines_do(tmp_path, sizes, repetitions, figures):
    home = Home.open(tmp_path)
    folders = {size: run_with(home, size, f"run-{size}") for size in sizes}
    name = f"read {sizes[0]:,} to {sizes[-1]:,} points"
    bare = {"baseline": lambda n: lambda: lines_of(folders[n].events), "against": "orjson of every line"}
    figures.exponent(name, lambda n: lambda: RunFeed(folders[n]).poll(), sizes, repetitions, **bare, target=1.1)


@forms("points, repetitions", short=[(1_000, 1)], full=[(1_000_000, 15)])
def test_a_chart_of_very_many_points(points, repetitions, figures):
    """Two curves of a live run: between two drawings a few points are added to them."""
    x, settings, cache = array("d", range(points // 2)), Settings(), CurveCache()
    columns = [array("d", (1 / (1 + i + k) for i in x)) for k in range(2)]

    def chart():
        x.append(x[-1] + 1)
        for column in columns:
            column.append(0.5)
        curves = [Curve(f"curve {k}", x, y, k, k) for k, y in enumerate(columns)]
        where = plan(curves, settings, "loss", 120, 40)
        frame = build(curves, settings, where.width, where.plot, cache)
        return picture(frame, where, curves, settings, title="loss", cache=cache)

    times = [1000 * seconds(chart) for _ in range(repetitions + 1)]
    figures.number(f"redraw a growing chart of {points:,} points", times[1:], "ms", target=50)


def test_exported_metrics_have_every_point(tmp_path):
    """`prusc export` of a run reads its stream once; the table is that of the stream."""
    from experiments.export.tables import metrics

    folder = run_with(Home.open(tmp_path), 200)
    assert len(metrics(folder)) == 200


@forms("points, repetitions", short=[(200, 1)], full=[(1_000_000, 3)])
def test_export_of_very_many_points_against_a_plain_script(tmp_path, points, repetitions, figures):
    import pandas as pd

    from experiments.export.tables import metrics

    folder = run_with(Home.open(tmp_path), points)

    def script():
        """What people write to get the same table from the stream."""
        rows = []
        for line in folder.events.read_bytes().splitlines():
            event = orjson.loads(line)
            for name, value in event.get("values", {}).items():
                rows.append((event["t"], event["stage"], event["step"], event["epoch"], None, name, value))
        table = pd.DataFrame(rows, columns=["time", "stage", "step", "epoch", "split", "name", "value"])
        table.to_csv(tmp_path / "plain.csv", index=False)

    def ours():
        metrics(folder).to_csv(tmp_path / "ours.csv", index=False)

    figures.ratio(f"export {points:,} points", ours, script, repetitions, against="pandas by hand", target=1.5)
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


@forms("runs, repetitions", short=[(3, 1)], full=[(10_000, 5)])
def test_commands_over_very_many_runs(tmp_path, runs, repetitions, figures):
    """Listing, filtering and comparing, as whole processes, against a program that only reads the index."""
    from tests.bench.test_screen_speed import home_with

    home = home_with(tmp_path, runs)
    names = [f"run-{number:05d}" for number in (0, runs - 1)]
    bare = f"import orjson; from pathlib import Path; orjson.loads(Path({str(home.index)!r}).read_bytes())"

    def process(*command):
        environment = {"PRUSC_HOME": str(home.root)}
        return lambda: subprocess.run(
            [sys.executable, *command], check=True, env={**psutil.Process().environ(), **environment},
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    for words in (["ls", "--where", "wga>0.8 recipe:prusc"], ["compare", *names]):
        name = f"prusc {words[0]} among {runs:,} runs"
        mine = process("-m", "prusc_tui", *words)
        figures.ratio(name, mine, process("-c", bare), repetitions, against="orjson of the index alone")


@forms("cycles, events", short=[(4, 60)], full=[(1_000, 600)])
async def test_memory_stays_flat_over_a_week(tmp_path, cycles, events, figures):
    """A run that says something every second, and somebody who looks at its views and at all runs, in quick motion."""
    home, clock = Home.open(tmp_path), count(BEGUN, WEEK / (cycles * events)).__next__
    record = RunRecord(
        id=new_id(), name="week", recipe="erm", data="colored-mnist", created=BEGUN, stages=(StageRecord("erm"),),
        config=Config().model_dump(mode="json"),
    )  # fmt: skip
    folder = RunFolder.create(home, record)
    RunLog(home).put(folder.update(status="running", started=BEGUN, **here()))
    app, now, warm = PruscApp(home, clock=lambda: now), BEGUN, max(2, cycles // 4)
    sizes = []
    with EventWriter(folder.events) as writer:
        writer.write(RunStarted(1, "here", "cpu", False), now)
        writer.write(StageStarted("erm", cycles * events), now)
        async with app.run_test(size=(120, 40)) as pilot:
            app.post_message(OpenRun(folder.id))
            await pilot.pause()
            tracemalloc.start()
            for cycle in range(cycles):
                for step in range(cycle * events + 1, (cycle + 1) * events + 1):
                    now = clock()
                    writer.write(Progress("erm", step, cycles * events), now)
                    if step % 60 == 0:  # a point and a line a minute
                        writer.write(Scalars("erm", step, step / 500, {"loss": 1 / step}), now)
                        writer.write(Logged(f"step {step}"), now)
                app.screen.acted()
                await pilot.press("2" if cycle % 2 else "1")
                if cycle % 10 == 5:
                    await pilot.press("escape", "enter")
                if cycle + 1 in (warm, cycles):
                    gc.collect()
                    sizes.append((tracemalloc.get_traced_memory()[0], psutil.Process().memory_info().rss))
            tracemalloc.stop()
            assert app.screen.seen.stages[0].step > 0
    (python, resident), (python_end, resident_end) = sizes
    figures.number("growth of Python's memory in a week", [max(0.0, python_end - python) / 1e6], "MB", target=5)
    figures.number("growth of resident memory in a week", [max(0.0, resident_end - resident) / 1e6], "MB", target=10)
    assert (python_end - python) / (cycles - warm) < (30_000 if warm > 10 else 300_000)  # at first, caches fill
