"""Maps computed on request, in a process that outlives this one."""

from core.errors import InputError
from core.runs.folder import RunFolder
from experiments import subprocesses
from experiments.maps import words


def compute(folder: RunFolder, method: str) -> str:
    """Compute and store a map, and wait for it; call off the event loop.

    Args:
        folder: of the run.
        method: `pca` or `tsne`.

    Returns:
        An error message; empty on success.
    """
    try:
        subprocesses.run("experiments.maps", *words(folder, method))
    except InputError as error:
        return str(error)
    return ""
