"""The screen as a process in a terminal: first frame, memory, keys beside a busy run, bytes on the wire, many runs."""

import subprocess
import sys
from contextlib import closing
from math import inf
from statistics import median, quantiles

from core.config import Config
from core.groups import Evaluation, Group, group_titles
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from tests.bench.terminal import Terminal
from tests.bench.timing import forms

BARE = """
from textual.app import App
from textual.widgets import DataTable

class Bare(App):
    ENABLE_COMMAND_PALETTE = False

    def compose(self):
        yield DataTable(cursor_type="row")

    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("name", "status", "worst")
        for i in range(30):
            table.add_row(f"run-{i}", "finished", "83.4")

Bare().run()
"""

WRITER = """
import sys, time
from pathlib import Path
from core.events import Progress, RunStarted, Scalars, StageStarted
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.stream import EventWriter

folder = RunFolder(Home(Path(sys.argv[1])), sys.argv[2])
RunLog(folder.home).put(folder.update(status="running", started=time.time(), **here()))
begin, step = time.monotonic(), 0
with EventWriter(folder.events) as writer:
    writer.write(RunStarted(1, "here", "cpu", False))
    writer.write(StageStarted("erm", 1_000_000))
    print("writing", flush=True)
    while True:
        for _ in range(5):
            step += 1
            writer.write(Scalars("erm", step, step / 500, {"loss": 1 / step, "lr": 0.05}))
            writer.write(Progress("erm", step, 1_000_000))
        time.sleep(max(0.0, begin + step / 500 - time.monotonic()))
"""


def evaluation():
    titles = group_titles(["0–4", "5–9"], {"colour": ["red", "green"]})
    groups = tuple(Group(*title, 2400, 2300 - 200 * i) for i, title in enumerate(titles))
    return Evaluation("test", groups, (0.475, 0.025, 0.025, 0.475)).to_json()


def finished(number):
    stage = StageRecord("finetune", "done", key=f"k{number}", seconds=4.0, evaluations={"test": evaluation()})
    return RunRecord(
        id=new_id(),
        name=f"run-{number:05d}",
        recipe=("prusc", "erm", "last-layer")[number % 3],
        data="colored-mnist",
        status="finished",
        seed=number % 10,
        created=float(number),
        started=float(number),
        seconds=38.0,
        stages=(stage,),
    )


def home_with(root, count):
    home = Home.open(root)
    records = [finished(number) for number in range(count)]
    for record in records:
        RunFolder.create(home, record)
    RunLog(home).rebuild()
    return home


def screen(home, *words):
    command = [sys.executable, "-c", "from prusc_tui.main import main; main()", "--theme", "ink", *words]
    return Terminal(command, {"PRUSC_HOME": str(home.root), "PRUSC_SETTINGS": str(home.root / "none.toml")})


@forms("repetitions", short=[(1,)], full=[(5,)])
def test_first_frame_and_memory_against_a_bare_textual_program(tmp_path, repetitions):
    home, first, resident, bare_first, bare_resident = home_with(tmp_path, 30), [], [], [], []
    for _ in range(repetitions):
        for command, times, sizes in ((None, first, resident), (BARE, bare_first, bare_resident)):
            terminal = (
                screen(home)
                if command is None
                else Terminal([sys.executable, "-c", command], {"TERM": "xterm-256color"})
            )
            with closing(terminal):
                times.append(terminal.until("run-00029" if command is None else "run-1"))
                terminal.silence()
                sizes.append(terminal.resident)
    print(
        f"\nfirst frame {1000 * median(first):.0f} ms (bare Textual {1000 * median(bare_first):.0f} ms, "
        f"ratio {median(first) / median(bare_first):.2f}; target < 500 ms), memory {median(resident) / 1e6:.0f} MB "
        f"(bare {median(bare_resident) / 1e6:.0f} MB; target < 80 MB)"
    )


@forms("seconds, presses", short=[(0.5, 2)], full=[(5.0, 50)])
def test_keys_and_bytes_beside_a_run_that_writes_a_thousand_events_a_second(tmp_path, seconds, presses):
    def rate(terminal):
        return terminal.listen(seconds) / seconds

    home = home_with(tmp_path, 30)
    record = RunRecord(
        id=new_id(), name="busy", recipe="erm", data="colored-mnist", created=1e9, stages=(StageRecord("erm"),),
        config=Config().model_dump(mode="json"),
    )  # fmt: skip
    RunFolder.create(home, record)
    RunLog(home).put(record)
    with closing(screen(home)) as idle:
        idle.until("run-00029")
        idle.silence(1.0)
        print(f"\nidle at 120×40: {rate(idle):.0f} B/s (target 0)")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home.root), record.id], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout.readline() == "writing\n"
        with closing(screen(home)) as table:
            table.until("busy")
            table.silence()
            print(f"runs, one running: {rate(table) / 1000:.1f} kB/s")
            report_keys("table", table, ["\x1b[B", "\x1b[A"] * presses)
        with closing(screen(home, record.id)) as overview:
            overview.until("erm")
            overview.listen(2.0)
            print(f"overview live: {rate(overview) / 1000:.1f} kB/s (target < 8)")
            report_keys("views", overview, ["2", "1"] * presses)
            overview.press("2")
            overview.listen(1.0)
            print(f"charts live: {rate(overview) / 1000:.1f} kB/s")
            report_keys("chart cursor", overview, ["\x1b[D", "\x1b[C"] * presses)
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()


@forms("count, repetitions, presses", short=[(60, 1, 4)], full=[(10_000, 3, 60)])
def test_many_runs(tmp_path, count, repetitions, presses):
    home = home_with(tmp_path, count)
    opened = []
    for _ in range(repetitions):
        with closing(screen(home)) as terminal:
            opened.append(terminal.until(f"run-{count - 1:05d}"))
            terminal.silence()
            resident = terminal.resident
            keys = timed(terminal, ["\x1b[B"] * presses)
            terminal.press("/")
            filtering = timed(terminal, list("wga>0.8 "))
            terminal.press("\r")
            sorting = timed(terminal, [">"] * 10)
    print(
        f"\n{count:,} runs: open {1000 * median(opened):.0f} ms (target < 1 s), memory {resident / 1e6:.0f} MB, "
        f"key {said(keys)}, filter as typed {said(filtering)}, sort {said(sorting)} (target < 100 ms)"
    )


def timed(terminal, keys):
    times = []
    for key in keys:
        times.append(terminal.press(key))
        terminal.listen(0.05)
    return times


def report_keys(what, terminal, keys):
    print(f"key beside the busy run, {what}: {said(timed(terminal, keys))} (targets 15 and 50 ms)")


def said(times):
    assert all(0 < seconds < inf for seconds in times)
    return f"p50 {1000 * median(times):.0f} ms, p99 {1000 * quantiles(times, n=100)[98]:.0f} ms"
