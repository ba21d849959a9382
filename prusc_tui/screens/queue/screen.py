"""The queue of this machine: its devices above, its jobs below."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Static

from core.errors import InputError
from core.machine import Machine
from core.runs.home import Home
from core.runs.text import safe_text
from experiments.queue import control
from experiments.queue.control import FIRST, Job
from experiments.queue.entries import Queue
from experiments.queue.supervisor import ensure
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenNew, OpenRun
from prusc_tui.palette import MARKS, Palette, palette_in
from prusc_tui.screens.acting import Acting
from prusc_tui.screens.following import Following
from prusc_tui.screens.queue.devices import device_lines
from prusc_tui.screens.queue.state import Looker, State
from prusc_tui.screens.queue.table import LOOKS, JobTable
from prusc_tui.widgets.bars import ink
from prusc_tui.widgets.dialogs import LineScreen
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.picture import Picture
from prusc_tui.widgets.quiet import put
from prusc_tui.widgets.themed import Themed

EVERY = 1.0
"""Seconds between readings of queue and devices."""
REST = 0.3
"""Seconds without a key after which moved jobs are moved in the queue's file."""
SHARE = 0.45
"""Part of the screen that the devices may take."""


class QueueScreen(Themed, Following, Acting):
    """Devices and jobs of this machine."""

    BINDINGS = bindings("queue")
    AUTO_FOCUS: ClassVar[str | None] = "JobTable"
    DEFAULT_CSS = """
    QueueScreen #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    QueueScreen Picture { padding: 0 1; margin-bottom: 1; }
    """

    def __init__(
        self, home: Home, clock: Callable[[], float] = time.time, machine: Callable[[], Machine] | None = None
    ) -> None:
        looker = Looker(home, clock, machine)
        super().__init__(looker.look, EVERY, Queue(home).path)
        self._looker = looker
        self._home = home
        self._state: State | None = None
        self._moves: dict[str, int] = {}
        """Jobs that were moved here and not yet in the file: run → place; of fast keys only the newest counts."""
        self._moving = False
        self._moved_at = 0.0
        self._lock = threading.Lock()

    def compose(self) -> ComposeResult:
        yield Static("Queue", id="head")
        yield Picture()
        yield JobTable()
        yield KeyLine()

    def theme_changed(self) -> None:
        self._show()

    def on_resize(self, event: Resize) -> None:
        self.query_one(Picture).give_room(max(4, int(SHARE * event.size.height)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a job under the cursor, or with one in another state, its keys are not active."""
        states = {
            "open": FIRST,
            "shift": ("waiting",),
            "send": ("waiting", "held"),
            "hold": ("waiting", "held"),
            "cancel": FIRST,
            "retry": ("failed", "interrupted"),
        }
        del parameters
        return action not in states or (self._current is not None and self._current.state in states[action])

    def acted(self) -> None:
        self._poller.hurry()

    def action_open(self) -> None:
        if self._current is not None:
            self.post_message(OpenRun(self._current.entry.run))

    def action_shift(self, by: int) -> None:
        job = self._current
        if job is not None and job.place is not None:
            self._move(job, job.place + by)

    def action_send(self, to: int) -> None:
        """Move the job to place `to`, 0 for the end."""
        if self._current is not None:
            self._move(self._current, to or self._waiting)

    def action_hold(self) -> None:
        if (job := self._current) is not None:
            self._do(partial(control.hold, self._home, [job.entry.run], job.state == "waiting"))

    def action_cancel(self) -> None:
        if (job := self._current) is None:
            return
        deed = partial(self._do, partial(control.cancel, self._home, [job.entry.run]))
        if job.state == "running":
            text = "It stops at its next step, with a checkpoint. Its run is kept and can be resumed."
            self._ask(f"Cancel {safe_text(job.run['name'])}?", text, "cancel it", deed)
        else:
            deed()

    def action_retry(self) -> None:
        if self._current is not None:
            self._do(partial(control.retry, self._home, [self._current.entry.run]))

    def action_start(self) -> None:
        if self._state is None or not self._state.view.number("waiting"):
            self._say("no job waits", "warning")
        elif self._state.view.supervised:
            self._say("the supervisor is running: each job starts as soon as there is a place for it")
        else:
            self._do(self._supervise)

    def action_slots(self) -> None:
        if self._state is None:
            return

        def chosen(text: str | None) -> None:
            if text is not None:
                self._do(lambda: control.set_slots(self._home, *_slots(text)))

        view = self._state.view
        hint = "jobs at once on the CPU × threads of each"
        self.app.push_screen(LineScreen("Slots of the CPU", f"{view.slots} × {view.threads}", hint, _slots), chosen)

    def action_new(self) -> None:
        self.post_message(OpenNew())

    def action_back(self) -> None:
        self.dismiss()

    async def take(self, state: State) -> None:
        self._state = state
        self._show()

    @on(JobTable.Opened)
    def _opened(self) -> None:
        self.action_open()

    @on(JobTable.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @property
    def _table(self) -> JobTable:
        return self.query_one(JobTable)

    @property
    def _current(self) -> Job | None:
        table = next(iter(self.query(JobTable)), None)  # the footer asks before there is one
        return table.current if table is not None else None

    @property
    def _waiting(self) -> int:
        return sum(job.state == "waiting" for job in self._table.jobs)

    def _show(self) -> None:
        if self._state is None or not self.is_attached:
            return
        state, palette = self._state, palette_in(self.app)
        put(self.query_one("#head", Static), _head(state, palette), layout=False)
        picture = self.query_one(Picture)
        shown = state.devices, state.now, state.view.slots, state.view.threads
        picture.show(shown, lambda width, height, palette: device_lines(state, width, height, palette))
        if not self._moving:
            self._table.show(state.view.jobs, state.places, state.now)

    def _supervise(self) -> str:
        ensure(self._home)
        return "the supervisor starts"

    def _move(self, job: Job, to: int) -> None:
        """Move a job on the screen at once, and in the queue on a thread."""
        if self._state is None:
            return
        to = max(1, min(to, self._waiting))
        if job.state == "waiting":
            self._table.show(moved(self._table.jobs, job, to), self._state.places, self._state.now)
        with self._lock:
            self._moves[job.entry.run], self._moved_at = to, time.monotonic()
            begins, self._moving = not self._moving, True
        if begins:
            self._do(self._work_moves)

    def _work_moves(self) -> None:
        while True:
            # Changing the queue while keys come in would make them wait.
            while (rest := self._moved_at + REST - time.monotonic()) > 0:
                time.sleep(rest)
            with self._lock:
                if not self._moves:
                    self._moving = False
                    self._looker.again()
                    return
                run, to = self._moves.popitem()
            try:
                self._looker.move(run, to)
            except InputError as error:  # it has started meanwhile
                self._say(str(error), "error")


def moved(jobs: Sequence[Job], job: Job, to: int) -> tuple[Job, ...]:
    """The jobs as listed with a waiting one moved to place `to`."""
    waiting = [one for one in jobs if one.state == "waiting" and one.entry.run != job.entry.run]
    waiting.insert(to - 1, job)
    numbered = enumerate(waiting, 1)
    counted = iter([one if one.place == number else replace(one, place=number) for number, one in numbered])
    return tuple(next(counted) if one.state == "waiting" else one for one in jobs)


def _slots(text: str) -> tuple[int, int | None]:
    """Number of slots, and their threads if given; raises InputError if the text is something else."""
    words = text.replace("×", " ").replace("x", " ").split()
    if len(words) not in (1, 2) or not all(word.isdecimal() and int(word) for word in words):
        raise InputError("expected the number of jobs, and the threads of each, such as 2 × 1")
    return int(words[0]), int(words[1]) if len(words) == 2 else None


def _head(state: State, palette: Palette) -> Text:
    head = ink("Queue", f"bold {palette.text}")
    view = state.view
    if view.number("waiting") and not view.supervised:
        head.append("  nothing starts the waiting jobs: press s", f"bold {palette.warn}")
    for name in FIRST:
        if number := view.number(name):
            look = LOOKS.get(name, name)
            head.append(f"  {MARKS[look]} {number:,} {name}", palette.of_state(look))
    if not view.jobs:
        head.append("  empty", palette.muted)
    return head
