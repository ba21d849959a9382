"""Why a run failed, as one sentence."""

import traceback
from contextlib import suppress

import torch

from core.errors import InputError, StageError
from core.parallel import formed
from core.runs.disk import FULL, is_full
from core.runs.folder import RunFolder


def reason(error: Exception, at: str, device: torch.device, folder: RunFolder) -> str:
    """Sentence for the record of a run; in a team, that of the process that failed first.

    The traceback of an error that nobody foresaw is appended to the console log.

    Args:
        error: what was raised.
        at: the stage.
        device: of this process.
        folder: of the run.
    """
    said, foreseen = _sentence(error, device)
    mine = f"{at}: {said}"
    first = formed().blame(mine)
    if first == mine and not foreseen:
        with suppress(OSError), folder.log.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
    return first


def _sentence(error: Exception, device: torch.device) -> tuple[str, bool]:
    """What went wrong, and whether its traceback tells no more."""
    if isinstance(error, StageError | InputError):
        return str(error), True
    if isinstance(error, torch.OutOfMemoryError):
        return f"out of memory on {device}; try a smaller batch_size", False
    if isinstance(error, OSError):
        if is_full(error):
            return FULL, False
        return f"{error}; the console log has the traceback", False
    return f"{type(error).__name__}: {error}; the console log has the traceback", False
