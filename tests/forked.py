"""Programs of Python that begin at once: forked from a process that has imported torch and its compiler already."""

import multiprocessing
import os
import runpy
import subprocess
import sys
from multiprocessing import forkserver, process, reduction
from pathlib import Path

IMPORTED = [
    *("torch", "torch._dynamo", "torch.distributed", "torchvision", "sklearn.cluster"),
    *("prusc_tui.cli.app", "prusc_tui.app"),
]
"""What takes seconds."""


def server():
    """The way to start processes that are copies of one, which ends with this process."""
    multiprocessing.set_forkserver_preload(IMPORTED)
    return multiprocessing.get_context("forkserver")


class Forked(subprocess.Popen):
    """`subprocess.Popen`, by a fork where the command is `python -m …` or `python -c …`."""

    _process = None

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest):
        if not isinstance(args, list) or args[0] != sys.executable or args[1:2] not in (["-m"], ["-c"]):
            super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *rest)
            return
        pipes, new_session = rest[3:9], rest[-2]
        ends = [_End(number if end == -1 else end) for number, end in enumerate((pipes[0], pipes[3], pipes[5]))]
        begun, begins = os.pipe()
        words, held = [str(word) for word in args[1:]], [_End(number) for number in pass_fds]
        environment = dict(os.environ if env is None else env)
        given = (words, ends, held, _End(begins), str(cwd or Path.cwd()), environment, new_session)
        self._process = server().Process(target=_be, args=given)
        self._process.start()
        process._children.discard(self._process)  # it may outlive this process
        self.pid = self._process.pid
        self._child_created = True
        self._close_pipe_fds(*pipes)
        os.close(begins)
        os.read(begun, 1)  # until the process has closed its end of it
        os.close(begun)

    def _internal_poll(self, *args, **options):
        if self._process is None:
            return super()._internal_poll(*args, **options)
        if self.returncode is None:
            self.returncode = self._process.exitcode
        return self.returncode

    def _wait(self, timeout):
        if self._process is None:
            return super()._wait(timeout)
        self._process.join(timeout)
        if self._internal_poll() is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode


class _End:
    """A file that is open here, on its way to a process."""

    def __init__(self, number):
        self._number = number

    def __reduce__(self):
        return _received, (reduction.DupFd(self._number),)


def _received(end):
    return end.detach()


def _be(words, ends, held, begins, folder, environment, new_session):
    """Be `python WORDS`, with these files as input, output and errors, and others that are held open."""
    if new_session:
        os.setsid()
    for number, end in enumerate(ends):
        os.dup2(end, number)
    for end in {*ends, begins}:
        os.close(end)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    forkserver._forkserver.ensure_running = lambda: None  # the server of this process is that of its children
    subprocess.Popen = Forked
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = os.fdopen(0, "r", -1, encoding, closefd=False)
    sys.stdout = os.fdopen(1, "w", 1 if os.isatty(1) else -1, encoding, closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, encoding, "backslashreplace", closefd=False)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    kind, program, *more = words
    sys.argv = [kind if kind == "-c" else program, *more]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(program, {"__name__": "__main__"})
