"""Decoded images on disk: one array of bytes per set of images, built once and then memory-mapped."""

import io
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from core.data.contents import DIGEST
from core.data.dataset import Images
from core.data.decode import VERSION
from core.data.squares import Squares
from core.data.watch import QUIET, Watch, in_parts
from core.errors import InputError
from core.paths import expanded
from core.runs.disk import replace_file

PIXELS = "pixels.npy"
ABOUT = "about.json"
DONE = "done"
PARTIAL = ".partial"
"""Suffix of the folder while its images are being decoded."""
ROWS = 64
"""Images per part, between two checks for a stop request."""
SAVE_EVERY = 5.0
"""Maximum seconds of work that a killed build loses."""
LOOK_EVERY = 0.2
"""Seconds between checks of another process's build."""
SPARE = 64 << 20
"""Bytes to leave free on the disk."""


def cache_folder() -> Path:
    """Return the folder for everything that can be recreated: $PRUSC_CACHE, or else the user's cache folder."""
    from platformdirs import user_cache_dir

    given = os.environ.get("PRUSC_CACHE")
    return expanded(given or user_cache_dir("prusc-tui", appauthor=False)).absolute()


def store_key(squares: Squares) -> str:
    """Hash of the contents of all images, their order and how they are decoded: equal for equal pixels."""
    how = orjson.dumps([VERSION, squares.side, squares.part, len(squares)])
    return blake2b(how + squares.contents.digests.tobytes(), digest_size=DIGEST).hexdigest()


def store_bytes(squares: Squares) -> int:
    """Size of the decoded images on disk in bytes."""
    return len(_header(squares)) + len(squares) * _row_bytes(squares)


def store_path(squares: Squares, folder: Path) -> Path:
    """Path of the decoded images once they are complete; see `PARTIAL`."""
    return folder / "images" / store_key(squares)


def mapped(squares: Squares, folder: Path) -> Images | None:
    """Map the decoded images; None if they are missing, incomplete or damaged."""
    final = store_path(squares, folder)
    try:
        pixels: Images = np.load(final / PIXELS, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    if pixels.shape != squares.shape or pixels.dtype != np.uint8:
        return None
    with suppress(OSError):
        os.utime(final / ABOUT)  # marks the store as used
    return pixels


def stored(squares: Squares, folder: Path, watch: Watch = QUIET) -> Images:
    """Map the decoded images, uint8 [images, 3, side, side] read-only; decode them first if necessary.

    If a build was stopped or killed, the next one continues where it was. One process builds at a time, others wait and
    then use its result. An incomplete store is never visible. Raises InputError if the disk is full, the cache folder
    is not writable, or an image is broken.
    """
    final = store_path(squares, folder)
    if (pixels := mapped(squares, folder)) is not None:
        return pixels
    partial = final.with_suffix(PARTIAL)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        (folder / "locks").mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot store decoded images here ({error.strerror}); "
            "set PRUSC_CACHE to a writable folder, or use --no-cache"
        ) from None
    with _only_builder(lock_of(final), partial, squares, watch):
        if (pixels := mapped(squares, folder)) is None:
            _refuse_full_disk(squares, folder, partial)
            _build(squares, partial, watch)
            shutil.rmtree(final, ignore_errors=True)  # a damaged one
            partial.rename(final)
            pixels = mapped(squares, folder)
        else:
            shutil.rmtree(partial, ignore_errors=True)
    if pixels is None:
        raise InputError(f"{final}: cannot be mapped; set PRUSC_CACHE to another disk, or use --no-cache")
    return pixels


def _build(squares: Squares, partial: Path, watch: Watch) -> None:
    header, size, total = _header(squares), _row_bytes(squares), len(squares)
    marks = _marks(partial, total)
    about = {"images": total, "side": squares.side, "part": squares.part, "root": str(squares.contents.files.root)}
    (partial / ABOUT).write_bytes(orjson.dumps(about))
    file = os.open(partial / PIXELS, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _write(file, header, 0)
        os.ftruncate(file, store_bytes(squares))

        # Written, not mapped: a full disk is then an error instead of a fatal signal, and memory does not grow.
        def work(rows: slice) -> None:
            for row in range(rows.start, rows.stop):
                _write(file, squares.one(row).tobytes(), len(header) + row * size)

        parts = [slice(p * ROWS, min(p * ROWS + ROWS, total)) for p in np.flatnonzero(marks == 0).tolist()]
        done, saved = total - sum(part.stop - part.start for part in parts), time.monotonic()
        watch.step("decoding", done, total)
        try:
            with closing(in_parts(parts, work)) as worked:
                for rows, _ in worked:
                    marks[rows.start // ROWS] = 1
                    done += rows.stop - rows.start
                    if time.monotonic() - saved >= SAVE_EVERY:
                        _save(file, partial, marks)
                        saved = time.monotonic()
                    watch.step("decoding", done, total)
        except BaseException:
            with suppress(OSError):
                _save(file, partial, marks)
            raise
        os.fsync(file)
    finally:
        os.close(file)
    (partial / DONE).unlink(missing_ok=True)


def _save(file: int, partial: Path, marks: npt.NDArray[np.uint8]) -> None:
    os.fsync(file)  # pixels before marks, so that no mark refers to pixels lost in a crash
    replace_file(partial / DONE, marks.tobytes())


def _marks(partial: Path, total: int) -> npt.NDArray[np.uint8]:
    """Array with 1 for every part whose pixels are on disk."""
    parts = -(-total // ROWS)
    try:
        marks = np.frombuffer((partial / DONE).read_bytes(), np.uint8).copy()
        if len(marks) == parts and (partial / PIXELS).is_file():
            return marks
    except OSError:
        pass
    return np.zeros(parts, dtype=np.uint8)


@contextmanager
def _only_builder(lock: Path, partial: Path, squares: Squares, watch: Watch) -> Iterator[None]:
    from filelock import FileLock, Timeout

    held = FileLock(lock, thread_local=False)
    while True:
        try:
            held.acquire(timeout=0)
            break
        except Timeout:
            total = len(squares)
            done = int(_marks(partial, total).sum()) * ROWS
            watch.step("another process is decoding", min(done, total), total)
            time.sleep(LOOK_EVERY)
    try:
        partial.mkdir(exist_ok=True)  # the previous builder may have moved it
        yield
    finally:
        held.release()


def _refuse_full_disk(squares: Squares, folder: Path, partial: Path) -> None:
    need, free = store_bytes(squares) - disk_bytes(partial / PIXELS), shutil.disk_usage(folder).free
    if need > free - SPARE:
        raise InputError(
            f"{folder}: the decoded images need {_size(need)}, but only {_size(free)} are free; "
            "use --no-cache, a smaller data.stored, or set PRUSC_CACHE to another disk"
        )


def disk_bytes(file: Path) -> int:
    """Disk space of a file, which may be sparse while it is written; 0 if it does not exist."""
    try:
        return file.stat().st_blocks * 512
    except OSError:
        return 0


def lock_of(final: Path) -> Path:
    """Lock file for building or removing the store at `final`."""
    return final.parent.parent / "locks" / f"{final.name}.lock"


def _header(squares: Squares) -> bytes:
    """Header of an NPY file, so that plain numpy can read it."""
    out = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": squares.shape}
    np.lib.format.write_array_header_1_0(out, about)
    return out.getvalue()


def _row_bytes(squares: Squares) -> int:
    return 3 * squares.side**2


def _write(file: int, data: bytes, at: int) -> None:
    written = os.pwrite(file, data, at)
    if written < len(data):  # the disk is almost full; the next write raises the error
        _write(file, data[written:], at + written)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{max(1, count // 10**6)} MB"


@dataclass(frozen=True, slots=True)
class Store:
    """Decoded images on disk.

    Attributes:
        root: source folder of the images; empty if the store is damaged.
        side: of each image in pixels.
        bytes: disk space.
        used: time of last use, in seconds since 1970.
        done: decoded images; fewer than `images` if a build was stopped or is in progress.
    """

    path: Path
    root: str
    images: int
    side: int
    bytes: int
    used: float
    done: int


def stores(folder: Path) -> list[Store]:
    """All stores in a cache folder, most recently used first; none if the folder does not exist."""
    found = (_read(path) for path in (folder / "images").glob("*") if path.is_dir())
    return sorted(found, key=lambda store: -store.used)


def remove(store: Store) -> bool:
    """Remove a store; False, with the store unchanged, if a process is building it or it cannot be removed."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(lock_of(store.path.with_suffix("")), timeout=0, thread_local=False):
            shutil.rmtree(store.path)
    except (Timeout, OSError):
        return False
    return True


def _read(path: Path) -> Store:
    size, images, side, root, used = disk_bytes(path / PIXELS), 0, 0, "", 0.0
    # Damaged stores are listed too, so that they can be removed.
    with suppress(OSError, ValueError, KeyError, TypeError):
        used = (path / ABOUT).stat().st_mtime
        about = orjson.loads((path / ABOUT).read_bytes())
        images, side, root = int(about["images"]), int(about["side"]), str(about["root"])
    done = images
    if path.suffix == PARTIAL:
        done = 0
        with suppress(OSError):
            done = min(images, sum((path / DONE).read_bytes()) * ROWS)
    return Store(path, root, images, side, size, used, done)
