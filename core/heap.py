"""Memory: what one training step frees is kept for the next one, and much that stays is read without collections."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -2, -3, -4, -8
"""Parameters of mallopt(3)."""
_LARGE = 1 << 30
"""Bytes from which a block is returned as soon as it is freed: more than a tensor of a step has."""
_MORE = 1 << 26
"""Bytes by which the heap grows at least."""


def one_arena() -> None:
    """Let all threads of this process share one arena; call it before they are started.

    A thread keeps the arena of its first block, also of a thread that has ended, and every arena but the first one has
    to return what it frees, as its blocks have 64 MB at most. Nothing happens where the C library is not glibc.
    """
    with suppress(AttributeError):
        _function("mallopt")(_ARENA_MAX, 1)


def keep_freed() -> None:
    """Make this process keep what it frees, until `release`; call it before the thread that computes is started.

    Otherwise glibc returns every large tensor at once, and the system clears its pages again for the next one, which
    is a third of a training step on a CPU (MobileNetV2, 64 images of 112 pixels). The process then needs about half as
    much memory again. Nothing happens where the C library is not glibc.
    """
    one_arena()
    with suppress(AttributeError):
        set_ = _function("mallopt")
        if not set_(_MMAP_THRESHOLD, _LARGE):  # older versions take 32 MB at most
            set_(_MMAP_MAX, 0)
        set_(_TRIM_THRESHOLD, -1)
        set_(_TOP_PAD, _MORE)


def release() -> None:
    """Return to the system what was kept; nothing happens where the C library is not glibc."""
    with suppress(AttributeError):
        _function("malloc_trim")(0)


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile; for many objects that stay, which every collection would look at in vain.

    Threads may do so at the same time: at worst, one of them has collections again before its end.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _function(name: str) -> Callable[..., int]:
    """A function of the C library; raises AttributeError if it does not have one of this name."""
    import ctypes

    found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    return found
