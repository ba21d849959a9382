"""Read the bundled digits: gzipped idx files, verified with SHA256SUMS."""

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from core.errors import InputError

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
"""The four files of MNIST, without `.gz`."""

_REPAIR = "reinstall prusc-tui"


class Digits(NamedTuple):
    """Handwritten digits: `images` uint8 [n, 28, 28], bright on black; `labels` int64 [n], 0 to 9."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


def read_digits(folder: Path, part: Literal["train", "t10k"]) -> Digits:
    """Read the 60,000 training digits (`train`) or the 10,000 test digits (`t10k`).

    Raises InputError if a file is missing or does not match SHA256SUMS.
    """
    sums = checksums(folder)
    images, labels = (_read(folder, name, sums) for name in NAMES if name.startswith(part))
    return Digits(images, labels.astype(np.int64))


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of each of the four files, from SHA256SUMS; raises InputError if that is missing or incomplete."""
    path = folder / "SHA256SUMS"
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: is missing; {_REPAIR}") from None
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: cannot be read; {_REPAIR}") from None
    stated = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if any(name not in stated for name in NAMES):
        raise InputError(f"{path}: is damaged; {_REPAIR}")
    return {name: stated[name] for name in NAMES}


def unpack(path: Path, try_: str) -> bytes:
    """Read a gzip file; raises InputError, which ends with `try_`, if it is missing, damaged or unreadable."""
    try:
        return gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: is missing; {try_}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path}: is damaged; {try_}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {try_}") from None


def parse_idx(content: bytes) -> npt.NDArray[np.uint8]:
    """Parse an idx array of bytes: two zero bytes, type 8, number of axes, their lengths as big-endian int32, values.

    Returns a read-only view of `content`; raises ValueError if the header differs or does not match the length.
    """
    if content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise ValueError("is not an idx file of bytes")
    start = 4 + 4 * content[3]
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], dtype=">i4"))
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    if min(shape, default=0) < 0 or values.size != int(np.prod(shape)):
        raise ValueError(f"has {values.size} values, but its header states {shape}")
    return values.reshape(shape)


def _read(folder: Path, name: str, sums: dict[str, str]) -> npt.NDArray[np.uint8]:
    path = folder / f"{name}.gz"
    content = unpack(path, _REPAIR)
    if hashlib.sha256(content).hexdigest() != sums[name]:
        raise InputError(f"{path}: is damaged (its checksum does not match SHA256SUMS); {_REPAIR}")
    return parse_idx(content)
