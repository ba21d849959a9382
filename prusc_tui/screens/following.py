"""Screens that follow files while they are in front."""

from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from core.runs.text import safe_text
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.poller import Poller
from prusc_tui.widgets.tabs import Tab, ViewLine


class Following(Screen[None]):
    """Follows a poller made by the subclass; reports each error once."""

    _poller: Poller[Any]

    @dataclass
    class Unreadable(Message):
        """Reading failed, for this reason."""

        why: str

    def __init__(self) -> None:
        super().__init__()
        self._failure = ""

    def on_mount(self) -> None:
        self._poller.start()

    def on_unmount(self) -> None:
        self._poller.stop()

    def on_screen_suspend(self) -> None:
        # A covered screen would still send what it draws.
        self._poller.hold()

    def on_screen_resume(self) -> None:
        self._poller.go_on()

    @on(Unreadable)
    def _unreadable(self, message: Unreadable) -> None:
        if message.why != self._failure:
            self._failure = message.why
            self.notify(safe_text(message.why), severity="error", markup=False)


class Views(Following):
    """A head, a line of views and the view in front; a subclass builds a view when first opened."""

    TABS: ClassVar[tuple[Tab, ...]] = ()
    AUTO_FOCUS: ClassVar[str | None] = None
    DEFAULT_CSS = """
    Views #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    Views ContentSwitcher { height: 1fr; }
    Views ContentSwitcher > * { height: 100%; width: 100%; }
    Views #reading { padding: 1 2; color: $foreground-muted; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield ViewLine(self.TABS, self.TABS[0].name)
        with ContentSwitcher(initial="reading"):
            yield Static("reading …", id="reading")
        yield KeyLine()

    @property
    def shown(self) -> str:
        """Name of the view in front."""
        return self.query_one(ViewLine).shown

    async def action_view(self, name: str) -> None:
        self.query_one(ViewLine).show(name)
        await self._bring(name)

    def action_back(self) -> None:
        self.dismiss()

    @on(ViewLine.Chosen)
    async def _chosen(self, message: ViewLine.Chosen) -> None:
        await self.action_view(message.name)

    async def _bring(self, name: str) -> None:
        """Build a view when first opened, and focus it."""
        raise NotImplementedError

    def _give_keys(self, view: Widget) -> None:
        """Focus a view, or the first focusable widget in it."""
        self.set_focus(view if view.can_focus else next((w for w in view.query("*") if w.focusable), None))
