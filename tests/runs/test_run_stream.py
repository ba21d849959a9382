import random
import resource
import threading

import pytest

from core.events import Event, Logged, Progress, Scalars, Stamped, encode
from core.runs import stream
from core.runs.stream import EventReader, EventWriter

WRITER = """
from pathlib import Path
from core.events import Scalars
from core.runs.stream import EventWriter
writer = EventWriter(Path(args[0]))
i = int(args[1])
while True:
    writer.write(Scalars("erm", i, 0.0, {"loss": 1.0}), t=float(i))
    sys.stdout.write(f"{i}\\n")
    sys.stdout.flush()
    i += 1
"""


def test_a_reader_gets_what_is_new_and_each_event_once(tmp_path):
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert reader.read() == []
    with EventWriter(path) as writer:
        assert reader.read() == []
        writer.write(Logged("a"), t=1.0)
        writer.write(Logged("b"), t=2.0)
        assert reader.read() == [Stamped(1.0, Logged("a")), Stamped(2.0, Logged("b"))]
        assert reader.read() == []
        writer.write(Logged("c"), t=3.0)
        assert reader.read() == [Stamped(3.0, Logged("c"))]
    assert len(EventReader(path).read()) == 3


def test_an_unfinished_last_line_waits_until_it_is_whole(tmp_path):
    path = tmp_path / "events.jsonl"
    line = encode(Logged("später"), 1.0)
    reader = EventReader(path)
    for cut in range(len(line)):
        path.write_bytes(line[:cut])
        assert reader.read() == []
    path.write_bytes(line)
    assert reader.read() == [Stamped(1.0, Logged("später"))]


def test_lines_that_are_no_event_are_skipped(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = (
        b'{"kind": "progress", "sta',
        b"",
        b"[1]",
        b'"x"',
        b'{"kind": "new", "t": 1}',
        b"\xff",
        b'{"kind": "logged"}',
        b"",
    )
    junk = b"\n".join(lines)
    path.write_bytes(encode(Logged("a"), 1.0) + junk + encode(Logged("b"), 2.0))
    assert [stamped.event.text for stamped in EventReader(path).read()] == ["a", "b"]


def test_a_long_stream_is_read_in_pieces_that_split_no_event(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode(Progress("erm", i, 500), float(i)) for i in range(500)))
    monkeypatch.setattr(stream, "_CHUNK", 333)
    chunks = list(EventReader(path).chunks())
    assert max(map(len, chunks)) < 10
    assert [stamped.event.step for chunk in chunks for stamped in chunk] == list(range(500))


def test_a_writer_goes_on_behind_an_unfinished_line(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode(Logged("a"), 1.0) + b'{"kind": "logged", "te')
    reader = EventReader(path)
    assert len(reader.read()) == 1
    with EventWriter(path) as writer:
        writer.write(Logged("b"), t=2.0)
        writer.write(Logged("c"), t=3.0)
    assert [stamped.event.text for stamped in reader.read()] == ["b", "c"]


def test_a_writer_adds_nothing_to_a_whole_stream(tmp_path):
    path = tmp_path / "events.jsonl"
    for text in ("a", "b"):
        with EventWriter(path) as writer:
            writer.write(Logged(text), t=1.0)
    assert path.read_bytes() == encode(Logged("a"), 1.0) + encode(Logged("b"), 1.0)


def test_after_a_full_disk_the_next_event_is_whole(tmp_path):
    path = tmp_path / "events.jsonl"
    with EventWriter(path) as writer:
        writer.write(Logged("a"), t=1.0)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, hard))
        try:
            with pytest.raises(OSError, match="too large"):
                writer.write(Logged("lost"), t=2.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not path.read_bytes().endswith(b"\n")
        writer.write(Logged("b"), t=3.0)
    assert [stamped.event.text for stamped in EventReader(path).read()] == ["a", "b"]


def test_threads_may_share_a_writer(tmp_path):
    path = tmp_path / "events.jsonl"

    def say(name: str) -> None:
        for step in range(200):
            writer.write(Progress(name, step, 200))

    with EventWriter(path) as writer:
        threads = [threading.Thread(target=say, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    events: list[Event] = [stamped.event for stamped in EventReader(path).read()]
    for name in "abcd":
        assert [event.step for event in events if event.stage == name] == list(range(200))


def test_what_write_returned_for_survives_kills_of_the_process(tmp_path, start):
    path = tmp_path / "events.jsonl"
    rng = random.Random(0)
    said: list[int] = []
    for _ in range(4):
        process = start(WRITER, path, len(said) * 10)
        said.extend(int(process.stdout.readline()) for _ in range(rng.randrange(1, 300)))
        process.kill()
        said.extend(int(line) for line in process.stdout.read().splitlines())
        with path.open("ab") as file:  # what a kill in the middle of a write would leave
            file.write(encode(Scalars("erm", 7, 0.0, {"loss": 1.0}), 7.0)[: rng.randrange(1, 40)])
    read = [stamped.event.step for stamped in EventReader(path).read()]
    assert set(said) <= set(read)
    assert len(read) <= len(said) + 4  # at most the one event that each kill kept from being reported
