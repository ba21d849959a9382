"""Maps that are computed on request, in a process that outlives this one."""

import subprocess
import threading
from collections.abc import Callable

from core.runs.folder import RunFolder


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
        from experiments.maps import command

        try:
            done = subprocess.run(
                command(self._folder, self.method),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                check=False,
                # No hang-up of the terminal, and no ctrl+c in it, reaches the process.
                start_new_session=True,
            )
            said = done.stderr.strip().splitlines()
            problem = "" if done.returncode == 0 else (said[-1] if said else f"it ended with code {done.returncode}")
        except OSError as error:
            problem = f"it could not be started ({error.strerror})"
        if not self._forgotten.is_set():
            self._tell(self, problem.removeprefix("error: "))
