"""`make gpu`: its parts on a CPU, so that it works when somebody with a GPU runs it."""

import json

import pytest

from core import gpu
from tests.bench import test_invariance_speed, test_pruning_speed
from tests.gpu import report

SAMPLE = """
import pytest

@pytest.mark.gpu
def test_that_passes():
    print("\\nours / theirs: 1.20 s against 1.00 s, ratio 1.20 (target ≤ 1.15)")

@pytest.mark.gpu
def test_that_fails():
    assert 1 == 2, "one is not two"

@pytest.mark.gpu
def test_that_is_skipped():
    pytest.skip("no such GPU")

def test_without_a_gpu():
    pass
"""


def test_every_test_has_a_verdict_and_what_was_printed_has_its_ratios(tmp_path):
    (tmp_path / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    verdicts, printed = report.checked([str(tmp_path)], "gpu")
    assert [(test["name"].rpartition("::")[2], test["verdict"]) for test in verdicts] == [
        ("test_that_passes", "passed"),
        ("test_that_fails", "failed"),
        ("test_that_is_skipped", "skipped"),
    ]
    assert "one is not two" in verdicts[1]["message"]
    assert report.ratios(printed) == [
        {"what": "ours / theirs", "ours": 1.2, "theirs": 1.0, "ratio": 1.2, "target": "≤ 1.15"}
    ]


def test_tests_that_cannot_run_or_never_end_have_failed(tmp_path):
    verdicts, _ = report.checked([str(tmp_path / "not_there.py")], "gpu")
    assert [test["verdict"] for test in verdicts] == ["failed"]
    (tmp_path / "test_slow.py").write_text("import time\n\ndef test_slow():\n    time.sleep(60)\n", encoding="utf-8")
    verdicts, _ = report.checked([str(tmp_path)], "not gpu", patience=0.2)
    assert [(test["verdict"], test["message"]) for test in verdicts] == [("failed", "not done after 0.2 s")]


@pytest.mark.parametrize("bench", [test_invariance_speed, test_pruning_speed])
def test_the_lines_of_the_benchmarks_are_understood(capsys, bench):
    bench.report("a step / a plain step, GPU", 0.0123, 0.0100, 1.23, "≤ 1.2")
    (row,) = report.ratios(capsys.readouterr().out)
    assert (row["what"], row["ratio"], row["target"]) == ("a step / a plain step, GPU", 1.23, "≤ 1.2")


def test_one_file_has_it_all(tmp_path, monkeypatch, capsys):
    """The short form, with a demo on the CPU and without the tests, which other tests here run."""
    passed = {"name": "a", "verdict": "passed", "seconds": 0.1, "message": ""}
    line = "ours / theirs: 1.20 s against 1.00 s, ratio 1.20 (target ≤ 1.15)"
    monkeypatch.setattr(report, "checked", lambda paths, marks: ([passed], line))
    out = tmp_path / "report.json"
    assert report.main(["--device", "cpu", "--short", "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["ok"]
    assert {"machine", "versions", "tests", "ratios", "demo", "seconds"} <= set(found)
    assert found["versions"]["torch"]
    assert found["demo"]["status"] == "finished"
    assert {"erm", "prune", "finetune"} <= set(found["demo"]["worst_group"])
    assert "2 tests passed, 0 failed, 0 skipped; demo finished" in capsys.readouterr().out
    monkeypatch.setattr(report, "checked", lambda paths, marks: ([{**passed, "verdict": "failed"}], ""))
    monkeypatch.setattr(report, "demo", lambda *_: {"status": "finished", "seconds": 0})
    assert report.main(["--device", "cpu", "--short", "--out", str(out)]) == 1
    assert "Something is wrong." in capsys.readouterr().out


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(gpu, "count", lambda: 0)
    for words in ([], ["--device", "cpu"]):
        with pytest.raises(SystemExit) as left:
            report.main(words)
        assert left.value.code == 2
    assert "this machine has no GPU that torch can use" in capsys.readouterr().err
