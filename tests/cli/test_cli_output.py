"""What becomes of the output where it cannot go."""

import contextlib
import io
import os
import subprocess
import sys
from unittest import mock

import pytest
from driver import TINY, environment

from prusc_tui.cli import main

pytestmark = pytest.mark.usefixtures("at_once")

COMMANDS = (["ls"], ["ls", "--json"], ["show", "last"], ["show", "last", "--json"], ["recipes"], ["--help"], ["queue"])
SHORT = ["--set", "erm.epochs=1", "--set", "erm.keep_epochs=[1]"]
FULL_OUTPUT = "error: the output cannot be written (No space left on device); the runs are not affected\n"


def call(prusc, words, *, more=(), **options):
    return subprocess.run(
        [sys.executable, "-m", "prusc_tui", *words],
        env={**environment(prusc.home), **dict(more)}, stderr=subprocess.PIPE, check=False, **options,
    )  # fmt: skip


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_disk_behind_the_output_is_one_sentence(finished, words):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        said = call(finished, words, stdout=full)
    assert said.returncode == 1
    assert said.stderr.decode() == FULL_OUTPUT


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_characters_that_the_terminal_does_not_have_are_replaced(finished, words):
    said = call(finished, words, more={"PYTHONIOENCODING": "ascii"}, stdout=subprocess.PIPE)
    assert said.returncode == 0, said.stderr.decode()
    assert said.stdout.decode("utf-8" if "--json" in words else "ascii")  # JSON is always UTF-8


def test_a_closed_pipe_is_silent(finished):
    reads, writes = os.pipe()
    os.close(reads)
    said = call(finished, ["recipes", "show", "prusc"], stdout=writes)
    os.close(writes)
    assert said.stderr == b""


def full():
    return open("/dev/full", "w")  # noqa: PTH123


def closed():
    reads, writes = os.pipe()
    os.close(reads)
    return os.fdopen(writes, "w")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize(("lost", "sentence"), [(full, FULL_OUTPUT), (closed, "")], ids=["full disk", "closed pipe"])
def test_a_run_that_loses_its_output_goes_on_to_its_end(prusc, lost, sentence):
    err = io.StringIO()
    with (
        contextlib.suppress(BrokenPipeError),  # when what nobody reads is closed
        lost() as out,
        mock.patch.dict(os.environ, environment(prusc.home)),
        mock.patch.object(sys, "argv", ["prusc", "run", "erm", *TINY, *SHORT, "--name", "alone"]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        main()
    assert left.value.code == 1
    assert err.getvalue() == sentence
    assert prusc("show", "alone", "--json").json["status"] == "finished"
