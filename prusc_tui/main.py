"""The command `prusc-tui [RUN]`: from the command line to the app, and cleanly out again."""

import argparse
import contextlib
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from core import heap
from core.errors import InputError, nearest
from core.runs.text import safe_text
from prusc_tui.protocols import ask

if TYPE_CHECKING:
    from prusc_tui.app import PruscApp

NEVER = 1_000_000_000
"""Smaller collections before a full one."""
GIVE_WAY = 0.001
"""Seconds after which a thread that computes lets another one run. A key needs several turns beside one that reads."""
STOP_PATIENCE = 120.0
"""Seconds for runs in this process to write their checkpoints when the program ends."""


def main() -> None:
    """Run the screen; bad input gets one sentence on standard error and exit code 2."""
    try:
        given = parser().parse_args()
        app = _app(given.run, given.home, given.theme)
    except InputError as error:
        sys.stderr.write(f"error: {safe_text(str(error))}\n")
        sys.exit(2)
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # Textual draws on stderr
        sys.stderr.write("error: prusc-tui needs a terminal; without one: prusc ls, prusc show, prusc watch --once\n")
        sys.exit(2)
    heap.one_arena()  # before a thread starts, as runs may be computed in this process
    app.terminal = ask()
    host(app)
    sys.exit(app.return_code or 0)


def host(app: "PruscApp") -> None:
    """Run the app until the user quits or the connection drops; runs in this process are stopped with a checkpoint."""
    from experiments.hosting import ENGINE
    from prusc_tui import terminal
    from prusc_tui.screens.runs import screen  # noqa: F401  # the first one, so that it is frozen too

    # A full collection of garbage holds up keys for tens of milliseconds: the app does one now and then, no other
    # happens by itself, and what is imported, which stays, is not looked at again.
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], NEVER)
    sys.setswitchinterval(GIVE_WAY)
    try:
        terminal.run(app)
    finally:
        if running := ENGINE.running():
            with contextlib.suppress(OSError):  # the terminal may be gone
                sys.stderr.write(f"stopping {len(running)} run(s) with a checkpoint …\n")
            ENGINE.stop_all(STOP_PATIENCE)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, from which its manual page is made as well."""
    made = _Parser(
        prog="prusc-tui",
        description="Detect and remove spurious correlations in image classifiers, without group labels.",
        epilog="Without a screen: prusc --help",
    )
    made.add_argument("run", metavar="RUN", nargs="?", help="open one run: its id, a unique prefix, its name, or last")
    made.add_argument("--home", type=Path, help="folder of the runs (default: $PRUSC_HOME, or your data folder)")
    made.add_argument("--theme", help="theme for this session; the palette (ctrl+p) lists them")
    made.add_argument("--version", action=_Version, nargs=0, help="print version and commit")
    return made


class _Parser(argparse.ArgumentParser):
    """Refuses words as all bad input is refused."""

    def error(self, message: str) -> NoReturn:
        """Raise InputError with the message."""
        raise InputError(f"{message}; see: {self.prog} --help")


class _Version(argparse.Action):
    """Prints version and commit; unlike argparse's own action, it finds them out only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from prusc_tui.version import full_version

        sys.stdout.write(f"prusc-tui {full_version()}\n")
        parser.exit()


def _app(run: str | None, root: Path | None, theme: str | None) -> "PruscApp":
    import dataclasses

    from core.runs.home import Home
    from core.runs.log import RunLog
    from core.runs.query import resolve
    from experiments.user_settings import settings_path
    from prusc_tui.app import PruscApp
    from prusc_tui.settings import read_settings
    from prusc_tui.themes import NAMES

    settings = read_settings(settings_path())
    if theme is not None:
        if theme not in NAMES:
            raise InputError(f"--theme: unknown theme '{theme}'{nearest(theme, list(NAMES))}")
        settings = dataclasses.replace(settings, theme=theme)
    home = Home.open(root, create=False)
    os.environ["PRUSC_HOME"] = str(home.root)  # for the processes that the screen starts
    return PruscApp(home, settings, resolve(RunLog(home), run) if run is not None else None)
