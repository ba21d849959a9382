"""One file over HTTP, with timeouts; an interrupted download is resumed, and a file is complete or absent."""

import http.client
import os
import shutil
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

from core.data.watch import QUIET, Watch
from core.errors import InputError

OPENING, SILENCE = 8.0, 20.0
"""Seconds for a server to answer, and to stay silent afterwards."""
PART = 1 << 20
"""Bytes between two checks for a stop."""


def download(url: str, file: Path, watch: Watch = QUIET) -> None:
    """Download to `file` through a file `….part` next to it, which a later call resumes.

    The partial file has the time of the published one, so that the server decides whether the two still match; if they
    do not, or the server does not support ranges, the download starts again. Raises InputError without an answer or
    such a file, for a full disk, or if the download broke off again, and OSError if the file cannot be written. The
    partial file is then kept.
    """
    part = file.with_name(file.name + ".part")
    most = -1
    while True:
        try:
            response, done, total = _from_where(url, part)
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"{unreached(url, error)}{kept(file)}") from None
        with response:
            if done < total:
                # Photographs hardly compress: unpacking needs as much space again.
                see_room(file.parent, total - done + total)
                file.parent.mkdir(parents=True, exist_ok=True)
                done = _receive(response, part, done, total, watch)
        if done == total:
            part.replace(file)
            return
        if done <= most:
            raise InputError(
                f"{url} broke off at {done:,} of {total:,} bytes; run the same command again to continue{kept(file)}"
            )
        most = done


def _from_where(url: str, part: Path) -> tuple[http.client.HTTPResponse, int, int]:
    """Request the missing part; return the response, the valid bytes on disk, and the size of the whole file."""
    request = urllib.request.Request(url)
    if there := part.stat().st_size if part.is_file() else 0:
        request.add_header("Range", f"bytes={there}-")
        request.add_header("If-Range", formatdate(part.stat().st_mtime, usegmt=True))
    try:
        response = open_address(request)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # Nothing is left to send: the partial file is complete, or of another version.
        total = error.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(there):
            return error, there, there  # type: ignore[return-value]
        error.close()
        part.unlink()
        return _from_where(url, part)
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        response.close()
        raise urllib.error.URLError("it does not give the size of the file")
    part_only = response.headers.get("Content-Range", "").startswith(f"bytes {there}-")
    if response.status == 206 and not part_only:
        response.close()
        raise urllib.error.URLError("it sends another part than the missing one")
    begins = there if response.status == 206 else 0
    return response, begins, begins + int(length)


def _receive(response: http.client.HTTPResponse, part: Path, done: int, total: int, watch: Watch) -> int:
    """Write the response from byte `done` on; return the number of bytes on disk at its end."""
    stamp = _stamp(response)
    try:
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            while done < total:
                watch.step("downloading", done, total)
                try:
                    block = response.read(min(PART, total - done))
                except (OSError, http.client.HTTPException):
                    break
                if not block:
                    break
                file.write(block)
                file.flush()
                _date(part, stamp)
                done += len(block)
        watch.report("downloading", done, total)
    finally:
        _date(part, stamp)
        if part.is_file() and not part.stat().st_size:
            part.unlink()
    return done


def _date(part: Path, stamp: float | None) -> None:
    """Give the partial file the time of the published one; without one, the next call starts again."""
    with suppress(OSError):
        os.utime(part, (stamp or 0, stamp or 0))


def _stamp(response: http.client.HTTPResponse) -> float | None:
    with suppress(TypeError, ValueError):
        return parsedate_to_datetime(response.headers["Last-Modified"]).timestamp()
    return None


def open_address(request: urllib.request.Request) -> http.client.HTTPResponse:
    """Open an address, with a timeout that includes the lookup of the name.

    Raises OSError without an answer or for an error (`urllib.error.HTTPError`), `http.client.HTTPException` for an
    invalid answer.
    """
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(urllib.request.urlopen(request, timeout=SILENCE))
        except (OSError, http.client.HTTPException) as error:
            answer.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(OPENING)
    if not answer:
        raise TimeoutError(f"no answer within {OPENING:g} seconds")
    if isinstance(answer[0], Exception):
        raise answer[0]
    response: http.client.HTTPResponse = answer[0]
    return response


def see_room(folder: Path, needed: int) -> None:
    """Raise InputError unless the disk of a folder, which need not exist yet, has `needed` bytes."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise InputError(f"{folder}: {needed / 1e6:,.0f} MB needed, {free / 1e6:,.0f} MB free")


def unreached(url: str, error: Exception) -> str:
    """Return a sentence: why an address cannot be read."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{url}: the server answers {error.code} {error.reason}"
    why = getattr(error, "reason", error)
    why = getattr(why, "strerror", None) or str(why) or type(why).__name__
    return f"{url} cannot be reached ({why}); is there an internet connection?"


def kept(file: Path) -> str:
    """Name the remains of a download of `file`, in brackets; empty if there are none."""
    for left in (file, file.with_name(file.name + ".part")):
        if left.is_file():
            return f" (kept: {left})"
    return ""
