"""Loggers: they write a run, live, in the format of another program; one file for each (no torch).

To add one, write a file in this folder with a subclass of `Logger`; nothing else has to change.
"""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from core.discovery import subclasses
from core.errors import InputError, nearest
from core.events import Stamped
from core.paths import expanded
from core.runs.record import RunRecord


class Logger(ABC):
    """Gets the stream of a run, event by event, on a thread of its own; an error there ends the logger, not the run.

    Its files are a function of the stream: each process of a run writes them anew, from the first event that still
    stands, so a resumed run has no point twice.

    Attributes:
        name: as in `--log` and in the record of a run: that of its file, `-` for `_`.
        summary: one line for the user.
        extra: of the package, which installs its library.
        library: the module that it needs.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    extra: ClassVar[str]
    library: ClassVar[str]

    def check(self) -> None:
        """Raise InputError, which says how to install it, if its library is missing."""
        if importlib.util.find_spec(self.library) is None:
            raise InputError(f"--log {self.name} needs {self.library}: pip install 'prusc-tui[{self.extra}]'")

    @abstractmethod
    def open(self, record: RunRecord, folder: Path, *, shared: bool) -> None:
        """Begin the files of a run in `folder`, with its settings, and remove those of an earlier process.

        The folder is that of the run or, with `shared`, one that has the files of several runs.
        """

    @abstractmethod
    def write(self, stamped: Stamped) -> None:
        """Take the next event."""

    @abstractmethod
    def flush(self) -> None:
        """Make everything so far visible to readers; called after every batch of events."""

    @abstractmethod
    def close(self) -> None:
        """Finish the files: the run has ended."""


def names() -> list[str]:
    """Names of the loggers, in alphabetical order."""
    return sorted(_found())


def logger(name: str) -> Logger:
    """A new logger called `name`; raises InputError, which names the nearest, if there is none."""
    found = _found()
    if name not in found:
        raise InputError(
            f"--log {name}: unknown logger{nearest(name, sorted(found))}; choose from {', '.join(names())}"
        )
    return found[name]()


def chosen(words: Sequence[str]) -> dict[str, str]:
    """Read `--log` options, `NAME` or `NAME:FOLDER`, and check that they can be written.

    Returns:
        Logger → absolute folder for its files; empty for the folder of the run.

    Raises:
        InputError: unknown logger, missing library, or not a folder.
    """
    found = {}
    for word in words:
        name, colon, given = word.partition(":")
        logger(name).check()
        folder = expanded(given).absolute() if given else None
        if (colon and not given) or (folder is not None and folder.exists() and not folder.is_dir()):
            raise InputError(f"--log {word}: '{given}' is not a folder; use --log {name}, or --log {name}:FOLDER")
        found[name] = str(folder or "")
    return found


def _found() -> dict[str, type[Logger]]:
    """Every logger that a file of this folder defines, by name."""
    return {kind.name: kind for kind in subclasses(__name__, Logger)}  # type: ignore[type-abstract]
