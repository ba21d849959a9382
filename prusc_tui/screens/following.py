"""Screens that follow files while they are in front."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from core.runs.text import safe_text
from prusc_tui.widgets.footer import KeyLine
from prusc_tui.widgets.poller import Poller, why_not
from prusc_tui.widgets.quiet import News, QuietScreen, put
from prusc_tui.widgets.tabs import Tab, ViewLine
from prusc_tui.widgets.themed import Themed


class Following(QuietScreen[None]):
    """Reads files on a thread, and reports each error once.

    Args:
        look: reads them; returns the same object if nothing changed.
        every: seconds between readings.
        path: what errors name.
    """

    @dataclass
    class Seen(News):
        """Something changed."""

        state: Any

    @dataclass
    class Unreadable(Message):
        """Reading failed, for this reason."""

        why: str

    def __init__(self, look: Callable[[], Any], every: float, path: Path) -> None:
        super().__init__()
        self._failure = ""
        self._poller = Poller(
            look,
            lambda state: self.post_message(self.Seen(state)),
            every,
            lambda error: self.post_message(self.Unreadable(why_not(error, path))),
        )

    async def take(self, state: Any) -> None:
        """Show what `look` returned."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self._poller.start()

    def on_unmount(self) -> None:
        self._poller.stop()

    def on_screen_suspend(self) -> None:
        # A covered screen would still send what it draws.
        self._poller.hold()

    def on_screen_resume(self) -> None:
        self._poller.go_on()

    @on(Seen)
    async def _seen(self, message: Seen) -> None:
        self._failure = ""
        await self.take(message.state)

    @on(Unreadable)
    def _unreadable(self, message: Unreadable) -> None:
        if message.why != self._failure:
            self._failure = message.why
            self.notify(safe_text(message.why), severity="error", markup=False)


class Views(Themed, Following):
    """A head, a line of views and the view in front."""

    TABS: ClassVar[tuple[Tab, ...]] = ()
    AUTO_FOCUS: ClassVar[str | None] = None
    DEFAULT_CSS = """
    Views #head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
    Views #front { height: 1fr; }
    Views #front > * { height: 100%; width: 100%; }
    Views #reading { padding: 1 2; color: $foreground-muted; }
    """
    seen: Any = None
    """What was read last."""

    def __init__(self, look: Callable[[], Any], every: float, path: Path) -> None:
        super().__init__(look, every, path)
        self.line = ViewLine(self.TABS, self.TABS[0].name)
        self._opened: dict[str, Widget] = {}

    def build(self, name: str) -> Widget:
        """Build a view, which is done when it is first opened."""
        raise NotImplementedError

    def head(self) -> Text:
        """Draw the first line."""
        raise NotImplementedError

    async def show(self) -> None:
        """Update the view in front, which repaints only differences."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield Static(id="head")
        yield self.line
        # Not a ContentSwitcher, which is painted again with every change.
        with Container(id="front"):
            yield Static("reading …", id="reading")
        yield KeyLine()

    def theme_changed(self) -> None:
        self.draw_head()

    @property
    def shown(self) -> str:
        """Name of the view in front."""
        return self.line.shown

    @property
    def front(self) -> Any:
        """The view in front; None before the first reading, and while the screen closes."""
        view = self._opened.get(self.shown)
        return view if view is not None and view.is_attached else None

    async def take(self, state: Any) -> None:
        first, self.seen = self.seen is None, state
        self.draw_head()
        await (self._bring(self.shown) if first else self.show())

    def draw_head(self) -> None:
        """Draw the first line again, if it differs."""
        if self.seen is not None:
            # Its size stays, so nothing else is laid out or sent again.
            put(self.query_one("#head", Static), self.head(), layout=False)

    async def action_view(self, name: str) -> None:
        self.line.show(name)
        await self._bring(name)

    def action_back(self) -> None:
        self.dismiss()

    @on(ViewLine.Chosen)
    async def _chosen(self, message: ViewLine.Chosen) -> None:
        await self.action_view(message.name)

    async def _bring(self, name: str) -> None:
        """Show a view, and focus it or the first focusable widget in it."""
        room = self.query_one("#front")
        if self.seen is None or not room.is_attached:  # keys still come while the program ends
            return
        if self.front is None:
            # Known before it is mounted: a key may ask for it again meanwhile.
            self._opened[name] = made = self.build(name)
            made.id, made.display = f"view-{name}", False
            await room.mount(made)
        if (view := self.front) is None:  # the screen has closed meanwhile
            return
        for each in room.children:
            each.display = each is view
        await self.show()
        self.set_focus(view if view.can_focus else next((w for w in view.query("*") if w.focusable), None))
