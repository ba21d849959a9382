"""The runs that references name: an id, a unique prefix, a name, `last`, or a sweep."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.errors import InputError
from core.runs.home import Home
from core.runs.text import safe_text

if TYPE_CHECKING:
    from core.runs.folder import RunFolder


def find(reference: str) -> "RunFolder":
    """Find the run that a reference names.

    Raises:
        InputError: there is no such run, or more than one.
    """
    from core.runs.folder import RunFolder
    from core.runs.log import RunLog
    from core.runs.query import resolve

    home = Home.open(create=False)
    folder = RunFolder(home, resolve(RunLog(home), reference))
    if not folder.path.exists():
        raise InputError(f"the folder of run '{safe_text(reference)}' is gone; run 'prusc index rebuild'")
    return RunFolder.open(home, folder.id)


def find_all(references: Iterable[str]) -> "list[RunFolder]":
    """Find the runs that references name, each once; the name of a sweep stands for its runs that have finished.

    Raises:
        InputError: there is no such run or sweep, or more than one run.
    """
    from core.runs.folder import RunFolder
    from experiments.sweeps import registry
    from experiments.sweeps.cells import cells_of

    home = Home.open(create=False)
    known = registry.names(home)
    folders: dict[str, RunFolder] = {}
    for reference in references:
        if reference in known:
            cells = cells_of(home, registry.get(home, reference))
            done = [cell.run["id"] for cell in cells if cell.run is not None and cell.state == "finished"]
            if not done:
                raise InputError(f"sweep '{reference}' has no finished run yet (see: prusc sweeps show {reference})")
            folders |= {id: RunFolder.open(home, id) for id in done}
        else:
            folder = find(reference)
            folders[folder.id] = folder
    return list(folders.values())
