"""A job of the queue in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.queue.control import Job


def wanted(job: "Job") -> str:
    """What a job asks for, in a word or two."""
    ask = job.entry.resources
    if ask.gpu_memory:
        return f"{ask.gpu_memory:g} GiB of a GPU"
    if ask.gpus:
        return f"{ask.gpus} GPU{'s' * (ask.gpus > 1)}"
    return f"{ask.threads} threads" if ask.threads else ""
