"""What Textual does again and again for tests: it waits for frames, and every app parses the same style sheets."""

import asyncio
from time import monotonic, process_time

from textual._context import active_app
from textual.app import ScreenStackError
from textual.css.stylesheet import Stylesheet

STEP = 0.005
"""Seconds between two looks at the process."""
PARSED = {}
"""Style sheet with its variables → its rules."""


async def until_drawn(_least=0.0, most=1.0):
    """Wait until nothing is left to draw, and this process rests.

    `wait_for_idle` of Textual, which the pilot awaits twice for each key, sleeps 20 ms at least, so that a frame is
    drawn in that time; this draws it at once.
    """
    app, end = active_app.get(), monotonic() + most
    while monotonic() < end:
        before = process_time()
        await asyncio.sleep(STEP)
        if process_time() - before < STEP / 5 and not _drawn(app):
            return


def _drawn(app):
    """Draw what waits for the next frame; whether there was something."""
    try:
        screen = app.screen
    except ScreenStackError:
        return False
    flags = ("_layout_required", "_scroll_required", "_repaint_required", "_recompose_required")
    waits = any(getattr(screen, flag) for flag in flags) or bool(screen._dirty_widgets or screen._callbacks)
    if waits:
        screen._on_timer_update()
    return waits


def rules(self, css, read_from, is_default_rules=False, tie_breaker=0, scope="", parse=Stylesheet._parse_rules):
    """`Stylesheet._parse_rules`, once for all apps."""
    key = css, read_from, is_default_rules, tie_breaker, scope
    if key not in self._parse_cache:
        variables = tuple(self._variables.items())
        if (key, variables) not in PARSED:
            PARSED[key, variables] = parse(self, *key)
        self._parse_cache[key] = PARSED[key, variables]
    return self._parse_cache[key]
