import re

import orjson
import pytest

from core.errors import InputError
from core.runs.home import Home
from core.runs.record import RunRecord, StageRecord, new_id
from core.runs.text import safe_text


def test_a_record_survives_the_way_to_json_and_back(make, evaluation):
    stage = StageRecord(
        "prune",
        status="done",
        key="abc",
        seconds=1.5,
        reused="k3v9x2ab",
        keep_ratio=0.4,
        evaluations={"test": evaluation().to_json()},
        selection={"rule": "last", "step": 9, "picks": {"last": {"step": 9, "value": None}}},
    )
    record = make(
        status="failed",
        preset="p",
        seed=3,
        config={"prune": {"lr": 0.1}},
        overrides={"prune.lr": 0.1},
        tags=("a", "b"),
        note="n",
        started=1.0,
        ended=2.0,
        stages=(StageRecord("erm"), stage),
        pid=1,
        pid_started=0.5,
        host="h",
        reason="r",
        forked_from="x:erm",
        version="1",
    )
    assert RunRecord.from_json(orjson.loads(orjson.dumps(record.to_json()))) == record


def test_the_json_of_a_record_has_what_show_promises(make, stages):
    value = make(stages=stages).to_json()
    assert {"id", "name", "status", "recipe", "data", "seed", "selection", "attributes_used", "stages"} <= set(value)
    assert {"name", "seconds", "reused", "keep_ratio", "evaluations"} <= set(value["stages"][0])


def test_keys_of_another_version_are_ignored_and_missing_ones_take_their_default(make, stages):
    record = make(stages=stages)
    value = record.to_json() | {"mood": "good"}
    value["stages"][0] |= {"mood": "good", "step": 9, "total": 10}
    del value["note"], value["stages"][1]["seconds"]
    assert RunRecord.from_json(value) == record


def test_the_summary_tells_the_last_test_evaluation_and_the_last_keep_ratio(make, evaluation):
    stages = (
        StageRecord("erm", status="done", key="k1", evaluations={"test": evaluation(30).to_json()}),
        StageRecord("prune", status="done", key="k2", keep_ratio=0.5, evaluations={"test": evaluation(80).to_json()}),
        StageRecord("finetune", status="running", evaluations={"validation": evaluation(99).to_json()}),
    )
    summary = make(stages=stages).summary()
    assert (summary["wga"], summary["wga_split"], summary["average"]) == (0.8, "test", 0.85)
    assert summary["keep_ratio"] == 0.5
    assert summary["stage"] == "finetune"
    assert summary["stage_keys"] == {"erm": "k1", "prune": "k2"}


def test_the_summary_takes_validation_where_test_was_not_evaluated(make, evaluation):
    stages = (StageRecord("erm", status="done", evaluations={"validation": evaluation(60).to_json()}),)
    summary = make(stages=stages).summary()
    assert (summary["wga"], summary["wga_split"], summary["stage"]) == (0.6, "validation", "erm")


def test_the_summary_of_a_run_that_did_nothing_has_no_numbers(make, stages):
    summary = make(stages=stages).summary()
    assert [summary[key] for key in ("wga", "wga_split", "average", "keep_ratio", "stage")] == [None] * 5


def test_ids_differ_and_have_no_look_alikes():
    ids = [new_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert all(re.fullmatch("[2-9a-hjkmnp-z]{8}", id) for id in ids)


def test_a_stage_that_is_not_there_is_a_mistake_of_the_program(make, stages):
    with pytest.raises(ValueError, match="no stage 'erm2'"):
        make(stages=stages).stage("erm2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain · ünïcode 你好", "plain · ünïcode 你好"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a\nb\tc\rd\x00\x7f", r"a\nb\tc\rd\x00\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("abc\u202egnp.exe\u2066\u200f\u061c", r"abc\u202egnp.exe\u2066\u200f\u061c"),
        ("line\u2028break", r"line\u2028break"),
        ("bad \udcff byte", r"bad \udcff byte"),
    ],
)
def test_text_that_could_move_the_cursor_is_shown_as_escapes(text, shown):
    assert safe_text(text) == shown
    shown.encode()


def test_the_home_is_the_argument_or_the_environment_or_the_users_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PRUSC_HOME", str(tmp_path / "env"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert Home.open(tmp_path / "given").root == tmp_path / "given"
    assert Home.open().root == tmp_path / "env"
    assert (tmp_path / "env" / "runs").is_dir()
    monkeypatch.delenv("PRUSC_HOME")
    assert Home.open(create=False).root == tmp_path / "xdg" / "prusc-tui"
    assert not (tmp_path / "xdg").exists()


def test_a_home_that_cannot_be_made_is_one_sentence_with_the_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/home: .*set PRUSC_HOME"):
        Home.open(tmp_path / "file" / "home")
