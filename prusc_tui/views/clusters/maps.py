"""Maps that are computed on request, in a process that outlives this one."""

from core.errors import InputError
from core.runs.folder import RunFolder
from experiments import subprocesses
from experiments.maps import words


def compute(folder: RunFolder, method: str) -> str:
    """Have a map computed and stored, and wait for it; to be called off the event loop.

    Args:
        folder: of the run.
        method: `pca` or `tsne`.

    Returns:
        An empty text, or a sentence that says what went wrong.
    """
    try:
        subprocesses.run("experiments.maps", *words(folder, method))
    except InputError as error:
        return str(error)
    return ""
