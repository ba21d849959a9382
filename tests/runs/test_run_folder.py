import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from core.errors import InputError
from core.runs.alive import here, identity
from core.runs.folder import RunFolder

ELSEWHERE = {"pid": 1, "pid_started": 0.0, "host": "another-machine"}


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_is_created_can_be_opened_and_read(home, make, stages):
    record = make(stages=stages)
    RunFolder.create(home, record)
    assert RunFolder.open(home, record.id).record() == record


def test_a_run_is_created_once(home, make):
    record = make()
    RunFolder.create(home, record)
    with pytest.raises(FileExistsError):
        RunFolder.create(home, replace(record, note="other"))
    assert RunFolder.open(home, record.id).record() == record


@pytest.mark.parametrize("id", ["k3v9x2ab", "..", "../../etc", "", "a/b", "A", "a\x1b[2J", "a_b", "."])
def test_an_id_that_is_no_run_is_refused_and_leaves_the_home(home, id):
    with pytest.raises(InputError, match="no run") as caught:
        RunFolder.open(home, id)
    assert "\x1b" not in str(caught.value)


def test_a_record_that_is_no_record_is_named(home, make):
    folder = RunFolder.create(home, make())
    for text in (b"{", b"[]", b"{}", b'{"id": "a"}'):
        folder.record_path.write_bytes(text)
        with pytest.raises(InputError, match=r"run\.json: is not a valid record"):
            folder.record()


def test_update_changes_what_it_names_and_keeps_the_rest(home, make, stages):
    folder = RunFolder.create(home, make(stages=stages, tags=("a",)))
    folder.update(note="n")
    new = folder.update_stage("prune", status="done", keep_ratio=0.5)
    assert new == folder.record()
    assert (new.note, new.tags, new.stage("prune").keep_ratio) == ("n", ("a",), 0.5)
    assert [s.status for s in new.stages] == ["waiting", "done", "waiting"]


UPDATER = """
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.home import Home
folder = RunFolder.open(Home(Path(args[0])), args[1])
for i in range(1, 21):
    assert folder.record().stage(args[2]).seconds == i - 1
    folder.update_stage(args[2], seconds=i)
"""


def test_four_processes_change_one_record_and_nothing_is_lost(home, make, stages, start):
    stages = (*stages, replace(stages[0], name="head"))
    folder = RunFolder.create(home, make(stages=stages))
    workers = [start(UPDATER, home.root, folder.id, stage.name) for stage in stages]
    while any(worker.poll() is None for worker in workers):
        assert len(folder.record().stages) == 4
    assert [worker.returncode for worker in workers] == [0] * 4
    assert [stage.seconds for stage in folder.record().stages] == [20] * 4


def test_a_full_disk_leaves_the_old_record_intact(home, make):
    folder = RunFolder.create(home, make())
    before = folder.record()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(folder.record_path.read_bytes()), hard))
    try:
        with pytest.raises(OSError, match="too large"):
            folder.update(note="x" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert folder.record() == before
    assert sorted(path.name for path in folder.path.iterdir()) == ["run.json", "run.lock"]
    assert folder.update(note="y").note == "y"


def test_a_stop_is_asked_for_seen_and_forgotten(home, make):
    folder = RunFolder.create(home, make())
    assert not folder.stop_requested()
    RunFolder.open(home, folder.id).request_stop()
    assert folder.stop_requested()
    folder.clear_stop()
    folder.clear_stop()
    assert not folder.stop_requested()


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ((), "stopped"),
        ((False,), "stopped"),
        ((True,), "queued"),
        ((True, False), "stopped"),
        ((False, True), "stopped"),
    ],
    ids=["nobody", "stop", "go on", "go on, then stop", "stop, then go on"],
)
def test_a_run_that_has_stopped_waits_for_the_process_that_goes_on_with_it(home, make, asked, status):
    folder = RunFolder.create(home, make(status="running", **here()))
    for goes_on in asked:
        folder.request_stop(goes_on=goes_on)
    stopped = folder.update(**folder.take_stop())
    assert (stopped.status, stopped.pid is None) == (status, status == "queued")
    assert not folder.stop_requested()


@pytest.mark.parametrize("status", ["running", "queued"])
def test_a_run_of_a_dead_process_is_lost(home, make, status):
    folder = RunFolder.create(home, make(status=status, **here() | {"pid": dead_pid()}))
    assert folder.status() == "lost"
    assert folder.record().status == status


def test_a_run_of_this_process_is_running(home, make):
    folder = RunFolder.create(home, make(status="running", **here()))
    assert folder.status() == "running"


def test_a_process_that_took_over_the_pid_does_not_keep_the_run_alive(home, make):
    folder = RunFolder.create(home, make(status="running", **here() | {"pid_started": here()["pid_started"] - 60}))
    assert folder.status() == "lost"


def test_a_process_that_ended_and_that_nobody_waited_for_is_gone(home, make):
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    folder = RunFolder.create(home, make(status="running", **here() | {"pid": process.pid, "pid_started": None}))
    assert folder.status() == "lost"
    process.communicate()


@pytest.mark.parametrize("status", ["finished", "failed", "stopped"])
def test_a_run_that_ended_keeps_its_status_without_its_process(home, make, status):
    assert RunFolder.create(home, make(status=status, pid=dead_pid())).status() == status


def test_a_queued_run_that_no_process_took_is_queued(home, make):
    assert RunFolder.create(home, make(status="queued")).status() == "queued"


def test_on_another_machine_the_heartbeat_decides(home, make):
    folder = RunFolder.create(home, make(status="running", **ELSEWHERE))
    assert folder.status() == "running"  # it has only just begun
    old = time.time() - 120
    os.utime(folder.record_path, (old, old))
    assert folder.status() == "lost"
    folder.beat()
    assert folder.status() == "running"
    os.utime(folder.path / "heartbeat", (old, old))
    assert folder.status() == "lost"
    folder.beat()
    assert folder.status() == "running"


WRITER = """
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.home import Home
with RunFolder.open(Home(Path(args[0])), args[1]).writer():
    print("in", flush=True)
    sys.stdin.readline()
"""


def test_one_process_at_a_time_writes_a_run_and_a_kill_lets_go(home, make, start):
    folder = RunFolder.create(home, make())
    other = start(WRITER, home.root, folder.id)
    assert other.stdout.readline() == "in\n"
    with (
        pytest.raises(InputError, match=f"run '{folder.id}' is being written by process {other.pid} on"),
        folder.writer(),
    ):
        pass
    with pytest.raises(InputError, match="is being written"):
        folder.delete()
    assert folder.record_path.exists()
    other.kill()
    other.wait()
    with folder.writer(), pytest.raises(InputError, match=f"process {os.getpid()} on"), folder.writer():
        pass
    with folder.writer():
        pass


def test_delete_removes_all_files(home, make):
    folder = RunFolder.create(home, make())
    weights = folder.artifacts("erm") / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(bytes(5000))
    folder.checkpoint("erm").parent.mkdir(parents=True)
    folder.checkpoint("erm").write_bytes(bytes(300))
    folder.delete()
    assert list(home.runs.iterdir()) == []
    with pytest.raises(InputError, match="no run"):
        folder.record()


def test_a_run_that_ended_after_its_record_was_read_is_not_lost(home, make):
    folder = RunFolder.create(home, make(status="running", **here() | {"pid_started": 0.0}))
    before = folder.record()
    folder.update(status="finished")
    assert folder.settled(before).status == "finished"


def test_a_run_is_claimed_by_one_process_which_may_begin_later(home, make):
    folder = RunFolder.create(home, make(status="queued"))
    folder.claim(status="queued", **here())
    folder.claim(status="queued", launcher="local", **here())
    assert folder.record().launcher == "local"
    folder.update(status="running")
    with pytest.raises(InputError, match="is running: another process works on it"):
        folder.claim(status="queued", **here())
    other = subprocess.Popen(["sleep", "100"])
    try:
        folder.update(status="queued", **identity(other.pid))
        with pytest.raises(InputError, match="is queued: another process works on it"):
            folder.claim(status="queued", **here())
    finally:
        other.kill()
        other.wait()
    folder.claim(status="queued", **here())
    assert folder.record().pid == os.getpid()
    folder.update(status="finished")
    with pytest.raises(InputError, match="is finished; there is nothing to resume"):
        folder.claim(status="queued", **here())


def test_a_run_that_is_deleted_while_another_waits_to_claim_it_stays_deleted(home, make):
    folder, said = RunFolder.create(home, make(status="stopped")), []

    def claim():
        try:
            folder.claim(status="queued", **here())
        except InputError as error:
            said.append(str(error))

    with folder.writer():
        waiting = threading.Thread(target=claim)
        waiting.start()
        time.sleep(0.1)
        folder.path.replace(home.runs / ".deleted-run")
    waiting.join(30)
    assert said == [f"no run '{folder.id}' in {home.root}"]
    assert not folder.path.exists()
