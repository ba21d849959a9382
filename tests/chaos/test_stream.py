"""A stream that is torn, or has garbage and endless lines: events are read, and a run with it is resumed."""

import os
import tracemalloc

import pytest

from core.events import Logged, encode
from core.feed.feed import RunFeed
from core.runs.stream import LONGEST, EventReader
from tests.chaos.attacks import forms, rounds
from tests.chaos.child import Child, host
from tests.chaos.lab import assert_intact, finish, fork_at, removed
from tests.engine.lab import After, events, go_on


@pytest.mark.parametrize(
    "size", [pytest.param(LONGEST + 1, id="short"), pytest.param(100_000_000, id="full", marks=pytest.mark.chaos)]
)
def test_an_endless_line_is_skipped_and_never_in_memory(size, tmp_path, rng, tried):
    path = tmp_path / "events.jsonl"
    line = rng.randbytes(1 << 20).replace(b"\n", b"\0")
    with path.open("wb") as file:
        file.write(encode(Logged("a"), 1.0))
        for _ in range(-(-size // len(line))):
            file.write(line)
    reader = EventReader(path)
    tracemalloc.start()
    try:
        assert [stamped.event.text for stamped in reader.read()] == ["a"]
        assert reader.read() == []  # it is still unfinished
        with path.open("ab") as file:
            file.write(b"\n" + encode(Logged("b"), 2.0))
        assert [stamped.event.text for stamped in reader.read()] == ["b"]
        assert [stamped.event.text for stamped in EventReader(path).read()] == ["a", "b"]
        assert tracemalloc.get_traced_memory()[1] < 3 * LONGEST
    finally:
        tracemalloc.stop()
    tried[f"line of {size // 1_000_000} MB in the stream"] += 1


def garbage(rng):
    return rng.choice(
        [
            rng.randbytes(rng.randrange(1, 5000)),
            b"\0" * 4096,  # what a file system may leave after a power failure
            b'{"kind":"logged","t":1.0,"text":"',
            b"[" * 3000 + b"\n",
            b'{"kind":"no-such-event","t":1.0}\n',
            "ключ: значение\n".encode("utf-16"),
        ]
    )


@forms(0.2, 30)
def test_a_run_with_a_torn_or_spoilt_stream_is_shown_and_resumed_to_the_same_bits(seconds, whole, rng, tried):
    source = whole("erm")
    for number in rounds(seconds):
        folder = fork_at(source, "erm")
        assert go_on(folder, After(1 + rng.randrange(5)), fresh=True) == "stopped"
        if number % 2:
            os.truncate(folder.events, rng.randrange(folder.events.stat().st_size))
            tried["stream torn at any byte"] += 1
        else:
            with folder.events.open("ab") as file:
                file.write(garbage(rng))
            tried["garbage in the stream"] += 1
        assert RunFeed(folder).poll().record.status == "stopped"
        known = len(events(folder))
        finish(folder)
        assert len(events(folder)) > known
        assert events(folder)[-1].status == "finished"
        assert_intact(folder, source)
        if number < 2:
            child = Child(host, folder.home.root, ("watch", folder.id, "--once"))
            assert child.says() == "up"
            assert child.says()[0] == 0
        removed(folder)
