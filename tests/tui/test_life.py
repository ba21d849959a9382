"""What the keys do to runs: the deeds, on real folders."""

import pytest

from core.errors import InputError
from core.events import Progress, StageStarted
from core.runs.alive import here
from core.runs.record import StageRecord
from core.runs.stream import EventWriter
from experiments import actions as life
from tests.tui.lab import finished_run, put, record_of, running_run
from tests.tui.life_lab import summary, worked_on


def end_of(folder):
    return life.how_it_ended(folder, life.ended(folder, 0.0))


def test_stop_asks_the_run_and_refuses_one_that_is_not_at_work(home):
    folder, _ = running_run(home)
    life.stop(folder)
    assert folder.stop_requested()
    with pytest.raises(InputError, match="'demo' is finished, not running"):
        life.stop(finished_run(home))
    with pytest.raises(InputError, match="nothing to stop yet"):
        life.stop(put(home, record_of("waiting", "queued")))


def test_waiting_for_a_stop_gives_up_after_its_patience(home):
    folder, _ = running_run(home)
    assert life.ended(folder, 0.0) is None


def test_a_stop_is_told_with_stage_step_and_checkpoint(home):
    stages = (StageRecord("erm", "done"), StageRecord("prune", "running"))
    folder = put(home, record_of("demo", "stopped", stages=stages))
    with EventWriter(folder.events) as writer:
        writer.write(StageStarted("prune", 200), 1.0)
        writer.write(Progress("prune", 120, 200), 2.0)
    assert end_of(folder) == "demo stopped at the start of prune; the stages before it are kept"
    folder.checkpoint("prune").parent.mkdir()
    folder.checkpoint("prune").touch()
    assert end_of(folder) == "demo stopped at step 120 of 200 of prune, checkpoint kept"


def test_other_ends_are_told_as_they_are(home):
    assert end_of(finished_run(home, "a")) == "a finished before it could stop"
    failed = put(home, record_of("b", "failed", reason="erm: the disk is full"))
    assert end_of(failed) == "b failed: erm: the disk is full"
    lost = put(home, record_of("c", "running", **{**here(), "pid": 4_000_000}))
    assert end_of(lost) == "c is lost: its process is gone; it can be resumed"


def test_kill_ends_the_process_and_the_run_is_lost(home, worker):
    folder = worked_on(home, worker)
    assert life.kill(folder).startswith("live is lost: its process was killed")
    assert worker.wait(5) < 0
    assert folder.status() == "lost"
    with pytest.raises(InputError):
        life.kill(folder)


def test_resume_starts_the_command_line_in_a_process_of_its_own(home, commands):
    started, _ = commands
    folder = put(home, record_of("demo", "stopped"))
    assert life.resume_outside(folder) == "demo resumes at the start of erm"
    folder.checkpoint("erm").parent.mkdir()
    folder.checkpoint("erm").touch()
    assert life.resume_outside(folder) == "demo resumes from the last checkpoint of erm"
    assert started[0] == (["prusc_tui", "resume", folder.id, "--detach"], home)


def test_resume_hands_the_sentence_of_the_command_on(home, commands):
    commands[1].append((2, "", "Traceback of nothing\nerror: cuda:1 is taken by process 12\n"))
    with pytest.raises(InputError, match=r"^cuda:1 is taken by process 12$"):
        life.resume_outside(put(home, record_of("demo", "stopped")))
    with pytest.raises(InputError, match="'done' is finished; there is nothing to resume"):
        life.resume_outside(finished_run(home, "done"))


def test_the_real_command_refuses_in_one_sentence(home, at_once):
    folder = put(home, record_of("demo", "stopped"))
    folder.record_path.write_text("{}")
    with pytest.raises(InputError, match=r"run\.json: is not a valid record"):
        life.export(folder, home.root / "out")


def test_export_says_what_it_wrote(home, commands, tmp_path):
    started, answers = commands
    answers.append((0, '{"folder": "x", "files": ["a", "b"]}', ""))
    folder, to = finished_run(home), tmp_path / "-odd name"
    assert life.export(folder, to) == f"demo: 2 files in {to}"
    assert started[0][0][1:] == ["export", folder.id, f"--to={to}", "--json"]


def test_rename_tag_and_note_reach_folder_and_index(home):
    folder = finished_run(home)
    other = finished_run(home, "other")
    assert life.rename(folder, "better") == "demo is now better"
    life.tag(folder, ["paper", "best"])
    life.note(folder, "  looks [b]good[/b] ")
    record = folder.record()
    assert (record.name, record.tags, record.note) == ("better", ("paper", "best"), "looks [b]good[/b]")
    index = summary(home, folder)
    assert (index["name"], index["tags"], index["note"]) == ("better", ["paper", "best"], "looks [b]good[/b]")
    assert life.note(folder, " ") == "better: note removed"
    with pytest.raises(InputError, match="a run named 'other' exists"):
        life.rename(folder, "other")
    assert other.record().name == "other"


def test_tags_are_read_as_words():
    assert life.read_tags(" a, b  a,,c ") == ("a", "b", "c")
    assert life.read_tags("  ") == ()
    with pytest.raises(InputError, match=r"cannot be '\\x1b\[2J'"):
        life.read_tags("good \x1b[2J")


def test_delete_takes_folder_and_index_and_refuses_a_run_at_work(home):
    folder = finished_run(home)
    assert life.delete(folder) == "demo deleted"
    assert not folder.path.exists()
    assert summary(home, folder) is None
    live, _ = running_run(home)
    with pytest.raises(InputError, match="'live' is running; stop it first"):
        life.delete(live)
    assert live.record().status == "running"
