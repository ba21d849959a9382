"""Checkpoints on disk: written atomically, without pickled objects."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write a nested state of tensors, numbers and text; the file is replaced atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".writing")
    try:
        with temporary.open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a file of `save_checkpoint` onto the CPU, without unpickling code."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
