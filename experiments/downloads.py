"""Data sets that their authors publish: downloaded, unpacked, checked. Nothing else needs a network."""

import errno
import gzip
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.data.settings import Photos
from core.data.splits import SPLITS
from core.data.table import ImageTable, read_table
from core.data.watch import QUIET, Watch
from core.errors import InputError
from core.groups import group_titles
from experiments import transfer
from experiments.transfer import download, kept, open_address, see_room, unreached

CELEBA_HOST = "https://drive.google.com/"
"""Where CelebA's authors keep their files; torchvision knows which."""
CELEBA_BYTES = 3_000_000_000
"""The zip file of CelebA and what is in it."""


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
        titles = [
            " · ".join([label, *values.values()])
            for label, values in group_titles(table.label_names, table.attribute_values)
        ]
        for number, split in enumerate(SPLITS):
            rows = table.splits == number
            if split in table.published_sizes:
                found.append(Size(split, "", int(rows.sum()), table.published_sizes[split]))
            counts = np.bincount(table.groups()[rows], minlength=len(titles))
            known = table.published.get(split, {})
            for title, n in zip(titles, counts, strict=True):
                if title in known:
                    found.append(Size(split, title, int(n), known[title]))
        return found


def whole(settings: Photos) -> ImageTable | None:
    """Table of a data set of which every image is there; None where its folder has no table.

    Raises:
        InputError: it is there in part, or something else is.
    """
    root = Path(settings.root)
    if not any((root / name).exists() for name in settings.tables):
        return None
    table = read_table(settings)
    gone = [path for path in table.paths if not (table.root / path).is_file()]
    if gone:
        raise InputError(
            f"{table.root / table.file} is there, but {len(gone):,} of its {len(table):,} images are not "
            f"({gone[0]} is the first); put them there, or name another folder"
        )
    return table


def get_archive(settings: Photos, watch: Watch = QUIET, url: str | None = None) -> Fetched:
    """Download the archive that the authors of a data set publish, and unpack it into the folder of the settings.

    Args:
        settings: of the data set, with its folder; made where it is missing. Data that is whole is left alone.
        watch: hears how many bytes of how many are done; may stop the work between two parts.
        url: of the archive; the published one where none is named.

    Raises:
        InputError: no network, no room, or an archive of something else; a partial file is kept, and named.
        Stopped: a stop was asked for; the next call goes on from there.
    """
    url, root = url or settings.archive, Path(settings.root)
    if table := whole(settings):
        return Fetched(table, fresh=False)
    if not hasattr(tarfile, "data_filter"):
        raise InputError("to unpack an archive safely takes Python 3.11.4 or newer; see prusc doctor for yours")
    archive = root / url.rpartition("/")[2]
    there_before = archive.is_file()
    try:
        others = [path.name for path in root.glob("*") if not path.name.startswith((".", archive.name))]
        if others:
            raise InputError(f"{root} holds something else already ({others[0]}); name an empty folder, or a new one")
        if not there_before:
            download(url, archive, watch)
        try:
            _settle(archive, settings, watch)
        except _Unfit as error:
            if there_before:
                raise InputError(f"{archive}: {error}; remove it, and it is downloaded anew") from None
            archive.unlink()
            raise InputError(f"{url}: {error}; nothing of it is kept") from None
    except OSError as error:
        raise InputError(f"{_said(error, root)}{kept(archive)}") from None
    archive.unlink()
    return Fetched(read_table(settings), fresh=True)


def get_celeba(settings: Photos, url: str | None = None) -> Fetched:
    """Download CelebA into the folder of the settings, as torchvision lays it out and checks it.

    Args:
        settings: of CelebA, with its folder; made where it is missing. Data that is whole is left alone.
        url: page that has to answer first, so that no network is told from everything else.

    Raises:
        InputError: no network, no room, no package gdown, or no files given out; which to put where by hand.
    """
    from importlib.util import find_spec

    root = Path(settings.root)
    with suppress(InputError):  # what is there in part, torchvision completes
        if table := whole(settings):
            return Fetched(table, fresh=False)
    by_hand = (
        "put the authors' img_align_celeba.zip, unpacked as img_align_celeba/, with list_attr_celeba.txt and "
        f"list_eval_partition.txt into {root} by hand"
    )
    if find_spec("gdown") is None:
        raise InputError(f"celeba: the package gdown is needed for this download; install it, or {by_hand}")
    try:
        open_address(urllib.request.Request(url or CELEBA_HOST)).close()
    except urllib.error.HTTPError:
        pass  # it answers
    except (OSError, http.client.HTTPException) as error:
        raise InputError(f"celeba: {unreached(url or CELEBA_HOST, error)}; or {by_hand}") from None
    see_room(root, CELEBA_BYTES)
    from torchvision.datasets import CelebA
    from torchvision.datasets.utils import extract_archive

    class Here(CelebA):  # type: ignore[misc]
        """CelebA in the folder itself, not in one named celeba below it."""

        base_folder = ""

    try:
        Here(root, download=True)
        try:
            whole(settings)
        except InputError:  # unpacking was cut short once, which torchvision does not see
            extract_archive(root / "img_align_celeba.zip")
    # Whatever went wrong between gdown, the host and torchvision, a person has to do the same.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"celeba could not be downloaded ({why[:200]}); try again tomorrow, or {by_hand}") from None
    return Fetched(read_table(settings), fresh=True)


SPECIAL = {"celeba": get_celeba}
"""Data set → what downloads it, where its authors publish no archive (`Photos.archive`)."""


class _Unfit(Exception):
    """An archive that is damaged, or is not what it should be."""


def _settle(archive: Path, settings: Photos, watch: Watch) -> None:
    """Unpack beside the archive, see that it is the data set, and only then move it to where it belongs."""
    root, tables = Path(settings.root), settings.tables
    unpacking = root / f"{archive.name}.unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    try:
        _unpack(archive, unpacking, watch)
        places = (unpacking, *sorted(path for path in unpacking.glob("*") if path.is_dir()))
        inner = next((place for place in places if any((place / name).exists() for name in tables)), None)
        if inner is None:
            raise _Unfit(f"there is no {' or '.join(tables)} in the archive")
        try:
            whole(settings.model_copy(update={"root": str(inner)}))
        except InputError as error:
            why = str(error).replace(f"{inner}/", "")
            raise _Unfit(f"what is in the archive is not {settings.name} ({why})") from None
        entries = sorted(inner.iterdir(), key=lambda path: path.name in tables)  # the table last
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
            while packed.read(transfer.PART):  # to the end, where the checksum is
                pass
        watch.report("unpacking", size, size)
    except tarfile.FilterError as error:
        raise _Unfit(f"the archive is refused, as it would write outside its folder ({error})") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _Unfit(f"the archive is damaged, or is no tar.gz ({error})") from None


def _said(error: OSError, root: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{root}: the disk is full; make room, and the same command goes on"
    return f"{error.filename or root}: cannot be written ({error.strerror or error})"
