"""Screens with actions: they run on threads and report by toasts."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from core.errors import InputError
from core.runs.text import safe_text
from prusc_tui.widgets.dialogs import AskScreen
from prusc_tui.widgets.quiet import QuietScreen

LONG = 12.0
"""Seconds that an important toast stays."""


class Acting(QuietScreen[None]):
    """A screen whose actions take a moment, and may fail."""

    def acted(self) -> None:
        """Called on another thread after an action."""

    def _ask(self, title: str, text: str, yes: str, deed: Callable[[], None]) -> None:
        self.app.push_screen(AskScreen(title, text, yes), lambda yes: deed() if yes else None)

    def _do(self, work: Callable[[], str | None]) -> None:
        """Act on a daemon thread, which does not delay the exit."""
        threading.Thread(target=self._try, args=(work,), name="acting", daemon=True).start()

    def _try(self, work: Callable[[], str | None]) -> None:
        try:
            message = work()
        except InputError as error:
            self._say(str(error), "error")
        except Exception as error:  # report a full disk or a deleted folder, and keep the screen
            self._say(f"{type(error).__name__}: {error}", "error")
        else:
            if message:
                self._say(message)
        self.acted()

    def _say(self, text: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        with suppress(RuntimeError):  # the program may have ended
            timeout = None if severity == "information" else LONG
            self.app.notify(safe_text(text), severity=severity, timeout=timeout, markup=False)
