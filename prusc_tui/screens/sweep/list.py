"""The sweeps of a home, newest first."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Static

from core.runs.home import Home
from core.runs.text import safe_text
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenNew, OpenSweep
from prusc_tui.palette import palette_in
from prusc_tui.report.sweep import progress
from prusc_tui.screens.acting import Acting
from prusc_tui.screens.following import Following
from prusc_tui.screens.sweep.state import ListLooker, Summary
from prusc_tui.widgets.bars import fit, ink
from prusc_tui.widgets.cursor_list import CursorList
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.quiet import put

EVERY = 2.0
"""Seconds between readings of the sweeps."""
BAR, MOST_NAME = 12, 32


class SweepList(CursorList):
    """One line for each sweep."""

    OVERLAP = 1

    class Opened(Message):
        """A sweep was double-clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Sequence[Summary] = ()
        self._nothing = "reading …"

    @property
    def count(self) -> int:
        return len(self.found)

    @property
    def current(self) -> Summary | None:
        """The sweep under the cursor."""
        return self.found[self._at] if self.found else None

    def show(self, found: Sequence[Summary]) -> None:
        name = self.current.name if self.current is not None else None
        self.found, self._nothing = (
            found,
            "no sweeps yet; n starts one: enter several values in a field, such as 0.05|0.1",
        )
        self._at = next((n for n, one in enumerate(found) if one.name == name), min(self._at, max(0, len(found) - 1)))
        self._measure()
        self._reveal()
        self._repaint()

    def on_click(self, event: Click) -> None:
        if (place := self.place_under(event)) is not None:
            self._go(place)
            if event.chain == 2:
                self.post_message(self.Opened())

    def draw_line(self, place: int) -> Strip:
        palette = self._palette
        if place >= len(self.found):
            return self._across(ink("" if place or self.found else f"  {self._nothing}", palette.muted))
        one, here = self.found[place], place == self._at
        longest = min(MOST_NAME, max(cell_len(safe_text(other.name)) for other in self.found))
        line = ink("▌ " if here else "  ", palette.accent if self.has_focus else palette.muted)
        line.append_text(fit(safe_text(one.name), longest, f"bold {palette.text}")).append("  ")
        if one.counts is None:
            return self._across(line.append(f"✗ {safe_text(one.about)}", palette.bad), here)
        line.append_text(progress(one.counts, BAR, palette)).append(f"   {safe_text(one.about)}", palette.muted)
        line.truncate(self._width, overflow="ellipsis")
        return self._across(line, here)


class SweepsScreen(Following, Acting):
    """All sweeps with the number of their runs in each state."""

    BINDINGS = bindings("sweeps")
    AUTO_FOCUS: ClassVar[str | None] = "SweepList"
    DEFAULT_CSS = """
    SweepsScreen #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, home: Home) -> None:
        super().__init__(ListLooker(home).look, EVERY, home.root / "sweeps")

    def compose(self) -> ComposeResult:
        yield Static("Sweeps", id="head")
        yield SweepList()
        yield KeyLine()

    def action_open(self) -> None:
        if (one := self.query_one(SweepList).current) is None:
            return
        if one.counts is None:
            self._say(one.about, "error")
        else:
            self.post_message(OpenSweep(one.name))

    def action_new(self) -> None:
        self.post_message(OpenNew())

    def action_back(self) -> None:
        self.dismiss()

    async def take(self, state: tuple[Summary, ...]) -> None:
        palette = palette_in(self.app)
        head = ink("Sweeps", f"bold {palette.text}").append(f"  {len(state):,}", palette.text)
        put(self.query_one("#head", Static), head, layout=False)
        self.query_one(SweepList).show(state)

    @on(SweepList.Opened)
    def _opened(self) -> None:
        self.action_open()
