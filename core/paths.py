"""Paths as people write them (no torch)."""

import errno
from pathlib import Path

from core.errors import InputError
from core.runs.text import safe_text

SHOWN = 60
"""Characters of a path that is too long to be one."""


def expanded(text: str | Path) -> Path:
    """The path that a user has given, with a home folder in place of its `~`.

    Raises:
        InputError: there is no such home folder, or no system could have this path.
    """
    try:
        path = Path(text).expanduser()
        path.lstat()
    except RuntimeError:
        raise InputError(f"{safe_text(str(text))}: there is no home folder for this ~; write the whole path") from None
    except ValueError:
        raise InputError(f"{safe_text(str(text))}: no path can have this character") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(f"{safe_text(str(text)[:SHOWN])}…: is too long for a path") from None
    return path
