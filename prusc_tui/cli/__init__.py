"""The command line: `prusc`."""

import sys


def main() -> None:
    """Run the command line; bad input gets one sentence on standard error and exit code 2."""
    from core.errors import InputError
    from prusc_tui.cli.app import app

    try:
        try:
            app()
        finally:
            _warn()
    except InputError as error:
        from core.runs.text import safe_text

        sys.stderr.write(f"error: {safe_text(str(error))}\n")
        sys.exit(2)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        sys.exit(0)


def _warn() -> None:
    """Say what is wrong with installed packages, if the command looked for any."""
    if (discovery := sys.modules.get("core.discovery")) is None:
        return
    from core.runs.text import safe_text

    for sentence in discovery.problems():
        sys.stderr.write(f"warning: {safe_text(sentence)}\n")
