"""Checkpoints on disk: written atomically, without pickled objects."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from core.runs.folder import earlier


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a nested state of tensors, numbers and text; the one before it is kept as `earlier`.

    There is a whole file under one of the two names at every moment.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".writing")
    try:
        with temporary.open("wb") as file:
            try:
                torch.save(dict(state), file)
            except RuntimeError as error:  # that the archive cannot be ended, because the disk is full
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            path.replace(earlier(path))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Any:
    """Read a file of `save_checkpoint` onto the CPU, without unpickling code."""
    return torch.load(path, map_location="cpu", weights_only=True)
