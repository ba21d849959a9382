"""Data sets that their authors publish as one archive: downloaded, unpacked and checked. Nothing else needs a network."""

import errno
import gzip
import http.client
import os
import shutil
import tarfile
import threading
import urllib.error
import urllib.request
import zlib
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.config.photos import Celeba, Photos, Waterbirds
from core.data.draft import SPLITS
from core.data.table import ImageTable, read_table
from core.data.watch import QUIET, Watch
from core.errors import InputError
from core.groups import group_titles

WATERBIRDS = "https://nlp.stanford.edu/data/dro/waterbird_complete95_forest2water2.tar.gz"
"""The archive of GroupDRO's authors."""
CELEBA_HOST = "https://drive.google.com/"
"""Where CelebA's authors keep their files; torchvision knows which."""
CELEBA_BYTES = 3_000_000_000
"""The zip file of CelebA and what is in it."""

OPENING, SILENCE = 8.0, 20.0
"""Seconds until a server has to have answered, and that it may be silent afterwards."""
PART = 1 << 20
"""Bytes between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Size:
    """Images of a group, or of a split where `group` is empty: how many there are, how many were published."""

    split: str
    group: str
    found: int
    published: int


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """A data set that is whole.

    Attributes:
        table: its rows; every image is there.
        fresh: whether it was downloaded just now; else it was there before.
    """

    table: ImageTable
    fresh: bool

    def sizes(self) -> list[Size]:
        """Every split and group of which the published size is known."""
        table, found = self.table, []
        titles = [" · ".join([label, *values.values()]) for label, values in self._groups()]
        for number, split in enumerate(SPLITS):
            rows = table.splits == number
            if split in table.published_sizes:
                found.append(Size(split, "", int(rows.sum()), table.published_sizes[split]))
            counts = np.bincount(table.groups()[rows], minlength=len(titles))
            known = table.published.get(split, {})
            found += [
                Size(split, title, int(n), known[title]) for title, n in zip(titles, counts, strict=True) if known
            ]
        return found

    def _groups(self) -> list[tuple[str, dict[str, str]]]:
        return group_titles(self.table.label_names, self.table.attribute_values)


def whole(settings: Photos) -> ImageTable | None:
    """Table of a data set of which every image is there; None where its folder has no table.

    Raises:
        InputError: it is there in part, or something else is.
    """
    root = Path(settings.root)
    tables = ("metadata.csv",) if isinstance(settings, Waterbirds) else ("list_attr_celeba.txt", "list_attr_celeba.csv")
    if not any((root / name).exists() for name in tables):
        return None
    table = read_table(settings)
    gone = [path for path in table.paths if not (table.root / path).is_file()]
    if gone:
        raise InputError(
            f"{table.root / table.file} is there, but {len(gone):,} of its {len(table):,} images are not "
            f"({gone[0]} is the first); put them there, or name another folder"
        )
    return table


def get_waterbirds(root: Path, watch: Watch = QUIET, url: str | None = None) -> Fetched:
    """Have Waterbirds lie in `root`: `metadata.csv` with the images beside it.

    Args:
        root: folder; made where it is missing. Data that is whole is left alone.
        watch: hears how many bytes of how many are done; may stop the work between two parts.
        url: of the archive; the published one where none is named.

    Raises:
        InputError: no network, no room, or an archive that is not Waterbirds; a partial file is kept, and named.
        Interrupted: a stop was asked for; the next call goes on from there.
    """
    url = url or WATERBIRDS
    if table := whole(Waterbirds(root=str(root))):
        return Fetched(table, fresh=False)
    archive = root / url.rpartition("/")[2]
    there_before = archive.is_file()
    try:
        if not there_before:
            download(url, archive, watch)
        try:
            _settle(archive, root, watch)
        except _Unfit as error:
            if there_before:
                raise InputError(f"{archive}: {error}; remove it, and it is downloaded anew") from None
            archive.unlink()
            raise InputError(f"{url}: {error}; nothing of it is kept") from None
    except OSError as error:
        raise InputError(f"{_said(error, root)}{_kept(archive)}") from None
    archive.unlink()
    return Fetched(read_table(Waterbirds(root=str(root))), fresh=True)


def get_celeba(root: Path, url: str | None = None) -> Fetched:
    """Have CelebA lie in `root`, as torchvision lays it out, downloaded and checked by torchvision.

    Args:
        root: folder; made where it is missing. Data that is whole is left alone.
        url: page that has to answer first, so that no network is told from everything else.

    Raises:
        InputError: no network, no room, no package gdown, or no files given out; which to put where by hand.
    """
    from importlib.util import find_spec

    if table := whole(Celeba(root=str(root))):
        return Fetched(table, fresh=False)
    by_hand = (
        "put the authors' img_align_celeba.zip, unpacked as img_align_celeba/, with list_attr_celeba.txt and "
        f"list_eval_partition.txt into {root} by hand"
    )
    if find_spec("gdown") is None:
        raise InputError(f"celeba: the package gdown is needed for this download; install it, or {by_hand}")
    try:
        _open(urllib.request.Request(url or CELEBA_HOST)).close()  # noqa: S310
    except urllib.error.HTTPError:
        pass  # it answers
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"celeba: {_unreached(url or CELEBA_HOST, error)}; or {by_hand}") from None
    _see_room(root, CELEBA_BYTES)
    from torchvision.datasets import CelebA

    class Here(CelebA):  # type: ignore[misc]
        """CelebA in the folder itself, not in one named celeba below it."""

        base_folder = ""

    try:
        Here(root, download=True)
    # Whatever went wrong between gdown, the host and torchvision, a person has to do the same.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"celeba could not be downloaded ({why[:200]}); try again tomorrow, or {by_hand}") from None
    return Fetched(read_table(Celeba(root=str(root))), fresh=True)


def download(url: str, file: Path, watch: Watch = QUIET) -> None:
    """Download to `file`, by way of a file `….part` beside it; a broken download goes on where it broke off.

    The partial file bears the time of the published one, so that the server itself says whether the two still go
    together; where they do not, or it knows no ranges, the download begins anew.

    Raises:
        InputError: the server cannot be reached or does not have the file, there is no room, or it broke off again.
        Interrupted: a stop was asked for; the partial file is kept.
        OSError: the file cannot be written.
    """
    part = file.with_name(file.name + ".part")
    most = -1
    while True:
        try:
            response, done, total = _from_where(url, part)
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"{_unreached(url, error)}{_kept(file)}") from None
        with response:
            if done < total:
                # Photographs hardly shrink when packed: as much again is needed to unpack them.
                _see_room(file.parent, total - done + total)
                file.parent.mkdir(parents=True, exist_ok=True)
                done = _receive(response, part, done, total, watch)
        if done == total:
            part.replace(file)
            return
        if done <= most:
            raise InputError(f"{url} broke off at {done:,} of {total:,} bytes; the same command goes on{_kept(file)}")
        most = done


def _from_where(url: str, part: Path) -> tuple[http.client.HTTPResponse, int, int]:
    """Ask for what is missing: the answer, the bytes that are there and still hold, the bytes of the whole file."""
    request = urllib.request.Request(url)  # noqa: S310
    if there := part.stat().st_size if part.is_file() else 0:
        request.add_header("Range", f"bytes={there}-")
        request.add_header("If-Range", formatdate(part.stat().st_mtime, usegmt=True))
    try:
        response = _open(request)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # Nothing lies beyond what is there: it is the whole file, or not the same one.
        total = error.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(there):
            return error, there, there  # type: ignore[return-value]
        part.unlink()
        return _from_where(url, part)
    length = response.headers.get("Content-Length", "")
    if not length.isdecimal():
        response.close()
        raise urllib.error.URLError("it does not say how large the file is")
    begins = there if response.status == 206 else 0
    return response, begins, begins + int(length)


def _receive(response: http.client.HTTPResponse, part: Path, done: int, total: int, watch: Watch) -> int:
    """Write the answer from byte `done` on; return the bytes that are there when it ends or breaks off."""
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
                if stamp is not None:
                    os.utime(part, (stamp, stamp))
                done += len(block)
        watch.say("downloading", done, total)
    finally:
        if part.is_file() and not part.stat().st_size:
            part.unlink()
    return done


def _stamp(response: http.client.HTTPResponse) -> float | None:
    with suppress(TypeError, ValueError):
        return parsedate_to_datetime(response.headers["Last-Modified"]).timestamp()
    return None


def _open(request: urllib.request.Request) -> http.client.HTTPResponse:
    """Open an address; a server that has not answered in time counts as none, however long the name is looked up."""
    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(urllib.request.urlopen(request, timeout=SILENCE))  # noqa: S310
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


class _Unfit(Exception):
    """An archive that is damaged, or is not what it should be."""


def _settle(archive: Path, root: Path, watch: Watch) -> None:
    """Unpack beside the archive, see that it is Waterbirds, and only then move it to where it belongs."""
    unpacking = root / f"{archive.name}.unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    try:
        _unpack(archive, unpacking, watch)
        inner = next((path.parent for path in sorted(unpacking.glob("metadata.csv"))), None)
        inner = inner or next((path.parent for path in sorted(unpacking.glob("*/metadata.csv"))), None)
        if inner is None:
            raise _Unfit("there is no metadata.csv in the archive")
        try:
            whole(Waterbirds(root=str(inner)))
        except InputError as error:
            raise _Unfit(f"what is in the archive is not waterbirds ({error})") from None
        entries = sorted(inner.iterdir(), key=lambda path: path.name == "metadata.csv")  # the table last
        taken = [entry.name for entry in entries if (root / entry.name).exists()]
        if taken:
            raise InputError(f"{root / taken[0]} is there already; name an empty folder{_kept(archive)}")
        for entry in entries:
            entry.rename(root / entry.name)
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)


def _unpack(archive: Path, folder: Path, watch: Watch) -> None:
    """Unpack a tar.gz; what would lie outside the folder, or is no file or folder, is refused."""
    size = archive.stat().st_size
    try:
        with archive.open("rb") as raw, gzip.GzipFile(fileobj=raw) as packed, tarfile.open(fileobj=packed) as tar:
            for member in tar:
                watch.step("unpacking", raw.tell(), size)
                tar.extract(member, folder, filter="data")
            while packed.read(PART):  # to the end, where the checksum is
                pass
        watch.say("unpacking", size, size)
    except tarfile.FilterError as error:
        raise _Unfit(f"the archive is refused, as it would write outside its folder ({error})") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _Unfit(f"the archive is damaged, or is no tar.gz ({error})") from None


def _see_room(folder: Path, needed: int) -> None:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise InputError(f"{folder}: {needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free")


def _unreached(url: str, error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"{url}: the server answers {error.code} {error.reason}"
    why = getattr(error, "reason", error)
    why = getattr(why, "strerror", None) or str(why) or type(why).__name__
    return f"{url} cannot be reached ({why}); is there a network connection?"


def _said(error: OSError, root: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{root}: the disk is full; make room, and the same command goes on"
    return f"{error.filename or root}: cannot be written ({error.strerror or error})"


def _kept(archive: Path) -> str:
    """Name the file that is left behind, where one is."""
    for file in (archive, archive.with_name(archive.name + ".part")):
        if file.is_file():
            return f" (kept: {file})"
    return ""
