"""Which prusc-tui this is: its version and commit, looked up only when someone asks."""

from importlib.resources import files
from pathlib import Path

from prusc_tui import __version__

STAMP = "commit.txt"
"""File in this package that a build writes into wheel and sdist; a checkout has none."""


def full_version() -> str:
    """Version, with the commit in brackets if it is known."""
    return f"{__version__} ({found})" if (found := commit()) else __version__


def commit() -> str:
    """Commit that an installed package was built from, or that a checkout is at; empty if unknown.

    `+` at its end stands for changes that are not committed.
    """
    stamp = files("prusc_tui").joinpath(STAMP)
    return stamp.read_text(encoding="utf-8").strip() if stamp.is_file() else commit_of(Path(__file__).parent.parent)


def commit_of(checkout: Path) -> str:
    """Commit that a folder is at, as git says; empty if it is no checkout, or there is no git."""
    import subprocess

    if not (checkout / ".git").exists():  # of a folder below some other checkout, git would give the other's
        return ""
    words = ["git", "-C", str(checkout), "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=+"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
