"""`prusc bench compare`: what differs between two files of `make bench`."""

import pytest
from driver import Prusc

from experiments.speed import Figure, Measured


@pytest.fixture
def prusc(tmp_path):
    return Prusc(tmp_path / "home")


def kept(path, *figures, device="one"):
    Measured(machine={"device": device}, versions={"python": "3"}, figures=figures).write(path)
    return path


def ratio(name, value, spread=0.02, target=1.2):
    made = {"unit": "ms", "ours": 10 * value, "baseline": 10.0, "against": "plain", "ratio": value}
    return Figure(name=name, **made, spread=spread, target=target, target_of="ratio")


@pytest.fixture
def files(tmp_path):
    memory = {"unit": "MB", "target": 80}
    before = (ratio("step", 1.1), ratio("load", 1.0), Figure(name="memory", ours=80, **memory), ratio("old", 1.0))
    after = (ratio("step", 1.3), ratio("load", 1.03), Figure(name="memory", ours=60, **memory), ratio("new", 1.0))
    return kept(tmp_path / "a.json", *before), kept(tmp_path / "b.json", *after)


def test_every_figure_has_its_change_and_whether_it_is_beyond_the_spread(prusc, files):
    found = {row.pop("name"): row for row in prusc("bench", "compare", *files, "--json").json["figures"]}
    assert found["step"].pop("change") == pytest.approx(0.1818, abs=1e-3)
    assert found["step"] == {"before": 1.1, "after": 1.3, "beyond_spread": True}
    assert found["load"]["beyond_spread"] is False
    # Without a baseline the figure itself is compared; one repetition has no spread.
    assert found["memory"] == {"before": 80, "after": 60, "change": -0.25, "beyond_spread": None}
    assert found["new"]["before"] is None
    assert found["old"]["after"] is None


def test_the_table_says_what_is_worse_and_what_is_better(prusc, files):
    lines = prusc("bench", "compare", *files).out.splitlines()
    step = next(line for line in lines if "step" in line)
    assert step.split()[:8] == ["step", "1.1", "×", "1.3", "×", "+18.2", "%", "±"]
    assert step.rstrip().endswith("worse")
    back = prusc("bench", "compare", *reversed(files)).out
    assert next(line for line in back.splitlines() if "step" in line).rstrip().endswith("better")
    assert "different machines" not in back


def test_files_of_two_machines_are_compared_with_a_warning(prusc, files, tmp_path):
    other = kept(tmp_path / "c.json", ratio("step", 1.1), device="two")
    assert "different machines" in prusc("bench", "compare", files[0], other).out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("", "is not a file of 'make bench'"),
        ("[1]", "is not a file of 'make bench'"),
        ('{"machine": {}, "versions": {}, "figures": [{"name": "x"}]}', "is not a file of 'make bench'"),
        ('{"machine": {}, "versions": {}, "figures": [{"name": "x", "unit": "", "ours": NaN}]}', "is not a file of"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(prusc, files, tmp_path, text, why):
    bad = tmp_path / "bad.json"
    if text is not None:
        bad.write_text(text)
    for given in ((bad, files[1]), (files[0], bad)):
        answer = prusc("bench", "compare", *given)
        assert answer.code == 2
        assert answer.out == ""
        assert answer.err.startswith(f"error: {bad}: ")
        assert why in answer.err
        assert answer.err.count("\n") == 1


def test_a_file_with_a_figure_twice_is_refused(prusc, files, tmp_path):
    twice = kept(tmp_path / "twice.json", ratio("step", 1.0), ratio("step", 1.1))
    assert "a figure twice" in prusc("bench", "compare", files[0], twice).err
