"""The screen as a process in a terminal: first frame, memory, keys beside a busy run, bytes on the wire, many runs."""

import subprocess
import sys
from contextlib import closing
from typing import NamedTuple

from core.config import Config
from core.groups import Evaluation, Group, group_titles
from core.heap import uncollected
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from tests.bench.terminal import Terminal
from tests.bench.timing import forms, p99

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
def test_first_frame_and_memory_against_a_bare_textual_program(tmp_path, repetitions, figures):
    home = home_with(tmp_path, 30)
    if repetitions > 1:  # bytecode is written with the first start
        with closing(screen(home)) as terminal:
            terminal.until("run-00029")
    first, resident, bare_first, bare_resident = [], [], [], []
    for _ in range(repetitions):
        for command, times, sizes in ((None, first, resident), (BARE, bare_first, bare_resident)):
            with closing(screen(home) if command is None else bare()) as terminal:
                times.append(1000 * terminal.until("run-00029" if command is None else "run-1"))
                terminal.silence()
                sizes.append(terminal.resident / 1e6)
    figures.number("first frame", first, "ms", baseline=bare_first, against="bare Textual", target=500)
    figures.number("memory with 30 runs", resident, "MB", baseline=bare_resident, against="bare Textual", target=80)


@forms("seconds, presses", short=[(0.5, 2)], full=[(5.0, 50)])
def test_keys_and_bytes_beside_a_run_that_writes_a_thousand_events_a_second(tmp_path, seconds, presses, figures):
    def rate(what, terminal, target=None):
        sizes = [terminal.listen(seconds / 5) / (seconds / 5) / 1000 for _ in range(5)]
        figures.number(f"bytes to the terminal, {what}", sizes, "kB/s", target=target)

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
        rate("idle at 120×40", idle, target=0)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home.root), record.id], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout.readline() == "writing\n"
        up_and_down = ["\x1b[B", "\x1b[A"] * presses
        with closing(bare()) as terminal, closing(screen(home)) as table:
            terminal.until("run-1")
            terminal.silence()
            table.until("busy")
            table.silence()
            rate("runs, one running", table)
            against = alternately(terminal, table, up_and_down)
            keys(figures, "table", against[1], against[0])
        with closing(screen(home, record.id)) as overview:
            overview.until("erm")
            overview.listen(4 * seconds / 10)
            rate("overview", overview, target=8)
            tour = [key for digit in "23456780" for key in (digit, "1")][: 2 * presses]
            keys(figures, "first change to each view", timed(overview, tour), against[0])
            keys(figures, "change to each view", timed(overview, tour * max(1, presses // 10)), against[0])
            keys(figures, "change of the view", timed(overview, ["2", "1"] * presses), against[0])
            overview.press("2")
            overview.listen(1.0)
            rate("charts", overview)
            timed(overview, ["\x1b[D"] * 2)  # the cursor appears at the end, where a step to the right changes nothing
            keys(figures, "chart cursor", timed(overview, ["\x1b[D", "\x1b[C"] * presses), against[0])
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()


@forms("count, repetitions, presses", short=[(60, 1, 4)], full=[(10_000, 3, 60)])
def test_many_runs(tmp_path, count, repetitions, presses, figures):
    home = home_with(tmp_path, count)
    opened, resident, moving, filtering, sorting = [], [], [], [], []
    for _ in range(repetitions):
        with closing(screen(home)) as terminal:
            opened.append(1000 * terminal.until(f"run-{count - 1:05d}"))
            terminal.silence()
            resident.append(terminal.resident / 1e6)
            moving += timed(terminal, ["\x1b[B"] * presses)
            terminal.press("/")
            filtering += timed(terminal, list("wga>0.8 "))
            terminal.press("\r")
            sorting += [press.ms for press in timed(terminal, [">"] * 10)]
    figures.number(f"open {count:,} runs", opened, "ms", target=1000)
    figures.number(f"memory with {count:,} runs", resident, "MB", target=80)
    keys(figures, f"table of {count:,} runs", moving)
    keys(figures, f"filter of {count:,} runs as typed", filtering)
    figures.number(f"sort {count:,} runs, median", sorting, "ms", target=100)


def bare():
    return Terminal([sys.executable, "-c", BARE], {"TERM": "xterm-256color"})


class Press(NamedTuple):
    """Milliseconds from a key to what it changes on the terminal, and CPU time of all that it set off."""

    ms: float
    cpu: float


def timed(terminal, pressed):
    """Press keys, with a rest after each; meanwhile, this process collects no garbage, which would count as well."""
    found = []
    with uncollected():
        for key in pressed:
            before = terminal.cpu
            ms = 1000 * terminal.press(key)
            terminal.listen(0.05)
            found.append(Press(ms, 1000 * (terminal.cpu - before)))
    return found


def alternately(one, other, pressed):
    """The same for two programs, a key of each in turn."""
    found = [(timed(one, [key]), timed(other, [key])) for key in pressed]
    return [press for first, _ in found for press in first], [press for _, second in found for press in second]


def keys(figures, what, presses, baseline=()):
    """Median and 99th percentile of keys, against a bare Textual program beside the same run if there is one.

    CPU time is there for a machine with other work, whose wall-clock times are those of the other work.
    """
    for kind, of, targets in ((what, "ms", (15, 50)), (f"{what}, CPU", "cpu", (None, None))):
        mine, theirs = ([getattr(press, of) for press in some] for some in (presses, baseline))
        bare = {"baseline": theirs, "against": "key of bare Textual"}
        figures.number(f"key, {kind}, median", mine, "ms", **bare, target=targets[0])
        figures.number(f"key, {kind}, p99", mine, "ms", **bare, target=targets[1], at=p99)
