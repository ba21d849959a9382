"""The digits that ship with the package (MNIST, CC BY-SA 3.0: see LICENSE beside this file)."""

from importlib.resources import files
from pathlib import Path


def folder() -> Path:
    """Folder of the packed digits, their checksums and their licence."""
    return Path(str(files(__name__)))
