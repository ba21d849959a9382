"""Apps around the screen or the panel under test: what they are asked for is written down."""

from pathlib import Path

from textual import on
from textual.app import App

import prusc_tui
from prusc_tui.navigation import OpenCompare, OpenData, OpenNew, OpenQueue, OpenRun, OpenSweep
from prusc_tui.palette import SHELL

STYLES = Path(prusc_tui.__file__).parent / "styles" / "app.tcss"


class Stage(App):
    """Shows one screen, in the colours of the shell."""

    CSS_PATH = STYLES
    palette = SHELL

    def __init__(self, make):
        super().__init__()
        self.make = make
        self.asked = []
        self.copied = []

    def on_mount(self):
        self.push_screen(self.make())

    @on(OpenRun)
    def _run(self, message):
        self.asked.append(("run", message.id))

    @on(OpenCompare)
    def _compare(self, message):
        self.asked.append(("compare", message.ids))

    @on(OpenNew)
    def _new(self, message):
        self.asked.append(("new", message.fork))

    @on(OpenData)
    def _data(self, message):
        self.asked.append(("data", message.name))

    @on(OpenQueue)
    def _queue(self):
        self.asked.append(("queue",))

    @on(OpenSweep)
    def _sweep(self, message):
        self.asked.append(("sweep", message.name))

    def action_leave(self):
        self.asked.append(("leave",))

    def copy_to_clipboard(self, text):
        self.copied.append(text)

    @property
    def said(self):
        """Texts of the toasts, oldest first."""
        return [one.message for one in self._notifications]


class Alone(App):
    """Shows one panel, in the colours of the shell.

    Args:
        make: builds the panel.
        feed: follows the run that `look` shows.
    """

    palette = SHELL

    def __init__(self, make, feed=None):
        super().__init__()
        self.make = make
        self.feed = feed
        self.copied = []

    def compose(self):
        self.panel = self.make()
        yield self.panel

    def look(self):
        """Show the run as it is now, and give the panel the keys."""
        self.panel.show(self.feed.poll())
        self.panel.focus()

    def copy_to_clipboard(self, text):
        self.copied.append(text)
