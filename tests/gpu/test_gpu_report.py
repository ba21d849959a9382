"""`make gpu`: its parts on a CPU, so that it works when somebody with a GPU runs it."""

import json

import pytest

from core import gpu
from tests.gpu import report

SAMPLE = """
import pytest

@pytest.mark.gpu
def test_that_passes():
    pass

@pytest.mark.gpu
def test_that_fails():
    assert 1 == 2, "one is not two"

@pytest.mark.gpu
def test_that_is_skipped():
    pytest.skip("no such GPU")

def test_without_a_gpu():
    pass
"""
BENCH = """
import pytest

@pytest.mark.bench
def test_measured(figures):
    figures.ratio("a step", lambda: None, lambda: None, 1, against="a bare one", target=1.2)
"""


def test_every_test_has_a_verdict(tmp_path):
    (tmp_path / "test_sample.py").write_text(SAMPLE, encoding="utf-8")
    verdicts, figures = report.checked([str(tmp_path)], "gpu")
    assert [(test["name"].rpartition("::")[2], test["verdict"]) for test in verdicts] == [
        ("test_that_passes", "passed"),
        ("test_that_fails", "failed"),
        ("test_that_is_skipped", "skipped"),
    ]
    assert "one is not two" in verdicts[1]["message"]
    assert figures == []


@pytest.mark.simulated_gpu
def test_what_a_benchmark_measures_is_kept(tmp_path):
    (tmp_path / "conftest.py").write_text("from tests.bench.conftest import *\n", encoding="utf-8")
    (tmp_path / "test_bench.py").write_text(BENCH.replace("from tests.bench.conftest import *\n", ""), encoding="utf-8")
    _, (figure,) = report.checked([str(tmp_path)], "bench")
    assert (figure["name"], figure["against"], figure["target"]) == ("a step", "a bare one", 1.2)
    assert figure["ratio"] > 0


@pytest.mark.simulated_gpu
def test_tests_that_cannot_run_have_failed(tmp_path):
    verdicts, _ = report.checked([str(tmp_path / "not_there.py")], "gpu")
    assert [test["verdict"] for test in verdicts] == ["failed"]


def test_tests_that_never_end_have_failed(tmp_path):
    (tmp_path / "test_slow.py").write_text("import time\n\ndef test_slow():\n    time.sleep(60)\n", encoding="utf-8")
    verdicts, _ = report.checked([str(tmp_path)], "not gpu", patience=0.2)
    assert [(test["verdict"], test["message"]) for test in verdicts] == [("failed", "not done after 0.2 s")]


def test_one_file_has_it_all(tmp_path, monkeypatch, capsys):
    """The short form, without the tests and the demo, which other tests here run."""
    passed = {"name": "a", "verdict": "passed", "seconds": 0.1, "message": ""}
    figure = {"name": "a step", "against": "a bare one", "ratio": 1.2, "target": 1.15}
    monkeypatch.setattr(report, "checked", lambda paths, marks: ([passed], [figure]))
    monkeypatch.setattr(report, "demo", lambda *_: {"status": "finished", "seconds": 1.0})
    out = tmp_path / "report.json"
    assert report.main(["--device", "cpu", "--short", "--out", str(out)]) == 0
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["ok"]
    assert {"machine", "versions", "tests", "figures", "demo", "seconds"} <= set(found)
    assert found["versions"]["torch"]
    assert found["demo"]["status"] == "finished"
    printed = capsys.readouterr().out
    assert "2 tests passed, 0 failed, 0 skipped; demo finished" in printed
    assert "a step / a bare one: 1.20 (target 1.15)" in printed
    monkeypatch.setattr(report, "checked", lambda paths, marks: ([{**passed, "verdict": "failed"}], []))
    assert report.main(["--device", "cpu", "--short", "--out", str(out)]) == 1
    assert "Something is wrong." in capsys.readouterr().out


@pytest.mark.simulated_gpu
def test_the_short_demo_finishes():
    demo = report.demo("cpu", report.QUICK)
    assert demo["status"] == "finished", demo["reason"]
    assert {"erm", "prune", "finetune"} <= set(demo["worst_group"])


def test_without_a_gpu_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(gpu, "count", lambda: 0)
    for words in ([], ["--device", "cpu"]):
        with pytest.raises(SystemExit) as left:
            report.main(words)
        assert left.value.code == 2
    assert "this machine has no GPU that torch can use" in capsys.readouterr().err
