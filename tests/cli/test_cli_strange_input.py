"""Strange values for every parameter of every command: it works, or says why not in a sentence; never a traceback."""

import contextlib
import io
import os
import sys
import tempfile
from itertools import chain
from pathlib import Path
from unittest import mock

import orjson
import pytest
from driver import Prusc, environment, files_below
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.home import Home
from prusc_tui.main import main
from tests.hostile import EVIL, choices, commands, leaks, nothing_starts
from tests.tui.lab import finished_run

STRANGE = (
    *("", " ", "-1", "0", "3", "0.5", "1e999", "nan", "9" * 30, "-", "--", "=", "(", "'", '"', "{}", "[]", "[1", "é"),
    *("..", "../..", "no/such", "/dev/null/x", ".", "x.toml", "x.png", "a:b", "a=b", "a.b=c", "a=1..0", "a=log:0..1"),
    *("last", "demo", "erm", "prusc", "cmnist", "bench-few", "colored-mnist", "waterbirds", "prune.steps=3"),
    *("first", "first:erm", "first:no", "recipe=prusc", "wga>0.5", "0-4", "5-1", "cpu", "cuda:0", "cuda:999999999999"),
    *("seed=1", "seed=-1", "data.root=x", "tensorboard", "tensorboard:x", "mlflow:x", "erm.lr=nan", "erm.lr=1e999"),
    *("~nobody-of-this-name/x", "x" * 300, "x.toml" * 60),
    *("\x1b[2J", "a\nb", "\u202ex", "\udcff", 'data.root="\\u0000"', "data.root=\udcff", EVIL),
)  # fmt: skip
ANY = st.sampled_from(STRANGE) | st.text(st.characters(exclude_characters="/~\x00"), max_size=6)


@st.composite
def lines(draw, command):
    """The words of a command line: every argument now and then, and some of the options."""
    words = list(command.words)

    def value(parameter):
        known = choices(parameter)
        return draw(st.sampled_from(known) | ANY) if known else draw(ANY)

    for argument in command.arguments:
        if argument.required or draw(st.booleans()):
            words += [value(argument) for _ in range(draw(st.integers(1, 2)) if argument.nargs == -1 else 1)]
    options = draw(st.lists(st.sampled_from(command.options), max_size=3, unique_by=id)) if command.options else []
    for option in options:
        words += [option.opts[0]] if option.is_flag else [option.opts[0], value(option)]
    return words


@pytest.mark.parametrize("command", commands(), ids=str)
def test_a_strange_line_is_one_sentence_or_works(command):
    @settings(max_examples=max(4, settings.default.max_examples // 4))
    @given(lines(command))
    def holds(words):
        with tempfile.TemporaryDirectory() as folder, nothing_starts():
            check(Path(folder), words)

    holds()


def check(folder, words):
    prusc, here = Prusc(folder / "home"), Path.cwd()
    finished_run(Home.open(prusc.home), "first")
    (folder / "here").mkdir()
    before = files_below(folder)
    os.chdir(folder / "here")
    try:
        said = prusc(*words)
    finally:
        os.chdir(here)
    assert said.code in (0, 1, 2)
    assert leaks(said.out + said.err) == []
    told = [line for line in said.err.splitlines() if not line.startswith("warning: ")]
    if said.code == 2 and words:
        assert said.out == ""
        assert len(told) == 1
        assert told[0].startswith("error: ")
        assert files_below(folder) == before, "nothing is written"
    elif said.code == 0 and "--json" in words and said.out:
        orjson.loads(said.out)


@settings(max_examples=max(8, settings.default.max_examples // 4))
@given(run=st.none() | ANY, options=st.dictionaries(st.sampled_from(["--home", "--theme", "--them", "--x"]), ANY))
def test_a_strange_line_of_the_screen_is_one_sentence(run, options):
    words = [*chain.from_iterable(options.items()), *([] if run is None else [run])]
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        with (
            mock.patch.dict(os.environ, environment(Path(folder) / "home")),
            mock.patch.object(sys, "argv", ["prusc-tui", *words]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as left,
        ):
            main()
        assert list(Path(folder).iterdir()) == [], "nothing is written"
    assert leaks(out.getvalue() + err.getvalue()) == []
    if left.value.code != 0:  # of the help
        assert left.value.code == 2
        assert err.getvalue().startswith("error: ")
        assert err.getvalue().count("\n") == 1
