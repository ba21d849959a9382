"""What processes do that are attacked. They are forked, so that each begins with everything imported and decoded."""

import faulthandler
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from unittest import mock

import torch

import experiments.worker
import prusc_tui.cli.app  # here, so that not every child has to
import prusc_tui.report.report
from core.engine import context as context_module
from core.engine.runner import Runner
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments import hosting
from experiments.plan import config_of
from tests.chaos.disk import Disk
from tests.engine.lab import CPU, pipeline_of

FORK: Any = get_context("forkserver" if torch.cuda.is_available() else "fork")
"""With a GPU, a process that has trained cannot be forked."""
NEVER = 1e9
PATIENCE = 120.0
"""Seconds after which a child that has not ended hangs."""


class Child:
    """A process that does `work(said, *args)`, where `said` sends to `heard`."""

    def __init__(self, work: Callable[..., object], *args: Any) -> None:
        self.heard, said = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=_do, args=(work, said, *args), daemon=True)
        self.process.start()
        said.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def signal(self, number: int) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def ends(self, seconds: float = PATIENCE + 10) -> int:
        """Its exit status; it must end by itself."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, "the process hangs"
        return self.process.exitcode

    def says(self, seconds: float = PATIENCE + 10) -> Any:
        """The next thing that it says; raises EOFError if it has ended without a word."""
        assert self.heard.poll(seconds), "the process says nothing"
        return self.heard.recv()


def be_patient() -> None:
    """If this process has not ended, or called this again, after a while, it hangs: it says where, and ends."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)


def _do(work: Callable[..., object], said: Connection, *args: Any) -> None:
    be_patient()
    torch.set_num_threads(1)
    hosting.ENGINE.__init__(pipeline_of, hosting.beside)  # type: ignore[misc]  # threads of the old one are not here
    try:
        work(said, *args)
    except BaseException:
        traceback.print_exc()
        os._exit(70)


def run(
    said: Connection, root: Path, id: str, checkpoint_every: float = NEVER, disk: Disk | None = None, fresh: bool = True
) -> None:
    """Do what is left of a run; say each stage that begins, and at last the status and the operations on the disk."""
    folder = RunFolder.open(Home.open(root), id)
    config = config_of(folder.record())
    work = Runner._work

    def told(self: Runner, stage: Any, key: str, final: Path) -> None:
        said.send(stage.name)
        work(self, stage, key, final)

    with (
        mock.patch.object(Runner, "_work", told),
        mock.patch.object(context_module, "CHECKPOINT_EVERY", checkpoint_every),
        disk or nullcontext(),
    ):
        try:
            with folder.writer():
                status = Runner(folder, pipeline_of(config), config, CPU, lambda: False, fresh).run()
        except OSError as error:
            status = f"raised {error.errno}"
    said.send((status, disk.operations if disk else []))


def host(said: Connection, root: Path, words: tuple[str, ...], machine: str = "") -> None:
    """Be `prusc` with these words, on a machine of that name; say exit code, output and errors."""
    uname = os.uname()
    other = os.uname_result((uname[0], machine or uname[1], *uname[2:]))
    code: Any = 0
    with (
        TemporaryFile("w+", encoding="utf-8", newline="") as out,
        TemporaryFile("w+", encoding="utf-8", newline="") as err,
        mock.patch.dict(os.environ, {"PRUSC_HOME": str(root), "COLUMNS": "200"}),
        mock.patch.object(os, "uname", return_value=other),
        mock.patch.object(sys, "argv", ["prusc", *words]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        said.send("up")
        try:
            prusc_tui.cli.main()
        except SystemExit as left:
            code = left.code
        said.send((code or 0, *map(_content, (out, err))))


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def worker(said: Connection, root: Path, id: str) -> None:
    """Be the worker process of a run; say its exit code."""
    with mock.patch.object(sys, "argv", ["worker", "--home", str(root), "--device", "cpu", id]):
        said.send("up")
        said.send(experiments.worker.main())
