"""`prusc sparsity`: for runs, and for a preset that it runs first."""

import csv
import io

import pytest
from driver import TINY, said

from core.events import SparsityPoint
from core.groups import Evaluation, Group
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, new_id
from core.runs.stream import EventWriter


def evaluation(split, worst):
    return Evaluation(split, (Group("0–4", {}, 200, round(2 * worst)), Group("5–9", {}, 200, 190)), (0.5, 0.5))


def write(home, name, seed, worst, *, data="colored-mnist", points=True, status="finished"):
    """Put a run into the home; `worst` is the accuracy of its masks at 5 %, in per cent."""
    record = RunRecord(id=new_id(), name=name, recipe="sparse", data=data, status=status, seed=seed, created=1.0 + seed)
    folder = RunFolder.create(home, RunLog(home).register(record))
    if points:
        with EventWriter(folder.events) as writer:
            for way, share, right in (("dense", 1.0, 90), ("masks", 0.05, worst), ("random", 0.05, 40)):
                looks = (evaluation(split, right) for split in ("validation", "test"))
                writer.write(SparsityPoint("sparse", way, share, share, *looks), 1.0)
    return record


@pytest.fixture
def home(prusc):
    return Home.open(prusc.home)


def test_runs_are_pooled_over_seeds_and_the_sentences_say_what_the_numbers_are(prusc, home):
    for seed, worst in ((0, 70), (1, 80)):
        write(home, f"run-{seed}", seed, worst)
    told = prusc("sparsity", "run-1", "run-0")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert next(line.split() for line in lines if line.startswith("5 %"))[2:] == [
        "75.0",
        "±",
        "7.1",
        "40.0",
        "±",
        "0.0",
    ]
    assert (
        "Test split, n = 400, worst of 2 classes; mean ± standard deviation over seeds 0, 1; no attributes" in told.out
    )
    assert "on the same balanced set" in told.out
    found = said(prusc("sparsity", "run-1", "run-0", "--json", "--split", "validation"))
    assert (found["split"], found["n"], found["seeds"], found["attributes_used"]) == (
        "validation",
        400,
        [0, 1],
        ["none"],
    )
    masks = next(point for point in found["points"] if point["way"] == "masks")
    assert (masks["share"], masks["worst"]["mean"], masks["worst"]["n"]) == (0.05, 0.75, 2)


def test_csv_has_a_line_for_every_point_of_every_run_and_split(prusc, home):
    write(home, "one", 3, 70)
    rows = list(csv.DictReader(io.StringIO(prusc("sparsity", "one", "--csv").out)))
    assert len(rows) == 6
    assert {row["seed"] for row in rows} == {"3"}
    assert [row["worst_group"] for row in rows if row["way"] == "masks"] == ["0.7", "0.7"]


def test_an_unfinished_run_says_so(prusc, home):
    write(home, "half", 0, 70, status="stopped")
    assert "Not finished: half." in prusc("sparsity", "half").out


def test_bad_input_gets_one_sentence(prusc, home):
    write(home, "one", 0, 70)
    write(home, "again", 0, 70)
    write(home, "other", 1, 70, data="patch-mnist")
    write(home, "empty", 2, 70, points=False)
    for words, sentence in (
        (["empty"], "run 'empty' has no points of a sparsity curve; make them with: prusc sparsity PRESET"),
        (["one", "again"], "two of these runs have the same seed; name one run for each seed"),
        (["one", "other"], "these runs are on different data: colored-mnist, patch-mnist"),
        (["one", "demo"], "'demo' is a preset or data set, which is run alone; leave out the other names"),
        (["one", "--seed", "1"], "--seed: 'one' is not a preset or data set to run"),
        (["one", "--csv", "--json"], "--csv: cannot be combined with --json; leave one out"),
        (["demo", "--set", "prune.keep=0.5"], "--set prune.keep: recipe 'sparse' fixes it to none"),
        (["demo", "--set", "sparse.shares=[0]"], "sparse.shares"),
    ):
        told = prusc("sparsity", *words)
        assert told.code == 2, words
        assert sentence in told.err
        assert told.err.count("\n") == 1


def test_a_preset_is_run_first(prusc):
    few = ("--set", "sparse.shares=[0.5]", "--set", 'sparse.ways=["masks", "random"]')
    found = said(prusc("sparsity", "demo", *TINY, *few, "--json"))
    points = [(point["way"], point["share"]) for point in found["points"]]
    assert points == [("dense", 1.0), ("masks", 0.5), ("random", 0.5)]
    assert prusc("ls", "--json").json["runs"][0]["recipe"] == "sparse"
