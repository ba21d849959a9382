"""Maps that are computed on request, in a process that outlives this one."""

import threading
from collections.abc import Callable

from core.errors import InputError
from core.runs.folder import RunFolder
from experiments import subprocesses
from experiments.maps import words


class Request:
    """One map, computed by a process of its own and waited for on a daemon thread, which no exit has to wait for.

    Args:
        folder: of the run.
        method: `pca` or `tsne`.
        tell: is called on the thread when the process has ended: with the request, and an empty text or a sentence that
            says what went wrong.
    """

    def __init__(self, folder: RunFolder, method: str, tell: Callable[["Request", str], object]) -> None:
        self.method = method
        self._folder = folder
        self._tell = tell
        self._forgotten = threading.Event()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"map-{self.method}", daemon=True).start()

    def forget(self) -> None:
        """Tell nothing any more; the process goes on and stores its map."""
        self._forgotten.set()

    def _run(self) -> None:
        problem = ""
        try:
            subprocesses.run("experiments.maps", *words(self._folder, self.method))
        except InputError as error:
            problem = str(error)
        if not self._forgotten.is_set():
            self._tell(self, problem)
