"""`prusc` in a process of its own that answers command after command, and knows other packages than this one."""

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from tests.cli.driver import Prusc, Said
from tests.forked import Forked


class Lasting:
    """The process, with a home and with folders of installed packages that this process does not know."""

    def __init__(self, home, *packages):
        paths = [*map(str, packages), os.environ.get("PYTHONPATH", ""), str(Path.cwd())]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.lasting", str(home)]
        self._process = Forked(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.communicate(timeout=60)  # the end of its input is its end

    def __call__(self, *words) -> Said:
        self._process.stdin.write(orjson.dumps(list(map(str, words))) + b"\n")
        self._process.stdin.flush()
        return Said(**orjson.loads(self._process.stdout.readline()))


def serve(home):
    """Answer what standard input asks, one line for each, until it ends."""
    prusc, answers = Prusc(home), os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    for line in sys.stdin.buffer:
        answers.write(orjson.dumps(asdict(prusc(*orjson.loads(line)))) + b"\n")
        answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
