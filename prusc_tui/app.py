"""`prusc-tui`: the app that opens the screens."""

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from textual.app import App, SystemCommand
from textual.events import Event, InputEvent
from textual.filter import LineFilter
from textual.screen import Screen

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.user_settings import settings_path
from prusc_tui.keys import bindings
from prusc_tui.navigation import OpenCompare, OpenData, OpenNew, OpenQueue, OpenRun, OpenSweep, RunEnded
from prusc_tui.palette import Palette
from prusc_tui.protocols import Terminal
from prusc_tui.ring import ring_for
from prusc_tui.safe_lines import SafeLines
from prusc_tui.settings import Settings, remember_theme
from prusc_tui.themes import DEFAULT, NAMES, OWN, TERMINAL, palette_of

COLLECT_EVERY = 20.0
"""Seconds between full collections of garbage, such as screens that were closed."""
REST = 2.0
"""Seconds without a key or the mouse before one, as it takes a tenth of a second, in which nothing is answered."""
LATEST = 180.0
"""Seconds that one is put off at most; the rest before it is shorter, the longer it has been put off."""


class PruscApp(App[None]):
    """Starts with the runs; other screens open in front, such as `run` at the start."""

    TITLE = "prusc-tui"
    BINDINGS = bindings("app")
    ENABLE_COMMAND_PALETTE = True
    CSS_PATH = "styles/app.tcss"

    def __init__(
        self,
        home: Home,
        settings: Settings | None = None,
        run: str | None = None,
        clock: Callable[[], float] = time.time,
        terminal: Terminal | None = None,
    ) -> None:
        super().__init__()
        self.terminal = terminal or Terminal()
        self.home = home
        self.clock = clock
        self._settings = settings or Settings()
        self._first = run
        self._palette: tuple[str, Palette] | None = None
        self._running_loop: asyncio.AbstractEventLoop | None = None
        self._safe_lines = SafeLines()
        self._touched = 0.0
        for theme in OWN:
            self.register_theme(theme)
        plain_terminal = self.console.color_system == "standard" and self._settings.theme == DEFAULT
        self.theme = TERMINAL[0] if plain_terminal else self._settings.theme

    @property
    def palette(self) -> Palette:
        """The colours of the current theme."""
        if self._palette is None or self._palette[0] != self.theme:
            self._palette = self.theme, palette_of(self.current_theme)
        return self._palette[1]

    @property
    def _background_screens(self) -> list[Screen[object]]:
        """Screens visible behind the one in front: none if its background is opaque.

        Textual (8.2) repaints the screen in front whenever one beneath it draws, seen or not.
        """
        return super()._background_screens if self.screen.styles.background.a < 1 else []

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._safe_lines]

    def on_mount(self) -> None:
        from prusc_tui.screens.runs.screen import RunsScreen

        self._running_loop = asyncio.get_running_loop()
        self.set_interval(COLLECT_EVERY, self._collect)
        self.set_keymap(dict(self._settings.keys))
        self.push_screen(RunsScreen(self.home, self.clock))
        if self._first is not None:
            self.post_message(OpenRun(self._first))

    async def on_event(self, event: Event) -> None:
        if isinstance(event, InputEvent):
            self._touched = time.monotonic()
        await super().on_event(event)

    async def _collect(self) -> None:
        """Collect garbage as soon as the user rests, or in a short pause if that takes long."""
        due = time.monotonic()

        def left() -> float:
            now = time.monotonic()
            return self._touched + REST * (1 - (now - due) / LATEST) - now

        while (seconds := left()) > 0:
            await asyncio.sleep(seconds)
        gc.collect()

    def on_open_run(self, message: OpenRun) -> None:
        from prusc_tui.screens.run.screen import RunScreen

        self.push_screen(RunScreen(RunFolder.open(self.home, message.id), self.clock))

    def on_run_ended(self, message: RunEnded) -> None:
        if self._settings.notify.terminal and self._driver is not None:
            self._driver.write(ring_for(message.record))

    def on_open_compare(self, message: OpenCompare) -> None:
        from prusc_tui.screens.compare.screen import CompareScreen

        self.push_screen(CompareScreen([RunFolder.open(self.home, id) for id in message.ids], self.clock))

    def on_open_new(self, message: OpenNew) -> None:
        from prusc_tui.screens.new_run.screen import NewRunScreen

        self.push_screen(NewRunScreen(self.home, fork=message.fork, preset=message.preset))

    def on_open_data(self, message: OpenData) -> None:
        from prusc_tui.screens.data.screen import DataScreen

        self.push_screen(DataScreen(message.name))

    def on_open_queue(self, message: OpenQueue) -> None:  # noqa: ARG002
        from prusc_tui.screens.queue.screen import QueueScreen

        self.push_screen(QueueScreen(self.home, self.clock))

    def on_open_sweep(self, message: OpenSweep) -> None:
        if message.name is None:
            from prusc_tui.screens.sweep.list import SweepsScreen

            self.push_screen(SweepsScreen(self.home))
        else:
            from prusc_tui.screens.sweep.screen import SweepScreen

            self.push_screen(SweepScreen(self.home, message.name))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        from prusc_tui.screens.commands import commands

        return commands(self, screen, self.use_theme)

    def action_help(self) -> None:
        from prusc_tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_next_theme(self) -> None:
        self.use_theme(NAMES[(NAMES.index(self.theme) + 1) % len(NAMES)] if self.theme in NAMES else DEFAULT)

    def use_theme(self, name: str) -> None:
        self.theme = name
        try:
            remember_theme(settings_path(), name)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)

    def action_picture(self) -> None:
        from prusc_tui.widgets.svg import standalone

        name = time.strftime("prusc-tui-%Y%m%d-%H%M%S.svg", time.localtime(self.clock()))
        try:
            with self._half_blocks():
                Path(name).write_text(standalone(self.export_screenshot()), encoding="utf-8")
        except OSError as error:
            self.notify(f"{name}: cannot be written ({error.strerror})", severity="error", markup=False)
        else:
            self.notify(f"wrote {name}", markup=False)

    @contextlib.contextmanager
    def _half_blocks(self) -> Iterator[None]:
        """Draw no picture by a protocol of the terminal meanwhile."""
        terminal = self.terminal
        self._draw_for(Terminal())
        try:
            yield
        finally:
            self._draw_for(terminal)

    def _draw_for(self, terminal: Terminal) -> None:
        from prusc_tui.widgets.picture import Picture

        self.terminal = terminal
        for picture in self.screen.query(Picture):
            picture.touch()

    def leave_from_outside(self) -> None:
        """Leave without asking; for signals and other threads, which do not wake the event loop."""
        if self._running_loop is None:
            self.exit()
        else:
            self._running_loop.call_soon_threadsafe(self.exit)

    def action_leave(self) -> None:
        from core.runs.text import safe_text
        from experiments.hosting import ENGINE
        from prusc_tui.widgets.dialogs import LeaveScreen

        if isinstance(self.screen, LeaveScreen):
            return
        if names := [safe_text(folder.record().name) for folder in ENGINE.running()]:
            self.push_screen(LeaveScreen(names), lambda leave: self.exit() if leave else None)
        else:
            self.exit()
