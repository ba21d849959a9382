import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from core.data import squares
from core.data.photos import PhotoSource
from core.data.store import remove, stores
from core.data.watch import Watch
from core.errors import Stopped
from tests.data.photo_lab import pixels_of, plain, settings

SCRIPT = """
    import sys
    from pathlib import Path
    from core.data.sets.waterbirds import Waterbirds
    from core.data import squares, store
    from core.data.photos import PhotoSource
    from core.data.watch import Watch
    store.SAVE_EVERY = 0.0
    decoded, inner = [], squares.Squares.one
    def one(self, row):
        decoded.append(row)
        return inner(self, row)
    squares.Squares.one = one
    source = PhotoSource(Waterbirds(root=sys.argv[1], stored=32, size=28), Path(sys.argv[2]))
    source.fingerprint()
    print("ready", flush=True)
    sys.stdin.readline()
    def say(doing, done, total):
        if sys.argv[3] == "hang" and done >= 128:
            print("far", flush=True)
            sys.stdin.readline()
    source.load(Watch(say))
    print(len(decoded), flush=True)
"""


def process(root: Path, cache: Path, what: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), root, cache, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def answer(worker: subprocess.Popen) -> None:
    worker.stdin.write("go\n")
    worker.stdin.flush()


def test_a_build_that_was_killed_goes_on_where_it_was(birds, cache, monkeypatch):
    with process(birds, cache, "hang") as worker:
        assert worker.stdout.readline() == "ready\n"
        answer(worker)
        assert worker.stdout.readline() == "far\n"
        os.kill(worker.pid, signal.SIGKILL)
    decoded, inner = [], squares.Squares.one
    monkeypatch.setattr(squares.Squares, "one", lambda self, row: decoded.append(row) or inner(self, row))
    (found,) = stores(cache)
    assert 0 < found.done < 300
    whole = PhotoSource(settings(birds), cache).load()
    assert len(decoded) == len(set(decoded)) == 300 - found.done
    assert np.array_equal(pixels_of(whole), pixels_of(PhotoSource(settings(birds, cache=False), cache).load()))


def test_of_two_processes_one_decodes_and_both_have_it(birds, cache):
    with process(birds, cache, "build") as one, process(birds, cache, "build") as other:
        for worker in (one, other):
            assert worker.stdout.readline() == "ready\n"
        for worker in (one, other):
            answer(worker)
        counts = [int(worker.stdout.readline()) for worker in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0)
    assert sorted(counts) == [0, 300]


def test_whoever_waits_for_another_process_can_be_stopped(birds, cache):
    with process(birds, cache, "hang") as worker:
        assert worker.stdout.readline() == "ready\n"
        answer(worker)
        assert worker.stdout.readline() == "far\n"
        said = []
        with pytest.raises(Stopped):
            PhotoSource(settings(birds), cache).load(
                Watch(lambda *told: said.append(told), lambda: "another" in said[-1][0])
            )
        assert said[-1] == ("another process is decoding", 128, 300)
        assert not remove(stores(cache)[0])  # nor can it be taken away from under its builder
        worker.kill()
    assert remove(stores(cache)[0])
    assert stores(cache) == []


MEASURE = """
    import resource, sys
    from pathlib import Path
    from core.data.sets.folder import Folder
    from core.data.photos import PhotoSource
    def anonymous():
        return int(next(l for l in open("/proc/self/status") if l.startswith("RssAnon")).split()[1])
    given = Folder(root=sys.argv[1], split_column="split", stored=96, size=96)
    train = PhotoSource(given, Path(sys.argv[2])).load().splits["train"].images
    built, most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for start in range(0, len(train), 64):
        batch = train[start : start + 64].astype("float32")
        most = max(most, anonymous())
    print(built, most)
"""


def test_memory_does_not_grow_with_the_data_set(tmp_path):
    """Peak of the build, and memory that is no file's while all images are read, of 27 kB each (KiB)."""
    peaks = {}
    for n in (200, 4_000):
        root = plain(tmp_path / str(n), n=40, attributes=(), ending="jpg")
        source = sorted((root / "images").rglob("*.jpg"))
        with (root / "metadata.csv").open("w") as file:
            file.write("path,label,split\n")
            for i in range(n):
                os.link(source[i % 40], root / f"{i}.jpg")
                file.write(f"{i}.jpg,{i % 2},{('val', 'test', *['train'] * 8)[i % 10 if i % 20 < 10 else 9]}\n")
        command = [sys.executable, "-c", textwrap.dedent(MEASURE), root, tmp_path / f"cache {n}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        peaks[n] = [int(word) for word in said.split()]
    grown = 3_800 * 3 * 96 * 96 / 1024
    assert grown > 100_000
    for small, large in zip(peaks[200], peaks[4_000], strict=True):
        assert large - small < 0.15 * grown
