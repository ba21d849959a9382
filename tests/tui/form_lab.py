"""The form of a new run as data, and in an app of its own with what stands on it."""

import asyncio
import functools
from itertools import pairwise

import typer
from textual import on
from textual.app import App

from experiments.plan import make_plan
from prusc_tui.cli.app import app as command_line
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenNew, OpenRun, OpenSweep
from prusc_tui.palette import SHELL
from prusc_tui.screens.new_run.field import FieldRow
from prusc_tui.screens.new_run.layout import FieldList
from tests.tui.lab import rows, until


def fields(form):
    return {field.setting.key: field for field in form.fields()}


@functools.cache
def commands():
    """The commands of the command line by name."""
    return typer.main.get_command(command_line).commands


def parsed(words):
    """What the command line's own parser makes of the words."""
    return commands()["run"].make_context("run", list(words[2:])).params


def planned(words):
    """The plan that `prusc run` makes of the words."""
    given = parsed(words)
    return make_plan(given["target"], data=given["data"], overrides=given["overrides"] or (), seed=given["seed"])


class Shell(App):
    """What the screen needs of the app; it remembers what was opened."""

    BINDINGS = bindings("app")
    palette = SHELL

    def __init__(self, screen):
        super().__init__()
        self.first = screen
        self.opened = []

    def on_mount(self):
        self.push_screen(self.first)

    @on(OpenRun)
    def _open(self, message):
        self.opened.append(message.id)

    @on(OpenNew)
    def _open_new(self, message):
        self.opened.append(("new", message.preset))

    @on(OpenSweep)
    def _open_sweep(self, message):
        self.opened.append(("sweep", message.name))


def run(screen, body, size=(80, 24)):
    """Meet the screen in an app of this size."""

    async def meet():
        app = Shell(screen)
        async with app.run_test(size=size) as pilot:
            if screen._fork is not None or screen._preset is not None:
                await until(pilot, lambda: screen.query(FieldRow) or "✗" in "\n".join(rows(app)))
            else:
                await until(pilot, lambda: "presets" in "\n".join(rows(app)))
            await body(pilot, app, screen)

    asyncio.run(meet())


def row(screen, key):
    return next(row for row in screen.query(FieldRow) if row.key == key)


def focused(screen):
    return screen.query_one(FieldList).current.key


async def go(pilot, screen, key):
    """Have the focus on a field, and its help below the form."""
    screen.query_one(FieldList).focus_key(key)
    await until(
        pilot,
        lambda: (
            any(f"▸ {key.rpartition('.')[2]} " in line for line in rows(pilot.app))
            and any(line.startswith(f" {key}  ") for line in rows(pilot.app))
        ),
    )


def said(app):
    return "\n".join(rows(app))


def under(app, text):
    """The line below the one that has this text."""
    lines = rows(app)
    return next((below.strip() for line, below in pairwise(lines) if text in line), "")


def command(app):
    """The command line as the screen shows it, its line breaks taken out."""
    text = " ".join(line.strip() for line in rows(app))
    begin = next(at for at in map(text.find, ("prusc run", "prusc sweep")) if at >= 0)
    return " ".join(text[begin:].split())
