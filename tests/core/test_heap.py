"""What a step frees is kept for the next one, in threads as well, and returned at the end."""

import platform
import subprocess
import sys
import textwrap

import pytest

SIZE = 100 << 20
"""Bytes of a block, as large as a tensor of a training step."""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library is left as it is")


def printed(body):
    """What a script prints that has `pages()`, the pages that a block takes from the system, and `elsewhere(work)`,
    which works on a thread after others have ended."""
    script = f"""
        import ctypes, resource, threading
        from core import heap

        libc = ctypes.CDLL(None)
        libc.malloc.restype = ctypes.c_void_p
        libc.free.argtypes = [ctypes.c_void_p]

        def taken():
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

        def pages():
            before = taken()
            block = libc.malloc({SIZE})
            ctypes.memset(block, 1, {SIZE})
            libc.free(block)
            return (taken() - before) * resource.getpagesize()

        def elsewhere(work):
            done = []
            thread = threading.Thread(target=lambda: done.append(work()))
            thread.start()
            thread.join()
            return done[0]
    """
    run = [sys.executable, "-c", textwrap.dedent(script) + textwrap.dedent(body)]
    return [int(word) for word in subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()]


def test_a_block_that_was_freed_is_not_taken_from_the_system_again():
    first, second, third = printed("heap.keep_freed(); print(pages(), elsewhere(pages), pages())")
    assert first > 0.9 * SIZE
    assert max(second, third) < 0.1 * SIZE


def test_without_it_every_block_is_taken_again():
    assert min(printed("print(pages(), pages())")) > 0.9 * SIZE


def test_threads_that_started_before_do_not_matter_if_all_share_one_arena():
    (kept,) = printed("""
        heap.one_arena()
        elsewhere(lambda: bytearray(10_000))
        heap.keep_freed()
        pages()
        print(elsewhere(pages))
    """)
    assert kept < 0.1 * SIZE


def test_what_was_kept_is_returned_on_request():
    (again,) = printed("heap.keep_freed(); pages(); heap.release(); print(pages())")
    assert again > 0.9 * SIZE


def test_a_c_library_without_these_functions_is_left_as_it_is(monkeypatch):
    import ctypes

    from core import heap

    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap.one_arena()
    heap.keep_freed()
    heap.release()
