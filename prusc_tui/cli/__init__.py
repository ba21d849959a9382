"""The command line: `prusc`."""

import os
import sys

from core.errors import InputError
from core.runs.text import safe_text


def main() -> None:
    """Run the command line; bad input gets one sentence on standard error and exit code 2."""
    from prusc_tui.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name in a run may have characters that the terminal does not
            stream.reconfigure(errors="replace")
    try:
        try:
            app()
        finally:
            _warn()
            sys.stdout.flush()  # here, where an error can be handled
    except InputError as error:
        sys.stderr.write(f"error: {safe_text(str(error))}\n")
        sys.exit(2)
    except BrokenPipeError:  # the reader of the pipe has closed it
        _discard_output()
        sys.exit(0)
    except OSError as error:
        if not _is_output_lost():
            raise
        _discard_output()
        sys.stderr.write(f"error: the output cannot be written ({error.strerror}); the runs are not affected\n")
        sys.exit(1)


def _warn() -> None:
    """Warn of problems with installed packages, if the command looked for any."""
    if (discovery := sys.modules.get("core.discovery")) is None:
        return

    for sentence in discovery.problems():
        sys.stderr.write(f"warning: {safe_text(sentence)}\n")


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
