"""The command line: `prusc`."""

import sys

from core.errors import InputError
from core.runs.text import safe_text


def main() -> None:
    """Run the command line; bad input gets one sentence on standard error and exit code 2."""
    from prusc_tui.cli.app import app

    try:
        try:
            app()
        finally:
            _warn()
    except InputError as error:
        sys.stderr.write(f"error: {safe_text(str(error))}\n")
        sys.exit(2)
    except BrokenPipeError:  # the reader of the pipe has closed it
        sys.stderr.close()
        sys.exit(0)


def _warn() -> None:
    """Warn of problems with installed packages, if the command looked for any."""
    if (discovery := sys.modules.get("core.discovery")) is None:
        return

    for sentence in discovery.problems():
        sys.stderr.write(f"warning: {safe_text(sentence)}\n")
