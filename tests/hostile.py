"""Texts that attack whatever prints them, runs that have them in every field, and all commands."""

import contextlib
import dataclasses
import os
import re
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from unittest import mock

import orjson
from hypothesis import strategies as st
from typer.main import get_command

from core.errors import InputError
from prusc_tui.cli.app import app

EVIL = '=HYPERLINK("http://x")\x1b]0;owned\x07\x9b2J\u202e\u2028[red]<script>alert(1)</script>\\input{x}$&|`\r\nOWNED'
"""A formula, escape sequences, a text that runs backwards, markup, LaTeX, and a line of its own."""
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal, or a reader's eye, would obey."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEPT = {"id", "status", "launcher", "kind", "pid", "host", "key", "version"}
"""Fields that decide whether a run is one at all; a stage's name is a folder, too."""


def leaks(text):
    """What of `EVIL` got through to a text for a terminal: signs that it obeys, and lines of their own."""
    own = [
        line
        for before, line in pairwise(["", *text.split("\n")])
        if line.lstrip().startswith("OWNED") and r"\n" not in before  # where a narrow column broke the escaped text
    ]
    return sorted({*OBEYED.findall(text), *own})


def spoilt(value, key="", stages=()):
    """The same JSON with `EVIL` in place of every text, but for those in `KEPT` and the names of stages."""
    if isinstance(value, dict):
        return {name: spoilt(inner, name, stages) for name, inner in value.items()}
    if isinstance(value, list):
        return [spoilt(inner, key, stages) for inner in value]
    return EVIL if isinstance(value, str) and key not in KEPT and value not in stages else value


def spoil(folder):
    """Put `EVIL` into every field of a run: of its record, and of all that it said."""
    record = orjson.loads(folder.record_path.read_bytes())
    names = tuple(stage["name"] for stage in record["stages"])
    folder.record_path.write_bytes(orjson.dumps(spoilt(record, stages=names)))
    if folder.events.exists():
        said = [spoilt(orjson.loads(line), stages=names) for line in folder.events.read_bytes().splitlines()]
        folder.events.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in said))


def places(value, at=()):
    """The path of every value in a piece of JSON."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*at, key))


def put(value, at, new):
    """The same JSON with something else at a path."""
    if not at:
        return new
    key, *rest = at
    if isinstance(value, dict):
        return {**value, key: put(value[key], rest, new)}
    return [*value[:key], put(value[key], rest, new), *value[key + 1 :]]


@dataclasses.dataclass(frozen=True)
class Command:
    """A command of the command line: its words, and its parameters as click has them."""

    words: tuple[str, ...]
    parameters: tuple

    @property
    def arguments(self):
        return [one for one in self.parameters if one.param_type_name == "argument"]

    @property
    def options(self):
        return [one for one in self.parameters if one.param_type_name == "option"]

    def __str__(self):
        return " ".join(("prusc", *self.words))


def commands():
    """Every command, those of groups included; read from the app, so that a new one is among them."""

    def below(command, words):
        inner = getattr(command, "commands", {})
        if not inner or command.invoke_without_command:
            yield Command(words, tuple(one for one in command.params if one.name not in ("help", "version")))
        for name, each in inner.items():
            yield from below(each, (*words, name))

    return list(below(get_command(app), ()))


def refusal(function, *given):
    """The sentence with which a function refuses what it is given; None if it takes it."""
    try:
        function(*given)
    except InputError as error:
        return str(error)
    return None


def metavar(parameter):
    return parameter.metavar or (parameter.name or "").upper()


def choices(parameter):
    """Values that an option offers; empty if it takes any."""
    kind = getattr(parameter, "type", None) or parameter.type_descriptor  # of click, or of newer versions of typer
    return [str(getattr(one, "value", one)) for one in getattr(kind, "choices", None) or ()]


class Began(SystemExit):
    """A command has come to where it would start work, which no test of input needs."""


@contextlib.contextmanager
def nothing_starts():
    """Let commands do all that they do but start runs or programs, or reach another machine."""

    def begin(*_, **__):
        raise Began(0)

    def popen(words, *_, **__):
        if words[0] == sys.executable:
            raise Began(0)
        raise FileNotFoundError(2, os.strerror(2), words[0])

    def refuse(*_, **__):
        raise ConnectionRefusedError(111, os.strerror(111))

    from core.engine.engine import Engine

    with (
        mock.patch.object(Engine, "submit", begin),
        mock.patch.object(subprocess, "Popen", popen),
        mock.patch.object(socket.socket, "connect", refuse),
        mock.patch.object(socket, "getaddrinfo", refuse),
        Path(os.devnull).open() as empty,
        mock.patch.object(sys, "stdin", empty),
    ):
        yield
