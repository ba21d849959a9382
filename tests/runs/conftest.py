"""Records to put in a home, and other processes that end with the test."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.groups import Evaluation, Group
from core.runs.record import RunRecord, StageRecord, new_id

Start = Callable[..., "subprocess.Popen[str]"]
Make = Callable[..., RunRecord]


@pytest.fixture
def make() -> Make:
    """Make a record; keywords change its fields."""

    def record(**fields: Any) -> RunRecord:
        given = {"id": new_id(), "name": "demo", "recipe": "prusc", "data": "colored-mnist", "created": 1000.0}
        return RunRecord(**{**given, **fields})

    return record


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python code in another process, with text pipes; its arguments are in `args`."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, *args: object) -> "subprocess.Popen[str]":
        code = "import sys\nargs = sys.argv[1:]\n" + code
        command = [sys.executable, "-c", code, *map(str, args)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def evaluation() -> Callable[..., Evaluation]:
    """Make an evaluation of two groups of 100 samples."""

    def make(worst: int = 70, best: int = 90, split: str = "test") -> Evaluation:
        groups = (Group("0–4", {"colour": "red"}, 100, best), Group("0–4", {"colour": "green"}, 100, worst))
        return Evaluation(split, groups, (0.95, 0.05))

    return make


@pytest.fixture
def stages() -> tuple[StageRecord, ...]:
    return tuple(StageRecord(name) for name in ("erm", "prune", "finetune"))
