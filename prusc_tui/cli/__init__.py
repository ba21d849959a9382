"""The command line: `prusc`."""

import errno
import os
import sys

from core.errors import InputError
from core.paths import SHOWN
from core.runs.disk import DENIED, FULL, is_full
from prusc_tui.words import say

NOT_SUCH_A_FILE = (errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""Errors of a path that names something else than the command needs, or nothing that there can be."""


def main() -> None:
    """Run the command line; bad input gets one sentence on standard error and exit code 2."""
    import typer

    from prusc_tui.cli.app import app

    usage: type[Exception] = typer.BadParameter.__bases__[0]  # of click, which newer versions of typer have inside
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name in a run may have characters that the terminal does not
            stream.reconfigure(errors="replace")
    try:
        try:
            code = app(standalone_mode=False)
        finally:
            _warn()
            sys.stdout.flush()  # here, where an error can be handled
    except (InputError, usage) as error:
        if text := _sentence(error):
            say(f"error: {text}", aside=True)
        sys.exit(2)
    except typer.Abort:  # nobody answers a question
        say("aborted; nothing was done", aside=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of the pipe has closed it
        _discard_output()
        sys.exit(0)
    except OSError as error:
        if error.errno in NOT_SUCH_A_FILE:
            name = str(error.filename)
            shown = f"{name[:SHOWN]}…" if error.errno == errno.ENAMETOOLONG else name
            say(f"error: {shown}: cannot be used ({error.strerror})", aside=True)
            sys.exit(2)
        if _is_output_lost():
            _discard_output()
            say(f"error: the output cannot be written ({error.strerror}); the runs are not affected", aside=True)
            sys.exit(1)
        if is_full(error):
            say(f"error: {FULL}, or repeat the command", aside=True)
            sys.exit(1)
        if error.errno in DENIED:
            say(f"error: {error.filename}: cannot be read or written ({error.strerror})", aside=True)
            sys.exit(2)
        raise
    sys.exit(code or 0)


def _sentence(error: Exception) -> str:
    """What is wrong with the input, or with options and arguments; empty if the help says it already."""
    if isinstance(error, InputError) or not hasattr(error, "format_message"):
        return str(error)
    context = getattr(error, "ctx", None)
    text = " ".join(error.format_message().split()).removesuffix(".")
    if not text or type(error).__name__ == "NoArgsIsHelpError":
        return ""
    see = f"; see: {context.command_path} --help" if context is not None else ""
    return text[0].lower() + text[1:] + see


def _warn() -> None:
    """Warn of problems with installed packages and with the index, if the command looked at them."""
    sentences: list[str] = []
    if (discovery := sys.modules.get("core.discovery")) is not None:
        sentences += discovery.problems()
    if (log := sys.modules.get("core.runs.log")) is not None:
        sentences += log.complaints()
    say(*(f"warning: {sentence}" for sentence in sentences), aside=True)


def _is_output_lost() -> bool:
    """Whether standard output takes no more, such as a file on a full disk."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")
    except (OSError, ValueError):  # ValueError: it has no descriptor
        return True
    return False


def _discard_output() -> None:
    """Write what is left in the buffer of standard output nowhere, as it would fail again when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
