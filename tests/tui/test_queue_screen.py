"""The queue on the screen: who has which device, the keys that move, hold and cancel jobs, and many jobs."""

import random
import threading

import psutil
import pytest

from core.errors import InputError
from core.machine import GpuProcess
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.log import RunLog
from experiments.queue import control
from experiments.queue.entries import Content, Entry, Queue
from prusc_tui.palette import SHELL
from prusc_tui.screens.queue import screen as queue_screen
from prusc_tui.screens.queue.devices import device_lines
from prusc_tui.screens.queue.screen import QueueScreen, moved
from prusc_tui.screens.queue.state import Looker
from prusc_tui.screens.queue.table import JobTable
from prusc_tui.widgets.dialogs import AskScreen
from tests.tui.lab import NOW, joined, plain, put, record_of, text, until
from tests.tui.queue_lab import GIB, GPUS, STRANGER, full_queue, gpu, job, machine
from tests.tui.stage import Stage


@pytest.fixture(autouse=True)
def woken(monkeypatch):
    """Homes whose supervisor would have been started."""
    homes = []
    for module in (control, queue_screen):
        monkeypatch.setattr(module, "ensure", homes.append)
    return homes


def stage(home, gpus=GPUS):
    return Stage(lambda: QueueScreen(home, lambda: NOW, lambda: machine(gpus)))


def state_of(home, gpus=GPUS):
    return Looker(home, lambda: NOW, lambda: machine(gpus)).look()


def names(app):
    """Names of the listed jobs, from top to bottom."""
    return [job.run["name"] for job in app.screen.query_one(JobTable).jobs]


def queued(home):
    """Names of the jobs that wait, in the order of the queue's file."""
    return [job.run["name"] for job in control.look(home).jobs if job.state == "waiting"]


async def ready(pilot, count=8):
    await until(pilot, lambda: len(names(pilot.app)) == count)
    await pilot.pause()


async def go(pilot, name):
    """Put the cursor on a job."""
    await pilot.press("home", *["down"] * names(pilot.app).index(name))
    await until(pilot, lambda: pilot.app.screen.query_one(JobTable).current.run["name"] == name)


def test_each_gpu_says_who_has_it_and_for_how_long(home):
    full_queue(home)
    lines = [" ".join(line.split()) for line in plain(device_lines(state_of(home), 100, 20, SHELL))]
    for begin, end in {
        "GPU 0 Fake 9000": "31.5/80 GiB 93 % 67 °C on-gpu 1:02:03",
        "GPU 1 Fake 9000": f"12.0/80 GiB 15 % 34 °C pid {STRANGER} 11.0 GiB",
        "GPU 2 Fake 9000": "0.6/80 GiB 0 % 34 °C free",
        "CPU 8 cores": "6.0/32 GiB 41 % cpu-1 on-cpu 1:05",
    }.items():
        assert any(line.startswith(begin) and line.endswith(end) for line in lines), begin


def test_a_gpu_in_use_by_processes_that_cannot_be_seen_is_not_called_free(home):
    full_queue(home)
    lines = plain(device_lines(state_of(home, [gpu(0, 9.0), gpu(1, 9.0), gpu(2, 7.9)]), 100, 20, SHELL))
    said = {line.split()[1]: line for line in lines if line.startswith("GPU")}
    assert "on-gpu" in said["0"]
    assert "in use by others" in said["1"]
    assert "free" in said["2"]


def test_a_process_of_someone_else_is_named_by_its_user_and_id(home):
    process = psutil.Process()
    state = state_of(home, [gpu(0, processes=(GpuProcess(process.pid, 3 * GIB),))])
    (occupant,) = state.devices[0].occupants
    assert occupant.what == f"{process.username()} pid {process.pid} 3.0 GiB"
    assert occupant.since == process.create_time()
    assert not occupant.ours


def test_a_run_of_this_home_outside_the_queue_is_named_by_its_process(home):
    record = record_of("by-hand", "running", **here(), working_since=NOW - 61)
    put(home, record)
    lines = joined(device_lines(state_of(home, [gpu(0, processes=(GpuProcess(record.pid, GIB),))]), 100, 20, SHELL))
    assert "by-hand" in lines
    assert "1:01" in lines
    assert "pid" not in lines


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("room", [4, 8, 20])
def test_the_devices_fit_the_room_and_name_the_cpu_if_they_can(home, width, room):
    full_queue(home)
    state = state_of(home, [gpu(i, 10 * i, uuid=f"uuid-{i}") for i in range(8)])
    lines = device_lines(state, width, room, SHELL)
    assert len(lines) <= room
    assert {line.cell_len for line in lines} == {width}
    assert any(line.plain.startswith("CPU") for line in lines) == (room == 20)
    assert ("more" in joined(lines)) == (room != 20)


def test_nothing_is_new_while_nothing_changes(home):
    job(home, "waits")
    looker = Looker(home, lambda: NOW, machine)
    first = looker.look()
    assert all(looker.look() is first for _ in range(12))
    job(home, "another")
    assert looker.look().view.number("waiting") == 2


async def test_jobs_are_listed_with_state_place_what_they_ask_for_and_why_they_failed(home):
    full_queue(home)
    app = stage(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        lines = [" ".join(line.split()) for line in text(app).splitlines()]
        for line in (
            "▌ ▸ running on-gpu GPU 0 1:02:03",
            "▸ running on-cpu cpu-1 1:05",
            "◦ waiting 1 first 2 GPUs",
            "◦ waiting 2 second 6 GiB of a GPU",
            "■ held held",
            "◦ waiting 3 third cpu",
            "? interrupted cut",
            "✗ failed broken erm: the disk is full",
        ):
            assert line in lines
        assert "nothing starts the waiting jobs: press s" in lines[0]


async def test_keys_move_a_job_on_the_screen_at_once_and_in_the_queue(home):
    full_queue(home)
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await go(pilot, "third")
        await pilot.press("K")
        assert names(app)[2:5] == ["first", "third", "second"]
        await until(pilot, lambda: queued(home) == ["first", "third", "second"])
        await pilot.press("f")
        await until(pilot, lambda: queued(home) == ["third", "first", "second"])
        await pilot.press("shift+down", "shift+down", "shift+down", "shift+up", "l")
        await until(pilot, lambda: queued(home) == ["first", "second", "third"])
        await until(pilot, lambda: not app.screen._moving)
        await pilot.pause(0.3)
        assert names(app)[2:5] == ["first", "second", "third"]
        assert app.screen.query_one(JobTable).current.run["name"] == "third"
        assert app.said == []


async def test_a_job_is_held_and_released_and_the_supervisor_is_woken(home, woken):
    full_queue(home)
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await go(pilot, "second")
        await pilot.press("h")
        await until(pilot, lambda: "second held" in app.said)
        await until(pilot, lambda: app.screen.query_one(JobTable).current.state == "held")
        assert app.screen.query_one(JobTable).current.run["name"] == "second"
        await pilot.press("h")
        await until(pilot, lambda: queued(home) == ["first", "second", "third"])
        assert woken


async def test_cancel_asks_for_a_running_job_only_and_keeps_the_run(home):
    made = full_queue(home)
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await go(pilot, "first")
        await pilot.press("c")
        await until(pilot, lambda: "first" not in names(app))
        assert made["first"].record().status == "stopped"
        await go(pilot, "on-cpu")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, QueueScreen))
        assert not made["on-cpu"].stop_requested()
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("y")
        await until(pilot, made["on-cpu"].stop_requested)


async def test_retry_queues_an_interrupted_job_again_and_is_no_key_of_others(home):
    full_queue(home)
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await go(pilot, "first")
        assert "retry" not in text(app)
        await go(pilot, "cut")
        await until(pilot, lambda: "R retry" in text(app))
        await pilot.press("R")
        await until(pilot, lambda: "cut" in queued(home))
        await until(pilot, lambda: "cut queued again" in app.said)


async def test_enter_opens_the_run_and_n_the_form(home):
    made = full_queue(home)
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await go(pilot, "held")
        await pilot.press("enter", "n")
        await until(pilot, lambda: len(app.asked) == 2)
        assert app.asked == [("run", made["held"].id), ("new", None)]


async def test_the_slots_of_the_cpu_are_set_by_a_line(home):
    full_queue(home)
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot)
        await pilot.press("e")
        await until(pilot, lambda: "Slots of the CPU" in text(app))
        await pilot.press(*["backspace"] * 9, *"no", "enter")
        await until(pilot, lambda: "expected the number of jobs" in text(app))
        await pilot.press(*["backspace"] * 2, *"3 x 2", "enter")
        await until(pilot, lambda: "at most 3 on the CPU, 2 threads each" in text(app))
        assert (Queue(home).read().slots, Queue(home).read().threads) == (3, 2)


async def test_s_starts_the_supervisor_only_if_jobs_wait(home, woken):
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "the queue is empty" in text(app))
        await pilot.press("s")
        await until(pilot, lambda: "no job waits" in app.said)
        assert woken == []
        job(home, "waits")
        await ready(pilot, 1)
        await pilot.press("s")
        await until(pilot, lambda: woken == [home])


async def test_a_damaged_queue_is_said_once_and_the_screen_stays(home):
    Queue(home).path.write_text("{")
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: any("is not a queue" in said for said in app.said))
        app.screen._poller.hurry()
        await pilot.pause(0.3)
        assert len(app.said) == 1
        assert isinstance(app.screen, QueueScreen)


class Keys:
    """Time for a screen: keys stop only when the test says so."""

    def __init__(self):
        self.now, self.over = 0.0, threading.Event()

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert self.over.wait(30)
        self.now += seconds


async def test_of_a_thousand_jobs_only_visible_ones_are_drawn_and_fast_keys_are_one_move(home, monkeypatch):
    runs = [record_of(f"job-{n:04}", "queued", launcher="queue", job="queue") for n in range(1000)]
    for record in runs:
        RunFolder.create(home, record)
    RunLog(home).rebuild()
    Queue(home).change(lambda _: Content(tuple(Entry(run=record.id) for record in runs)))
    asked, drawn, free, keys = [], [], threading.Event(), Keys()

    def move(home, run, to, log):
        asked.append((run, to))
        free.wait(30)
        raise InputError("it has started")

    monkeypatch.setattr(control, "move", move)
    monkeypatch.setattr(queue_screen, "time", keys)
    draw = JobTable._job
    monkeypatch.setattr(JobTable, "_job", lambda self, job, here: drawn.append(job) or draw(self, job, here))
    app = stage(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await ready(pilot, 1000)
        drawn.clear()
        await pilot.press("down")
        await pilot.pause()
        assert 0 < len(drawn) <= 3 * 30
        await pilot.press(*["shift+down"] * 20)
        assert names(app)[21] == runs[1].name
        keys.over.set()
        await until(pilot, lambda: asked)
        await pilot.press("shift+up", "shift+up")
        assert names(app)[19] == runs[1].name
        free.set()
        await until(pilot, lambda: asked == [(runs[1].id, 22), (runs[1].id, 20)])
        await until(pilot, lambda: names(app)[1] == runs[1].name)  # the queue is as it was, and so is the screen
        assert "it has started" in app.said


def test_a_moved_job_is_where_the_queue_will_have_it(home):
    """The order on the screen is that of `control.move`, from any place to any other."""
    full_queue(home)
    dice = random.Random(0)
    for _ in range(10):
        jobs = control.look(home).jobs
        chosen = dice.choice([job for job in jobs if job.state == "waiting"])
        to = dice.randint(1, 3)
        shown = [(job.run["name"], job.place) for job in moved(jobs, chosen, to)]
        control.move(home, chosen.entry.run, to)
        assert [(job.run["name"], job.place) for job in control.look(home).jobs] == shown
