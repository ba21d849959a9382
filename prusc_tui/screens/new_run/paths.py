"""Whether files and folders in settings exist (no torch; their contents are checked at the start)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.config import Config

_NO_FILE = ("", "none", "imagenet")


def absent(config: "Config") -> Mapping[str, str]:
    """Dotted key → what is wrong with its path; empty if all exist."""
    from core.data.settings import Photos

    found = {}
    if isinstance(config.data, Photos):
        if config.data.missing:
            found["data.root"] = config.data.missing
        elif not (root := Path(config.data.root).expanduser()).is_dir():
            found["data.root"] = "is a file, not a folder" if root.exists() else "no such folder"
    files = {
        "model.weights": config.model.weights,
        "model.checkpoint": config.model.checkpoint,
        "cluster.file": config.find.file,
    }
    for key, file in files.items():
        if file not in _NO_FILE and not (path := Path(file).expanduser()).is_file():
            found[key] = "is a folder, not a file" if path.is_dir() else "no such file"
    return found
