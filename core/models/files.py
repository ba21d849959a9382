"""Read external files of weights; no code in them is ever executed."""

import argparse
import hashlib
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from core.errors import InputError
from core.runs.text import safe_text

State = dict[str, Tensor]

_KEYS = ("state_dict", "model_state_dict", "model", "net", "network", "classifier", "state", "params", "weights")
"""Common keys of state dicts in checkpoints, most likely first; a file may have several, as of a moving average."""
_DEPTH = 3
_HOW = "save a state dict instead: torch.save(network.state_dict(), FILE)"


def digest(file: Path) -> str:
    """Hash of the content of a file, 32 hexadecimal digits; empty if it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return ""


def read_states(file: Path) -> list[tuple[str, State]]:
    """Read all state dicts in a file of safetensors or torch.save, as pairs of dotted key and tensors.

    Raises InputError if the file is missing, damaged, without tensors, or would have to be unpickled.
    """
    found = list(_states(_read(file)))
    if not found:
        raise InputError(f"{file}: has no named tensors; {_HOW}")
    return found


def _states(value: Any, key: str = "", depth: int = 0) -> Iterator[tuple[str, State]]:
    if not isinstance(value, Mapping) or depth > _DEPTH:
        return
    named = {name: inner for name, inner in value.items() if isinstance(name, str)}
    tensors = {name: inner for name, inner in named.items() if isinstance(inner, Tensor)}
    if tensors:
        yield key, tensors
    for name in sorted(named, key=lambda name: _KEYS.index(name) if name in _KEYS else len(_KEYS)):
        yield from _states(named[name], f"{key}.{name}".lstrip("."), depth + 1)


def _read(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            beginning = opened.read(9)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    if beginning[8:] == b"{":  # safetensors: the length of the header in eight bytes, then the header
        try:
            return load_file(file)
        except (SafetensorError, ValueError) as error:
            raise InputError(f"{file}: is not a safetensors file, or damaged ({safe_text(str(error))})") from None
    try:
        # The warning is about TorchScript, which is refused below.
        with warnings.catch_warnings(action="ignore"), torch.serialization.safe_globals(_plain_types()):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise various errors
        raise InputError(f"{file}: {_why(error)}") from None


def _plain_types() -> list[Any]:
    """Types of plain data that checkpoints often have beside the weights; making one runs no code of the file."""
    scalar = np.float64(0).__reduce__()[0]
    dtypes = {type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "bool", "U1")}
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since NumPy 2
    return [argparse.Namespace, *((scalar, name) for name in names), np.dtype, *dtypes]


def _why(error: Exception) -> str:
    text = str(error)
    if "TorchScript" in text:
        return f"is a TorchScript archive, not a file of weights; {_HOW}"
    if named := re.search(r"GLOBAL (\S+)|class (\S+)", text):
        kind = safe_text(named[1] or named[2]).strip("'`,.")
        return f"has a Python object ({kind}) among its tensors, and such files are not unpickled; {_HOW}"
    return "is neither a safetensors nor a torch.save file, or damaged"
