"""Maps that are computed on request, in a process that outlives this one."""

import subprocess

from core.runs.folder import RunFolder


def compute(folder: RunFolder, method: str) -> str:
    """Have a map computed and stored, and wait for it; to be called off the event loop.

    Args:
        folder: of the run.
        method: `pca` or `tsne`.

    Returns:
        An empty text, or a sentence that says what went wrong.
    """
    from experiments.maps import command

    try:
        done = subprocess.run(
            command(folder, method),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
            # No hang-up of the terminal, and no ctrl+c in it, reaches the process.
            start_new_session=True,
        )
    except OSError as error:
        return f"it could not be started ({error.strerror})"
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
    return said[-1].removeprefix("error: ")
