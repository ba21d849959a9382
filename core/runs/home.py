"""Where runs live on disk."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import InputError
from core.paths import expanded


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of all runs, the index and the locks. It need not exist yet."""

    root: Path

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def index(self) -> Path:
        """The index of all runs; it can be rebuilt from the run folders."""
        return self.root / "index.json"

    @property
    def trials(self) -> Path:
        """Precisions that trials have chosen, so that later runs choose the same ones; may be deleted."""
        return self.root / "trials.json"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    @classmethod
    def open(cls, root: Path | None = None, *, create: bool = True) -> Self:
        """Open the home: `root`, else $PRUSC_HOME, else the user's data folder.

        Missing folders are created, a new home for its user only, unless `create` is False: the home is then only read
        and may be missing. Raises InputError if it is not a folder, or cannot be created or written.
        """
        from platformdirs import user_data_dir

        given = root or os.environ.get("PRUSC_HOME") or user_data_dir("prusc-tui", appauthor=False)
        home = cls(expanded(given).absolute())
        # os.path returns False where pathlib raises, as in an unreadable folder.
        there = next(path for path in (home.root, *home.root.parents) if os.path.exists(path))  # noqa: PTH110
        usable = os.path.isdir(there)  # noqa: PTH112
        if create and usable:
            try:
                if not home.root.exists():  # one that the user made keeps its permissions
                    home.root.mkdir(mode=0o700, parents=True)
                home.runs.mkdir(parents=True, exist_ok=True)
                home.locks.mkdir(exist_ok=True)
                usable = os.access(home.root, os.W_OK | os.X_OK)
            except OSError:
                usable = False
        if not usable:
            raise InputError(f"{home.root}: cannot store runs here; set PRUSC_HOME to a writable folder")
        return home
