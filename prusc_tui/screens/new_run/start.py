"""Starting runs from the screen: in a process of their own, or on a background thread of this one."""

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from experiments.order import Order

if TYPE_CHECKING:
    from core.engine.engine import Engine, Job
    from core.runs.folder import RunFolder
    from core.runs.home import Home
    from experiments.fork import Fork
    from experiments.plan import Plan


def start_detached(order: Order, home: "Home") -> str:
    """Have `prusc run` start the run, so that what it imports never enters this process.

    Returns:
        The id of the run.

    Raises:
        InputError: the order does not fit; the sentence is that of the command line.
    """
    import orjson

    _, *words = order.words()
    done = subprocess.run(
        [sys.executable, "-m", "prusc_tui", *words, "--json"],
        env={**os.environ, "PRUSC_HOME": str(home.root)},
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # a hang-up of the terminal does not cut a start short
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode == 2:
        raise InputError(done.stderr.strip().removeprefix("error: "))
    try:
        return str(orjson.loads(done.stdout)["id"])
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise InputError(f"the run could not be started: {lines[-1]}") from None


class Hosted:
    """Runs that live in this process, each device's on a thread of its own. Threads may share it.

    torch is imported by the first start, on the thread that asks for it.
    """

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._jobs: list[Job] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self, order: Order, home: "Home") -> str:
        """Start a run as `prusc run` in the foreground does; takes seconds the first time, so never on the event loop.

        Returns:
            The id of the run.

        Raises:
            InputError: the order does not fit, or `stop_all` was called.
        """
        from core.engine.devices import pick
        from core.runs.home import Home
        from experiments.launch import check, create_run
        from prusc_tui import __version__

        fork, plan = _plan(order, home)
        device = pick(order.device, home.locks)
        check(plan.config, fork)
        with self._lock:
            self._refuse_when_closed()
            home = Home.open(home.root)
            folder = create_run(home, plan, name=order.name, tags=order.tags, fork=fork, version=__version__)
            self._submit(folder, device, order.fresh)
        return folder.id

    def resume(self, folder: "RunFolder", device: str = "auto", *, fresh: bool = False) -> None:
        """Go on here with a run that was stopped, failed or lost.

        Raises:
            InputError: there is no such device, or `stop_all` was called.
        """
        from core.engine.devices import pick

        chosen = pick(device, folder.home.locks)
        with self._lock:
            self._refuse_when_closed()
            self._submit(folder, chosen, fresh)

    def running(self) -> list["RunFolder"]:
        """Runs that have not ended, queued ones included."""
        with self._lock:
            return [job.folder for job in self._jobs if not job.wait(0)]

    def stop_all(self, patience: float) -> list["RunFolder"]:
        """Have every run stop at its next step, with a checkpoint; no other can be started from here on.

        Args:
            patience: seconds to wait for all of them together.

        Returns:
            Runs that have not answered.
        """
        with self._lock:
            self._closed = True
            jobs = list(self._jobs)
        deadline = time.monotonic() + patience
        for job in jobs:
            job.stop()
        return [job.folder for job in jobs if not job.wait(max(0.0, deadline - time.monotonic()))]

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise InputError("the screen is being left; start the run again")

    def _submit(self, folder: "RunFolder", device: Any, fresh: bool) -> None:
        from core.engine.engine import Engine
        from core.runs.alive import here
        from experiments.plan import build_pipeline, config_of

        self._engine = self._engine or Engine(build_pipeline)
        folder.clear_stop()  # left by a process that died; from here on a request is for this one
        folder.update(status="queued", **here())
        job = self._engine.submit(folder, config_of(folder.record()), device, fresh=fresh)
        self._jobs = [old for old in self._jobs if not old.wait(0)] + [job]
        threading.Thread(target=_see_off, args=(job,), name=f"end-{folder.id}", daemon=True).start()


def _see_off(job: "Job") -> None:
    """Write down why a run could not even begin; all that happens later the run writes itself."""
    from contextlib import suppress

    from core.runs.log import RunLog

    job.wait()
    if job.error is not None:
        with suppress(InputError), job.folder.writer():  # where another process writes the run, its word counts
            RunLog(job.folder.home).put(job.folder.update(status="failed", reason=str(job.error)))


def _plan(order: Order, home: "Home") -> "tuple[Fork | None, Plan]":
    from experiments.fork import plan_fork, read_fork
    from experiments.plan import make_plan

    if order.fork is None:
        return None, make_plan(order.target, data=order.data, overrides=order.overrides, seed=order.seed)
    fork = read_fork(home, order.fork)
    return fork, plan_fork(fork, order.target, order.overrides, order.seed)
