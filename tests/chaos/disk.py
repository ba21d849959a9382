"""The disk as a process sees it, with every durable operation counted, and a fault at one of them.

Counted are, below one folder: files that are opened to be written, writes, syncs, renames, links, removals and new
folders. A crash is a SIGKILL before the operation, after it, or in the middle of a write. A power failure is a crash
that also loses what was written and never synced. A full disk refuses this operation and all later ones that need room.
"""

import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest import mock

How = Literal["before", "within", "after", "power", "full"]
NEED_ROOM = ("open", "write", "mkdir", "link")


@dataclass
class Disk:
    """Patches the operations while it is entered.

    Attributes:
        root: folder whose files are meant; it is absolute.
        at: number of the operation with the fault, from 0; -1 for none.
        how: the fault.
        operations: names of those so far, such as `rename run.json`.
    """

    root: Path
    at: int = -1
    how: How = "before"
    operations: list[str] = field(default_factory=list)
    _synced: dict[int, int] = field(default_factory=dict)
    _patches: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Disk":
        import core.tensors

        real_open, real_save = io.open, core.tensors.save_file
        patch = self._patches.enter_context

        def opened(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            path = Path(os.fsdecode(file)) if not isinstance(file, int) else None
            if path is None or not set(mode) & set("wax") or not self._is_ours(path):
                return real_open(file, mode, *args, **options)
            letter = mode.strip("bt+")
            raw = self._operation("open", path, lambda: _Raw(str(path), letter))
            raw.disk, raw.place = self, path
            if letter != "a":
                self._synced[raw.inode] = 0
            binary = io.BufferedWriter(raw)
            return binary if "b" in mode else io.TextIOWrapper(binary, options.get("encoding") or "utf-8")

        def saved(tensors: Any, path: Any, **options: Any) -> None:
            def write() -> None:
                real_save(tensors, path, **options)
                self._synced[Path(path).stat().st_ino] = 0

            def half() -> None:
                write()
                os.truncate(path, Path(path).stat().st_size // 2)

            self._operation("write", Path(path), write, half)

        patch(mock.patch.object(io, "open", opened))
        patch(mock.patch.object(builtins, "open", opened))
        patch(mock.patch.object(core.tensors, "save_file", saved))
        for name, kind in (("replace", "rename"), ("rename", "rename"), ("link", "link")):
            patch(mock.patch.object(os, name, self._with_target(kind, getattr(os, name))))
        for name, kind in (("unlink", "remove"), ("rmdir", "remove"), ("mkdir", "mkdir")):
            patch(mock.patch.object(os, name, self._with_path(kind, getattr(os, name))))
        patch(mock.patch.object(os, "write", self._write(os.write)))
        patch(mock.patch.object(os, "fsync", self._fsync(os.fsync)))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.close()

    def _is_ours(self, path: Path) -> bool:
        return Path(os.path.abspath(path)).is_relative_to(self.root)  # noqa: PTH100  # a link stays what it is

    def _operation(self, kind: str, path: Path, do: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
        number = len(self.operations)
        self.operations.append(f"{kind} {path.name}")
        if self.how == "full":
            if 0 <= self.at <= number and kind in NEED_ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return do()
        if number != self.at:
            return do()
        if self.how == "within" and half is not None:
            half()
        elif self.how in ("after", "power"):
            do()
        if self.how == "power":
            self._lose()
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    def _lose(self) -> None:
        """Cut every file to what was synced of it."""
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                status = path.lstat()
                if status.st_size > self._synced.get(status.st_ino, status.st_size):
                    os.truncate(path, self._synced[status.st_ino])

    def _with_target(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def done(source: Any, target: Any, **options: Any) -> Any:
            return self._if_ours(kind, target, lambda: real(source, target, **options))

        return done

    def _with_path(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def done(path: Any, *args: Any, **options: Any) -> Any:
            if options.get("dir_fd") is not None:  # shutil.rmtree walks down by descriptors
                folder = _named(options["dir_fd"])
                return self._if_ours(kind, folder / path, lambda: real(path, *args, **options))
            return self._if_ours(kind, path, lambda: real(path, *args, **options))

        return done

    def _if_ours(self, kind: str, path: Any, do: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
        place = Path(os.fsdecode(path))
        return self._operation(kind, place, do, half) if self._is_ours(place) else do()

    def _write(self, real: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def write(descriptor: int, data: Any) -> int:
            path, status = _named(descriptor), os.fstat(descriptor)
            self._synced.setdefault(status.st_ino, status.st_size)
            half = memoryview(data)[: len(data) // 2]
            written: int = self._if_ours("write", path, lambda: real(descriptor, data), lambda: real(descriptor, half))
            return written

        return write

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def fsync(descriptor: int) -> None:
            def do() -> None:
                real(descriptor)
                status = os.fstat(descriptor)
                self._synced[status.st_ino] = status.st_size

            self._if_ours("sync", _named(descriptor), do)

        return fsync


class _Raw(io.FileIO):
    """A file whose writes are counted."""

    disk: Disk
    place: Path

    @property
    def inode(self) -> int:
        return os.fstat(self.fileno()).st_ino

    def write(self, data: Any) -> int:  # type: ignore[override]
        self.disk._synced.setdefault(self.inode, os.fstat(self.fileno()).st_size)
        whole = bytes(data)
        write = super().write
        written: int = self.disk._operation(
            "write", self.place, lambda: write(whole), lambda: write(whole[: len(whole) // 2])
        )
        return written


def _named(descriptor: int) -> Path:
    try:
        return Path(f"/proc/self/fd/{descriptor}").readlink()
    except OSError:
        return Path("/nowhere")
