"""Downloads of published data sets: fetched, unpacked, checked. Nothing else needs an internet connection."""

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
from core.groups import group_names
from experiments.data import transfer
from experiments.data.transfer import download, kept, open_address, see_room, unreached

CELEBA_HOST = "https://drive.google.com/"
"""Where CelebA's authors keep their files; torchvision knows which."""
CELEBA_BYTES = 3_000_000_000
"""The zip file of CelebA and what is in it."""


@dataclass(frozen=True, slots=True)
class Size:
    """Number of images of a group, or of a split if `group` is empty: found and published."""

    split: str
    group: str
    found: int
    published: int


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """A complete data set, and whether it was downloaded just now."""

    table: ImageTable
    fresh: bool

    def sizes(self) -> list[Size]:
        """Every split and group whose published size is known."""
        table, found = self.table, []
        titles = group_names(table.label_names, table.attribute_values)
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
    """Table of a data set, all of whose images exist; None if its folder has no table.

    Raises InputError if it is incomplete, or another data set.
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

    The folder is created if missing; a complete data set is left alone. `watch` gets the progress in bytes. Raises
    InputError without connection or disk space, or for an archive of something else, and keeps and names the partial
    file; after Stopped, the next call continues.
    """
    url, root = url or settings.archive, Path(settings.root)
    if table := whole(settings):
        return Fetched(table, fresh=False)
    if not hasattr(tarfile, "data_filter"):
        raise InputError("unpacking an archive safely needs Python 3.11.4 or newer; see prusc doctor for yours")
    archive = root / url.rpartition("/")[2]
    there_before = archive.is_file()
    try:
        others = [path.name for path in root.glob("*") if not path.name.startswith((".", archive.name))]
        if others:
            raise InputError(f"{root} is not empty ({others[0]}); name an empty or a new folder")
        if not there_before:
            download(url, archive, watch)
        try:
            _settle(archive, settings, watch)
        except _Unfit as error:
            if there_before:
                raise InputError(f"{archive}: {error}; remove it to download it again") from None
            archive.unlink()
            raise InputError(f"{url}: {error}; it was removed") from None
    except OSError as error:
        raise InputError(f"{_os_error(error, root)}{kept(archive)}") from None
    archive.unlink()
    return Fetched(read_table(settings), fresh=True)


def get_celeba(settings: Photos, url: str | None = None) -> Fetched:
    """Download CelebA into the folder of the settings, as torchvision lays it out and checks it.

    The folder is created if missing; a complete data set is left alone. The page `url` has to answer first, to tell a
    missing connection from other errors. Raises InputError, which says what to do by hand, without connection, disk
    space or package gdown, or if the host refuses.
    """
    from importlib.util import find_spec

    root = Path(settings.root)
    with suppress(InputError):  # torchvision completes a partial data set
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
        except InputError:  # torchvision does not notice an interrupted unpacking
            extract_archive(root / "img_align_celeba.zip")
    # Whatever went wrong between gdown, the host and torchvision, the advice is the same.
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"celeba could not be downloaded ({why[:200]}); try again tomorrow, or {by_hand}") from None
    return Fetched(read_table(settings), fresh=True)


SPECIAL = {"celeba": get_celeba}
"""Data set → its download, if its authors publish no archive (`Photos.archive`)."""


class _Unfit(Exception):
    """An archive that is damaged, or of something else."""


def _settle(archive: Path, settings: Photos, watch: Watch) -> None:
    """Unpack next to the archive, check that it is the data set, and only then move it into place."""
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
            raise _Unfit(f"the archive does not contain {settings.name} ({why})") from None
        entries = sorted(inner.iterdir(), key=lambda path: path.name in tables)  # the table last
        for entry in entries:
            entry.rename(root / entry.name)
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)


def _unpack(archive: Path, folder: Path, watch: Watch) -> None:
    """Unpack a tar.gz; members outside the folder, or other than files and folders, are refused."""
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
        raise _Unfit(f"the archive is damaged, or not a tar.gz ({error})") from None


def _os_error(error: OSError, root: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{root}: the disk is full; free some space, and run the same command again"
    return f"{error.filename or root}: cannot be written ({error.strerror or error})"
