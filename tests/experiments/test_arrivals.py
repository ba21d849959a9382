"""Import of runs from another home: which come, which do not, and that a run is here completely or not at all."""

import os
import shutil
import sys
import time
from dataclasses import replace

import orjson
import pytest

from core.errors import InputError
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from experiments import actions
from experiments.arrivals import counted, import_runs
from experiments.elsewhere import InFolder, elsewhere


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def other(tmp_path):
    return Home.open(tmp_path / "other")


def record_of(name="demo", status="finished", **fields):
    given = {"id": new_id(), "recipe": "erm", "data": "d", "created": 1000.0, "started": 1001.0, "ended": 1002.0}
    return RunRecord(name=name, status=status, **{**given, **fields})


def put(home, record, text="weights"):
    folder = RunFolder.create(Home.open(home.root), record)
    folder.artifacts("erm").mkdir(parents=True)
    (folder.artifacts("erm") / "model").write_text(text)
    RunLog(folder.home).put(record)
    return folder


def deeds(arrivals):
    return {arrival.id: arrival.deed for arrival in arrivals}


def looks_like(home):
    """Every file of a home but its locks, with its content."""
    files = (path for path in home.root.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(home.root)): path.read_bytes() for path in files}


def test_inactive_runs_come_under_their_ids_and_active_ones_are_left_out(home, other):
    finished = [put(other, record_of(status, status)) for status in ("finished", "failed", "stopped")]
    running = put(other, record_of("live", "running", **here()))
    queued = put(other, record_of("waiting", "queued"))
    before = looks_like(other)
    arrivals = import_runs(home, str(other.root))
    assert looks_like(other) == before
    assert deeds(arrivals) == (
        {folder.id: "import" for folder in finished} | {running.id: "left out", queued.id: "left out"}
    )
    assert {arrival.why for arrival in arrivals} == {"", "is running there", "is queued there"}
    assert counted(arrivals) == "3 imported, 2 left out"
    for folder in finished:
        ours = RunFolder.open(home, folder.id)
        assert ours.record() == replace(folder.record(), launcher="detached")
        assert (ours.artifacts("erm") / "model").read_text() == "weights"
        assert RunLog(home).get(folder.id)["name"] == folder.record().name
    assert sorted(path.name for path in home.runs.iterdir()) == sorted(folder.id for folder in finished)


@pytest.mark.parametrize("status", ["running", "queued"])
def test_a_run_whose_process_died_comes_as_lost_and_can_be_resumed(home, other, status):
    folder = put(other, record_of("dead", status, launcher="slate", job="9", **{**here(), "pid_started": 1.0}))
    (folder.path / "stop").touch()
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "import"}
    ours = RunFolder.open(home, folder.id)
    assert ours.status() == RunLog(home).get(folder.id)["status"] == "lost"
    assert actions.check_resumable(ours).job == ""
    assert not ours.stop_requested()
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "same"}


def test_a_run_of_another_machine_is_active_as_long_as_its_heart_beats(home, other):
    folder = put(other, record_of("live", "running", **{**here(), "host": "elsewhere"}))
    folder.beat()
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "left out"}
    long_ago = time.time() - 3600
    for path in (folder.record_path, folder.path / "heartbeat"):
        os.utime(path, (long_ago, long_ago))
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "import"}
    assert RunFolder(home, folder.id).status() == "lost"


def test_the_folder_of_one_run_is_taken_alone_under_any_name(home, other, tmp_path):
    folder, _ = put(other, record_of()), put(other, record_of())
    shutil.copytree(folder.path, tmp_path / "kept copy")
    arrivals = import_runs(home, str(tmp_path / "kept copy"))
    assert deeds(arrivals) == {folder.id: "import"}
    assert [run["id"] for run in RunLog(home).all()] == [folder.id]
    assert [path.name for path in home.runs.iterdir()] == [folder.id]


def test_only_runs_that_match_the_query_come(home, other):
    wanted, _ = put(other, record_of("a", seed=1)), put(other, record_of("b", seed=2))
    assert deeds(import_runs(home, str(other.root), "seed=1")) == {wanted.id: "import"}
    with pytest.raises(InputError, match="unknown field 'sed'"):
        import_runs(home, str(other.root), "sed=1")


def test_a_dry_run_says_the_same_and_writes_nothing(home, other, tmp_path):
    put(other, record_of())
    told = import_runs(home, str(other.root), dry_run=True)
    assert not home.root.exists()
    assert import_runs(home, str(other.root)) == told


def test_a_name_that_is_taken_gets_a_number(home, other):
    put(home, record_of("demo"))
    folder = put(other, record_of("demo"))
    (arrival,) = import_runs(home, str(other.root))
    assert arrival.name == RunFolder(home, folder.id).record().name == RunLog(home).get(folder.id)["name"] == "demo-2"
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "same"}


def test_a_newer_state_replaces_ours_which_keeps_its_name_tags_and_note(home, other):
    folder = put(other, record_of("demo", "stopped", stages=(StageRecord("erm"),)))
    import_runs(home, str(other.root))
    ours = RunFolder.open(home, folder.id)
    actions.rename(ours, "mine")
    actions.tag(ours, ["kept"])
    actions.note(ours, "a note")
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "same"}
    folder.update(status="finished", ended=2000.0, stages=(StageRecord("erm", "done"),))
    (folder.artifacts("erm") / "model").write_text("better")
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "update"}
    record = ours.record()
    assert (record.status, record.name, record.tags, record.note) == ("finished", "mine", ("kept",), "a note")
    assert (ours.artifacts("erm") / "model").read_text() == "better"
    found = RunLog(home).get(folder.id)
    assert (found["status"], found["name"], found["tags"]) == ("finished", "mine", ["kept"])
    assert [path.name for path in home.runs.iterdir()] == [folder.id]


def test_what_is_newer_or_at_work_here_stays(home, other):
    folder = put(other, record_of("demo", "stopped"))
    import_runs(home, str(other.root))
    ours = RunFolder.open(home, folder.id)
    ours.update(ended=3000.0, status="finished")
    assert [(a.deed, a.why) for a in import_runs(home, str(other.root))] == [("left out", "is newer here")]
    ours.update(status="running", **here())
    folder.update(ended=4000.0, status="finished")
    assert [(a.deed, a.why) for a in import_runs(home, str(other.root))] == [("left out", "is running here")]
    assert ours.record().ended == 3000.0


def test_another_run_with_the_same_id_is_a_conflict_and_nothing_is_overwritten(home, other):
    ours = put(home, record_of("mine"), "ours")
    put(other, record_of("theirs", id=ours.id, created=5.0), "theirs")
    fine = put(other, record_of("fine"))
    before = looks_like(home)
    arrivals = import_runs(home, str(other.root))
    assert deeds(arrivals) == {ours.id: "conflict", fine.id: "import"}
    assert "another run, 'mine', has this id here" in next(a.why for a in arrivals if a.deed == "conflict")
    after = looks_like(home)
    assert {name: after[name] for name in before if name != "index.json"} == {
        name: content for name, content in before.items() if name != "index.json"
    }


def test_a_record_that_is_none_is_said_and_the_others_come(home, other):
    folder = put(other, record_of())
    evil = orjson.dumps({**folder.record().to_json(), "id": "../../x"})
    odd = orjson.dumps({**folder.record().to_json(), "id": "odd", "created": "yesterday"})
    records = {"bad": b"{", "evil": evil, "odd": odd, "twice": folder.record_path.read_bytes()}
    for name, content in records.items():
        (other.runs / name).mkdir()
        (other.runs / name / "run.json").write_bytes(content)
    arrivals = import_runs(home, str(other.root))
    assert deeds(arrivals) == {**dict.fromkeys(records, "left out"), folder.id: "import"}
    assert [path.name for path in home.runs.iterdir()] == [folder.id]


def test_symbolic_links_are_not_followed(home, other, tmp_path):
    folder = put(other, record_of())
    (tmp_path / "secret").write_text("secret")
    (folder.path / "link").symlink_to(tmp_path / "secret")
    (folder.path / "folder").symlink_to(tmp_path)
    outside = put(Home.open(tmp_path / "outside"), record_of())
    (other.runs / outside.id).symlink_to(outside.path)
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "import"}
    names = {path.name for path in RunFolder(home, folder.id).path.iterdir()}
    assert {"link", "folder"}.isdisjoint(names)


def test_stages_that_runs_share_are_shared_here_too(home, other):
    first, second = put(other, record_of("a")), put(other, record_of("b"))
    (second.artifacts("erm") / "model").unlink()
    (second.artifacts("erm") / "model").hardlink_to(first.artifacts("erm") / "model")
    import_runs(home, str(other.root))
    ours = [RunFolder(home, folder.id).artifacts("erm") / "model" for folder in (first, second)]
    assert ours[0].samefile(ours[1])
    assert not ours[0].samefile(first.artifacts("erm") / "model")


def test_an_interrupted_import_leaves_nothing_and_the_next_one_cleans_up(home, other, monkeypatch):
    folder = put(other, record_of())
    fetch = InFolder.fetch

    def interrupted(self, runs, to):
        fetch(self, runs, to)
        raise KeyboardInterrupt

    monkeypatch.setattr(InFolder, "fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_runs(home, str(other.root))
    assert list(home.runs.iterdir()) == []
    assert RunLog(home).all() == []
    monkeypatch.undo()
    (home.runs / ".import-killed" / "runs").mkdir(parents=True)
    import_runs(home, str(other.root))
    assert [path.name for path in home.runs.iterdir()] == [folder.id]


def test_a_run_whose_import_was_killed_before_the_index_is_indexed_by_the_next_one(home, other):
    folder = put(other, record_of())
    import_runs(home, str(other.root))
    RunLog(home).remove(folder.id)
    assert deeds(import_runs(home, str(other.root))) == {folder.id: "same"}
    assert RunLog(home).get(folder.id)["name"] == "demo"


def test_a_run_whose_update_was_killed_half_way_is_brought_back(home, other):
    folder, fresh = put(other, record_of()), None
    import_runs(home, str(other.root))
    (home.runs / folder.id).rename(home.runs / f".old-{folder.id}")
    fresh = put(other, record_of())
    import_runs(home, str(other.root), f"id={fresh.id}")
    assert sorted(path.name for path in home.runs.iterdir()) == sorted([folder.id, fresh.id])


def test_a_run_that_changes_while_it_is_copied_is_left_out(home, other, monkeypatch):
    folder = put(other, record_of("demo", "stopped"))
    fetch = InFolder.fetch

    def late(self, runs, to):
        folder.update(status="running", **here())
        fetch(self, runs, to)

    monkeypatch.setattr(InFolder, "fetch", late)
    assert [(a.deed, a.why) for a in import_runs(home, str(other.root))] == [
        ("left out", "changed while it was copied; import it again")
    ]
    assert list(home.runs.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("no/such", "no/such: is not a folder; import takes FOLDER or HOST:FOLDER"),
        ("-oProxyCommand=x:folder", "-oProxyCommand=x: is not the name of a host"),
        ("a b:folder", "a b: is not the name of a host"),
        ("me@-x:folder", "me@-x: is not the name of a host"),
        ("gpu1:", "gpu1: name a folder on it, as in gpu1:/data/prusc"),
        ("empty", "empty: has no runs; name a home, or the folder of a run"),
    ],
)
def test_a_source_that_is_none_is_refused_in_one_sentence(home, tmp_path, monkeypatch, source, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as found:
        import_runs(home, source)
    assert str(found.value).startswith(sentence)
    assert not home.root.exists()


def test_without_rsync_another_machine_is_out_of_reach(home, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="needs rsync on both machines; install it"):
        import_runs(home, "gpu1:/data")


# Another machine: a stand-in for rsync that notes its words and copies, then the real one over a stand-in for ssh

RSYNC = """#!{python}
import json, pathlib, shutil, sys
with open({calls!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
*_, source, to = sys.argv
root, to = pathlib.Path(source.partition(":")[2]), pathlib.Path(to)
if not root.is_dir():
    sys.exit("rsync: change_dir failed: No such file or directory (2)")
if "--files-from=-" in sys.argv:
    for line in sys.stdin.read().split():
        shutil.copytree(root / line, to / line)
else:
    for path in root.glob("runs/*/run.json"):
        (to / path.parent.relative_to(root)).mkdir(parents=True)
        shutil.copy2(path, to / path.relative_to(root))
"""


def program(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_rsync_is_called_without_a_shell_and_gets_host_and_folder_as_one_word(home, other, tmp_path, monkeypatch):
    program(tmp_path / "bin/rsync", RSYNC.format(python=sys.executable, calls=str(tmp_path / "calls")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    folder = put(other, record_of())
    assert deeds(import_runs(home, f"me@gpu1:{other.root}/")) == {folder.id: "import"}
    look, fetch = (orjson.loads(line) for line in (tmp_path / "calls").read_text().splitlines())
    for words in (look, fetch):
        assert words[:5] == ["--recursive", "--times", "-s", "-e", "ssh"]
        assert words[-3:-1] == ["--", f"me@gpu1:{other.root}/"]
        assert not {"-a", "-l", "-L", "--links", "--copy-links", "--archive"} & set(words)
    assert RunFolder(home, folder.id).status() == "finished"
    with pytest.raises(InputError, match=r"^gpu1:/no/such: rsync failed: rsync: change_dir failed"):
        import_runs(home, "gpu1:/no/such")


def test_the_home_folder_there_needs_no_shell_that_expands_it(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name)
    assert elsewhere("gpu1:~/prusc/").folder == "prusc"
    assert elsewhere("gpu1:/").folder == "/"
    assert elsewhere("me@[fe80::1]:runs").host == "me@[fe80::1]"


SSH = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
shift
exec "$@"
"""


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_the_real_rsync_brings_the_same(home, other, tmp_path, monkeypatch):
    program(tmp_path / "bin/ssh", SSH)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    first, second = put(other, record_of("a")), put(other, record_of("b"))
    live = put(other, record_of("live", "running", **here()))
    live.beat()
    (second.artifacts("erm") / "model").unlink()
    (second.artifacts("erm") / "model").hardlink_to(first.artifacts("erm") / "model")
    (first.path / "link").symlink_to(tmp_path)
    (other.runs / ".deleted-x").mkdir()
    assert deeds(import_runs(home, f"gpu1:{other.root}")) == {
        first.id: "import",
        second.id: "import",
        live.id: "left out",
    }
    for folder in (first, second):
        assert (RunFolder(home, folder.id).artifacts("erm") / "model").read_text() == "weights"
    assert not (RunFolder(home, first.id).path / "link").exists()
    ours = [RunFolder(home, folder.id).artifacts("erm") / "model" for folder in (first, second)]
    assert ours[0].samefile(ours[1])
    assert deeds(import_runs(Home(tmp_path / "third"), f"gpu1:{first.path}")) == {first.id: "import"}
