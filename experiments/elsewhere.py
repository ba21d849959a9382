"""Runs in another home: in a folder of this machine, or of another one, from which rsync brings them (no torch)."""

import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from core.errors import InputError
from core.paths import expanded
from core.runs.text import safe_text

RECORD, HEARTBEAT = "run.json", "heartbeat"
PLACES = ("", "*/", "runs/*/")
"""Where a folder may have records: it is a run, has runs, or is a home."""
_HOST = re.compile(r"(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])")
_REMOTE = re.compile(r"(?P<host>[^/:\[\]]+|[^/:]*\[[^/]*\]):(?P<folder>.*)", re.DOTALL)


class Elsewhere(ABC):
    """A folder with runs. Symbolic links in it are never followed, nor copied.

    Attributes:
        host: the other machine; empty for this one.
    """

    host: str = ""

    @abstractmethod
    def look(self, to: Path) -> list[Path]:
        """Copy the record and the heartbeat of every run, with their times, to the same place below `to`.

        Returns:
            The folder of each run, relative to this one; `.` if it is a run itself.
        """

    @abstractmethod
    def fetch(self, runs: Sequence[Path], to: Path) -> None:
        """Copy whole runs, given as `look` returns them, to the same place below `to`."""


def elsewhere(text: str) -> Elsewhere:
    """The folder that `FOLDER` or `HOST:FOLDER` names; one with a colon can be written as `./FOLDER`.

    Raises:
        InputError: there is no such folder, the host is not a name, or rsync is missing.
    """
    remote = _REMOTE.fullmatch(text)
    if remote is not None:
        return OnHost(remote["host"], remote["folder"])
    folder = expanded(text)
    if not folder.is_dir():
        raise InputError(f"{safe_text(text)}: is not a folder; import takes FOLDER or HOST:FOLDER")
    return InFolder(folder.resolve())


class InFolder(Elsewhere):
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def look(self, to: Path) -> list[Path]:
        found = []
        for record in (path for place in PLACES for path in sorted(self.root.glob(f"{place}{RECORD}"))):
            run = record.parent.relative_to(self.root)
            linked = record.is_symlink() or any((self.root / part).is_symlink() for part in (run, *run.parents))
            if linked or _hidden(run):
                continue
            (to / run).mkdir(parents=True, exist_ok=True)
            shutil.copy2(record, to / run)
            beat = record.with_name(HEARTBEAT)
            if beat.is_file() and not beat.is_symlink():
                shutil.copy2(beat, to / run)
            found.append(run)
        return found

    def fetch(self, runs: Sequence[Path], to: Path) -> None:
        copy = partial(_copy_once, {})
        try:
            for run in runs:
                shutil.copytree(self.root / run, to / run, ignore=_no_file, copy_function=copy, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            raise InputError(f"{self.root}: cannot be copied ({_why(error)})") from None


class OnHost(Elsewhere):
    """A folder of another machine, over rsync and ssh."""

    def __init__(self, host: str, folder: str) -> None:
        if not _HOST.fullmatch(host):
            raise InputError(
                f"{safe_text(host)}: is not the name of a host; import takes HOST:FOLDER or USER@HOST:FOLDER"
            )
        if not folder or "\n" in folder or "\0" in folder:
            raise InputError(
                f"{host}: name a folder on it, as in {host}:/data/prusc (its home, as prusc doctor prints it there)"
            )
        if shutil.which("rsync") is None:
            raise InputError(
                "import from another machine needs rsync on both machines; install it with your package manager"
            )
        self.host = host
        # rsync starts in the home folder of the user there, and gives the name to no shell that would expand ~.
        self.folder = folder.removeprefix("~/").rstrip("/") or ("/" if folder.startswith("/") else ".")

    def look(self, to: Path) -> list[Path]:
        wanted = [f"--include=/{place}{name}" for place in PLACES for name in (RECORD, HEARTBEAT)]
        self._rsync(["--include=/*/", "--include=/runs/*/", *wanted, "--exclude=*", "--prune-empty-dirs"], to)
        found = [path.parent.relative_to(to) for place in PLACES for path in sorted(to.glob(f"{place}{RECORD}"))]
        return [run for run in found if not _hidden(run)]

    def fetch(self, runs: Sequence[Path], to: Path) -> None:
        listed = "".join(f"{run}/\n" for run in runs)
        show = sys.stderr if sys.stderr.isatty() else None
        self._rsync(["--files-from=-", "--hard-links"], to, listed, show)

    def _rsync(self, options: Iterable[str], to: Path, listed: str = "", show: IO[str] | None = None) -> None:
        """Run rsync; without `--links`, it leaves symbolic links out, and with `-s` no shell there sees the folder."""
        to.mkdir(parents=True, exist_ok=True)
        progress = ["--info=progress2"] if show is not None else []
        host = f"{self.host}:{'' if self.folder.startswith('/') else './'}{self.folder}/"
        command = ["rsync", "--recursive", "--times", "-s", "-e", "ssh", *progress, *options, "--", host, f"{to}/"]
        out = show or subprocess.DEVNULL
        try:
            done = subprocess.run(
                command, input=listed, stdout=out, stderr=subprocess.PIPE, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise InputError(f"rsync could not be started ({error.strerror})") from None
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.strip() and "skipping non-regular" not in line]
            said = safe_text(lines[0]) if lines else f"it ended with code {done.returncode}"
            raise InputError(f"{self.host}:{safe_text(self.folder)}: rsync failed: {said}")


def _hidden(run: Path) -> bool:
    """Whether a folder is half of something, as are deletions and imports in progress."""
    return any(part.startswith(".") for part in run.parts)


def _no_file(folder: str, names: list[str]) -> list[str]:
    """The names of symbolic links, sockets and the like."""
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if path.is_symlink() or not (path.is_file() or path.is_dir())]


def _copy_once(seen: dict[tuple[int, int], str], source: str, target: str) -> str:
    """Copy a file; one that several runs share, as a hard link, is shared by their copies."""
    stat = Path(source).stat(follow_symlinks=False)
    key = stat.st_dev, stat.st_ino
    if stat.st_nlink > 1 and key in seen:
        Path(target).hardlink_to(seen[key])
    else:
        shutil.copy2(source, target, follow_symlinks=False)
        seen[key] = target
    return target


def _why(error: OSError) -> str:
    if isinstance(error, shutil.Error):
        return str(error.args[0][0][2])
    return error.strerror or str(error)
