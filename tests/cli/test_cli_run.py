"""`prusc run`: one JSON object on standard output, plain lines of progress on standard error."""

import math
import re

import orjson
import pytest
from driver import TINY

STAGES = ["erm", "represent", "cluster", "find", "balance", "prune", "finetune", "head", "best"]
EVALUATED = {"erm", "prune", "finetune", "head", "best"}


@pytest.fixture(scope="module")
def told(finished):
    assert finished.said.code == 0, finished.said.err
    return finished.said.json


def test_standard_output_is_exactly_one_json_object(finished):
    assert finished.said.out.startswith("{")
    assert isinstance(orjson.loads(finished.said.out), dict)


def test_the_json_of_a_run_says_what_was_run_and_how_far_it_came(told):
    assert re.fullmatch("[0-9a-z]{8}", told["id"])
    named = {key: told[key] for key in ("name", "status", "recipe", "data", "seed", "selection", "attributes_used")}
    assert named == {
        "name": "first",
        "status": "finished",
        "recipe": "prusc",
        "data": "colored-mnist",
        "seed": 0,
        "selection": "last",
        "attributes_used": "none",
    }


def test_the_json_of_a_run_has_every_stage_and_the_evaluations_of_those_that_hand_on_a_network(told):
    assert [stage["name"] for stage in told["stages"]] == STAGES
    for stage in told["stages"]:
        assert stage["seconds"] > 0
        assert stage["reused"] is None
        assert set(stage["evaluations"]) == ({"validation", "test"} if stage["name"] in EVALUATED else set())
    kept = {stage["name"]: stage["keep_ratio"] for stage in told["stages"]}
    assert 0 < kept["prune"] < 1
    assert kept["finetune"] == kept["prune"]
    assert kept["erm"] is None


def test_the_numbers_of_every_evaluation_follow_from_its_counts(told):
    for stage in told["stages"]:
        for evaluation in stage["evaluations"].values():
            groups = evaluation["groups"]
            assert [(g["label"], g["attributes"]) for g in groups] == [
                ("0–4", {"colour": "red"}),
                ("0–4", {"colour": "green"}),
                ("5–9", {"colour": "red"}),
                ("5–9", {"colour": "green"}),
            ]
            assert [g["n"] for g in groups] == [20] * 4
            for group in groups:
                assert group["accuracy"] == group["correct"] / group["n"]
                assert 0 <= group["low"] <= group["accuracy"] <= group["high"] <= 1
            assert evaluation["average"] == sum(g["correct"] for g in groups) / 80
            worst = min(groups, key=lambda g: g["accuracy"])
            assert evaluation["worst_group"] == {key: worst[key] for key in ("label", "attributes", "accuracy")}
            weighted = sum(s * g["accuracy"] for s, g in zip(evaluation["training_shares"], groups, strict=True))
            assert math.isclose(evaluation["adjusted_average"], weighted)


def test_progress_is_plain_lines_with_no_control_characters(finished):
    assert finished.said.err.endswith("\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", finished.said.err)


def test_progress_has_one_line_for_the_end_of_every_stage_and_for_every_final_evaluation(finished):
    lines = finished.said.err.splitlines()
    for stage in STAGES:
        assert sum(line.startswith(f"{stage}: starts") for line in lines) == 1
        assert sum(line.startswith(f"{stage}: done in ") for line in lines) == 1
        for split in ("validation", "test"):
            told = sum(line.startswith(f"{stage}: {split}: worst group ") for line in lines)
            assert told == (1 if stage in EVALUATED else 0)
    assert lines[-1] == "run finished"


def test_an_equal_run_reuses_every_stage_and_comes_to_the_same_numbers(finished, told):
    again = finished("run", "prusc", *TINY, "--json").json
    try:
        assert [stage["reused"] for stage in again["stages"]] == [told["id"]] * len(STAGES)
        assert [s["evaluations"] for s in again["stages"]] == [s["evaluations"] for s in told["stages"]]
    finally:
        finished("rm", "-y", again["id"])


def test_a_fresh_run_reuses_nothing_and_comes_to_the_same_numbers(finished, told):
    again = finished("run", "prusc", *TINY, "--fresh", "--json").json
    try:
        assert [stage["reused"] for stage in again["stages"]] == [None] * len(STAGES)
        assert [s["evaluations"] for s in again["stages"]] == [s["evaluations"] for s in told["stages"]]
    finally:
        finished("rm", "-y", again["id"])


def test_a_fork_takes_over_the_stages_before_it(finished, told):
    forked = finished("run", "prune-only", "--from", "first:balance", "--set", "prune.steps=4", "--json").json
    try:
        assert forked["forked_from"] == f"{told['id']}:balance"
        assert [s["reused"] for s in forked["stages"]] == [told["id"]] * 5 + [None]
        assert forked["config"]["erm"] == told["config"]["erm"]
        assert forked["config"]["prune"]["steps"] == 4
    finally:
        finished("rm", "-y", forked["id"])


def test_without_json_the_report_follows_the_progress(finished):
    said = finished("run", "prusc", *TINY)
    try:
        assert said.code == 0
        report = said.out[said.out.index("run finished\n") :]
        assert "test, n 80" in report
        assert "worst group" in report
        assert "No attributes used for training or selection" in report
        assert "\x1b" not in said.out
    finally:
        finished("rm", "-y", "last")
