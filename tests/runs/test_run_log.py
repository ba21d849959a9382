import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.runs.alive import here
from core.runs.disk import replace_file
from core.runs.fields import FIELDS
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog, complaints
from core.runs.query import parse, sort
from core.runs.record import RunRecord, StageRecord, number_of
from tests.hostile import JSON, places, put

REGISTRAR = """
from pathlib import Path
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, new_id
log = RunLog(Home.open(Path(args[0])))
for _ in range(5):
    print(log.register(RunRecord(id=new_id(), name="demo", recipe="prusc", data="d")).name, flush=True)
"""


def test_a_home_that_does_not_exist_has_no_runs(tmp_path):
    log = RunLog(Home(tmp_path / "nowhere"))
    assert log.all() == []
    assert log.get("k3v9x2ab") is None
    assert log.find_stage("erm", "k") == []
    assert not (tmp_path / "nowhere").exists()


def test_put_writes_and_writes_over_and_remove_takes_out(home, make):
    log, record, other = RunLog(home), make(), make()
    log.put(record)
    log.put(other)
    log.put(replace(record, status="finished", note="done"))
    assert log.get(record.id) == replace(record, status="finished", note="done").summary()
    assert len(log.all()) == 2
    log.remove(record.id)
    log.remove(record.id)
    assert log.get(record.id) is None
    assert [run["id"] for run in log.all()] == [other.id]


def test_a_log_sees_at_once_what_another_one_wrote(home, make):
    ours, theirs = RunLog(home), RunLog(home)
    for count in range(1, 20):
        theirs.put(make())
        assert len(ours.all()) == count


def test_runs_come_newest_first(home, make):
    log = RunLog(home)
    for created in (2.0, None, 3.0, 1.0):
        log.put(make(created=created))
    assert [run["created"] for run in log.all()] == [3.0, 2.0, 1.0, None]


@pytest.mark.parametrize("id", ["", "..", "ab_cd", "x y", "１２"])
def test_what_can_be_no_id_is_not_found(home, make, id):
    log = RunLog(home)
    log.put(make(id="abcd"))
    assert log.get(id) is None


def test_ids_that_are_equal_as_numbers_are_two_runs(home, make):
    log = RunLog(home)
    log.put(make(id="00ab"))
    log.put(make(id="ab"))
    assert {run["id"] for run in log.all()} == {"00ab", "ab"}


def test_the_folder_decides_between_two_processes_that_changed_a_run(home, make):
    log, record = RunLog(home), make()
    folder = RunFolder.create(home, record)
    tagged = folder.update(tags=("paper",))
    log.put(folder.update(status="finished"))
    log.put(tagged)  # by the other process, a moment too late
    assert (log.get(record.id)["status"], log.get(record.id)["tags"]) == ("finished", ["paper"])


def test_runs_that_made_a_stage_are_found_by_its_key(home, make):
    def with_stage(created: float, **fields: object) -> RunRecord:
        return make(
            created=created, stages=(StageRecord("erm", **fields), StageRecord("prune", status="done", key="k2"))
        )

    log = RunLog(home)
    old, new, other, undone = (
        with_stage(1.0, status="done", key="k1"),
        with_stage(2.0, status="done", key="k1"),
        with_stage(3.0, status="done", key="k2"),
        with_stage(4.0, status="running", key="k1"),
    )
    for record in (new, old, other, undone):
        log.put(record)
    assert log.find_stage("erm", "k1") == [new.id, old.id]
    assert log.find_stage("cluster", "k1") == []
    log.put(replace(old, stages=()))
    assert log.find_stage("erm", "k1") == [new.id]


def test_a_running_run_whose_process_is_gone_is_lost(home, make):
    log, process = RunLog(home), subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = here() | {"pid": process.pid}
    alive, lost, waiting, without_folder = (
        make(status="running", **here()),
        make(status="running", **dead),
        make(status="queued"),
        make(status="running", **dead),
    )
    for record in (alive, lost, waiting):
        RunFolder.create(home, record)
    for record in (alive, lost, waiting, without_folder):
        log.put(record)
    status = {run["id"]: run["status"] for run in log.all()}
    assert status == {alive.id: "running", lost.id: "lost", waiting.id: "queued", without_folder.id: "lost"}
    assert log.get(lost.id)["status"] == "lost"


def test_the_work_of_a_running_run_goes_on_and_that_of_others_stands(home, make):
    now = 1060.0
    log = RunLog(home, clock=lambda: now)
    running = make(status="running", seconds=100.0, working_since=1000.0, **here())
    lost = replace(running, id="lost", pid_started=0.0)
    stopped = make(status="stopped", seconds=7.0)
    for record in (running, lost, stopped):
        RunFolder.create(home, record)
        log.put(record)
    assert {run["id"]: run["seconds"] for run in log.all()} == {running.id: 160.0, "lost": 100.0, stopped.id: 7.0}
    now = 990.0  # a clock that was set back
    assert log.get(running.id)["seconds"] == 100.0
    # An index of an older version has no such field.
    home.index.write_bytes(home.index.read_bytes().replace(b'"working_since":1000.0', b'"mood":"good"'))
    now = 1030.0
    assert log.get(running.id)["seconds"] == 130.0


def test_a_process_that_ended_its_run_and_died_before_it_told_the_index_loses_nothing(home, make):
    log, record = RunLog(home), make(status="running", **here() | {"pid_started": 0.0})
    folder = RunFolder.create(home, record)
    log.put(record)
    folder.update(status="finished", note="all done")
    assert (log.get(record.id)["status"], log.get(record.id)["note"]) == ("finished", "all done")


def test_a_run_whose_process_died_before_its_folder_knew_of_it_is_as_its_folder_says(home, make):
    log, record = RunLog(home), make(status="stopped")
    RunFolder.create(home, record)
    log.put(record)
    log.expect(record.id, **here())
    assert log.get(record.id)["status"] == "running"
    log.expect(record.id, **here() | {"pid_started": 0.0})
    assert log.get(record.id)["status"] == "stopped"
    log.expect("nobody", **here())
    assert len(log.all()) == 1


def test_a_name_that_is_taken_gets_a_number(home, make):
    log = RunLog(home)
    assert [log.register(make()).name for _ in range(3)] == ["demo", "demo-2", "demo-3"]
    assert log.register(make(name="last")).name == "last-2"
    assert log.register(make(name=" \x1b[2J ")).name == r"\x1b[2J"


def test_an_exact_name_that_is_taken_or_unfit_is_refused_and_nothing_is_written(home, make):
    log = RunLog(home)
    log.register(make(), exact_name=True)
    before = home.index.read_bytes()
    for name in ("demo", "last", " ", "a\x1b[2J"):
        with pytest.raises(InputError, match="choose another name") as caught:
            log.register(make(name=name), exact_name=True)
        assert "\x1b" not in str(caught.value)
    assert home.index.read_bytes() == before
    assert log.register(make(name="other"), exact_name=True).name == "other"


def test_names_are_unique_between_processes(home, start):
    processes = [start(REGISTRAR, home.root) for _ in range(6)]
    names = [name for process in processes for name in process.communicate()[0].split()]
    assert sorted(names) == sorted(["demo", *(f"demo-{n}" for n in range(2, 31))])
    assert sorted(run["name"] for run in RunLog(home).all()) == sorted(names)


def test_a_full_disk_leaves_the_old_index(home, make):
    log = RunLog(home)
    log.put(make())
    before = log.all()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (home.index.stat().st_size, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            log.put(make())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.all() == before
    assert RunLog(home).all() == before


def test_threads_may_share_a_log(home, make):
    log, failures = RunLog(home), []

    def work() -> None:
        try:
            for _ in range(5):
                record = make()
                log.put(record)
                assert log.get(record.id) is not None
                assert log.find_stage("erm", "k") == []
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(log.all()) == 30


def test_the_index_is_rebuilt_from_the_folders_and_bad_ones_are_named(home, make):
    log = RunLog(home)
    kept, gone = make(), make()
    RunFolder.create(home, kept)
    log.put(gone)
    (home.runs / "broken").mkdir()
    (home.runs / "broken" / "run.json").write_text("{")
    (home.runs / ".deleted-x").mkdir()
    skipped: list[str] = []
    assert log.rebuild(skipped.append) == 1
    assert [run["id"] for run in log.all()] == [kept.id]
    assert len(skipped) == 1
    assert "broken" in skipped[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"runs":[]}',
        b'{"runs":{"1":{}}}',
        b'{"runs":{"1":{"id":null}}}',
        b'{"runs":{"1":3}}',
        b"\xff\0",
    ],
)
def test_a_damaged_index_is_read_from_the_folders_said_once_and_replaced_by_the_next_change(home, make, content):
    record, other = make(name="one"), make(name="two")
    for each in (record, other):
        RunFolder.create(home, each)
    home.index.write_bytes(content)
    complaints()
    for _ in range(2):
        assert {run["id"] for run in RunLog(home).all()} == {record.id, other.id}
        assert RunLog(home).get(record.id) == record.summary()
    assert home.index.read_bytes() == content
    (sentence,) = complaints()
    assert sentence.startswith(f"{home.index}: is damaged")
    assert complaints() == []
    RunLog(home).put(record)
    assert orjson.loads(home.index.read_bytes())["runs"].keys() == {str(number_of(id)) for id in (record.id, other.id)}


def test_the_index_of_an_older_version_is_read_from_the_folders_without_a_word(home, make):
    record = make()
    RunFolder.create(home, record)
    RunLog(home).put(record)
    content = orjson.loads(home.index.read_bytes())
    for summary in content["runs"].values():
        del summary["launcher"]
    home.index.write_bytes(orjson.dumps(content))
    complaints()
    assert RunLog(home).all() == [record.summary()]
    assert complaints() == []


@given(data=st.data())
def test_an_index_with_one_value_of_any_kind_can_be_listed_sorted_filtered_and_searched(data):
    with tempfile.TemporaryDirectory() as folder:
        home = Home.open(Path(folder))
        stage = StageRecord("erm", status="done", key="k")
        record = RunRecord(id="k3v9x2ab", name="demo", recipe="erm", data="d", tags=("t",), stages=(stage,))
        RunFolder.create(home, record)
        RunLog(home).put(record)
        content = orjson.loads(home.index.read_bytes())
        at = data.draw(st.sampled_from(list(places(content))))
        home.index.write_bytes(orjson.dumps(put(content, at, data.draw(JSON))))
        runs = RunLog(home).all()
        for name in FIELDS:
            assert len(sort(runs, f"-{name}")) == len(runs)
        assert all(parse("demo or seed<3 or wga>0").matches(run) in (True, False) for run in runs)
        assert all(RunLog(home).get(run["id"]) == run for run in runs)
        assert RunLog(home).find_stage("erm", "k") == [run["id"] for run in runs if run["stage_keys"].get("erm") == "k"]


@pytest.mark.parametrize("write", ["put", "rebuild", "remove"])
def test_what_a_writer_left_that_was_killed_within_its_write_goes_with_the_next_write(home, make, write):
    log, record = RunLog(home), make()
    RunFolder.create(home, record)
    log.put(record)
    left = home.root / ".index.json.tmp"
    left.write_bytes(b'{"runs":')
    assert [run["id"] for run in log.all()] == [record.id]
    {"put": lambda: log.put(record), "rebuild": log.rebuild, "remove": lambda: log.remove("nobody")}[write]()
    assert not left.exists()
    assert [run["id"] for run in log.all()] == [record.id]


def test_what_a_living_writer_is_writing_is_left_alone(home, make, monkeypatch):
    """A second writer, of this machine or another, waits for the lock before it touches anything."""
    log, records, seen = RunLog(home), [make(), make()], []
    second = threading.Thread(target=lambda: RunLog(home).put(records[1]))

    def slow(*given: object, **options: object) -> None:
        if not seen:
            seen.append("first")
            (home.root / ".index.json.tmp").write_bytes(b"mine")
            second.start()
            second.join(0.3)
            seen.append((home.root / ".index.json.tmp").read_bytes())
        replace_file(*given, **options)

    monkeypatch.setattr("core.runs.storage.replace_file", slow)
    log.put(records[0])
    second.join()
    assert seen == ["first", b"mine"]
    assert len(log.all()) == 2


def test_a_change_is_on_the_disk_when_it_returns_and_others_need_not_wait_for_that(home, make, monkeypatch):
    events, real = [], os.fsync

    def fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=lambda: RunLog(home).remove("nobody"))
            other.start()
            other.join(20)
            assert not other.is_alive()
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    RunLog(home).put(make())
    assert {home.index, home.root} <= set(events)


def test_the_index_is_plain_json_with_one_document_per_run(home, make):
    record = make()
    RunLog(home).put(record)
    tables = orjson.loads(home.index.read_bytes())
    assert list(tables["runs"].values()) == [record.summary()]


def test_listing_runs_imports_nothing_heavy(home, make):
    RunLog(home).put(make(status="finished"))
    code = """
import sys
from pathlib import Path
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.query import parse, sort
query = parse("recipe=prusc")
assert len(sort([run for run in RunLog(Home.open(Path(sys.argv[1]))).all() if query.matches(run)], "-wga")) == 1
print(*sorted({"torch", "numpy", "pandas", "pydantic", "psutil", "filelock", "asyncio"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code, str(home.root)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_change_within_one_tick_of_the_file_systems_clock_is_seen(home, make):
    """Same size, time and inode: what a fast disk can make of two quick changes."""
    log = RunLog(home)
    log.put(make(note="a"))
    tick = time.time_ns() + 10**10
    for note in ("a", "b"):
        home.index.write_bytes(home.index.read_bytes().replace(b'"note":"a"', f'"note":"{note}"'.encode()))
        os.utime(home.index, ns=(tick, tick))
        assert [run["note"] for run in log.all()] == [note]


def test_a_new_home_is_for_its_user_only_and_an_old_one_keeps_its_permissions(tmp_path):
    assert Home.open(tmp_path / "new" / "home").root.stat().st_mode & 0o777 == 0o700
    (tmp_path / "shared").mkdir(mode=0o775)
    before = (tmp_path / "shared").stat().st_mode
    assert Home.open(tmp_path / "shared").root.stat().st_mode == before
