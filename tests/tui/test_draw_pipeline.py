"""The line of stages, and the frame that `prusc watch` draws around it."""

from dataclasses import replace

import pytest

from core.feed.feed import RunFeed
from core.feed.snapshot import Look, StageView
from core.groups import Evaluation, Group
from core.runs.home import Home
from prusc_tui.palette import SHELL
from prusc_tui.report.frame import frame
from prusc_tui.report.pipeline import pipeline
from prusc_tui.views.overview.machine import elsewhere
from tests.tui.lab import NOW, finished_run, plain, record_of, running_run


def stage(name, state, step=0, total=0, seconds=0.0, eta=None, keep=None):
    return StageView(name, state, step, total, NOW, seconds, eta, keep)


STAGES = (
    stage("erm", "reused"),
    stage("cluster", "done", 1, 1, 5.7),
    stage("prune", "running", 50, 200, 12.0, 36.0, 0.8),
    stage("finetune", "waiting"),
)


@pytest.fixture
def snapshots(tmp_path):
    """A run that ended, and one that is at work."""
    home = Home.open(tmp_path)
    live, writer = running_run(home)
    writer.close()
    return {
        "finished": RunFeed(finished_run(home), lambda: NOW).poll(),
        "running": RunFeed(live, lambda: NOW).poll(),
    }


@pytest.mark.parametrize("width", [20, 43, 60, 80, 120, 200])
def test_every_stage_is_there_with_its_mark_whatever_the_width(width):
    lines = pipeline(STAGES, width, SHELL)
    assert {line.cell_len for line in lines} == {width}
    text = "\n".join(plain(lines))
    for words in ("↺ erm", "✓ cluster", "▸ prune", "· finetune"):
        assert words in text
    assert "reused" in text
    assert "5.7 s" in text
    if width < 44:
        assert len(lines) == 4


def test_the_stage_at_work_shows_its_share_and_the_time_left():
    names, notes = plain(pipeline(STAGES, 120, SHELL))
    bar = names[names.index("prune") + 6 : names.index("· finetune")].rstrip()
    done, left = bar.count("━") + bar.count("╸") / 2, bar.count("─")
    assert done / len(bar) == pytest.approx(0.25, abs=0.5 / len(bar))
    assert done + left == pytest.approx(len(bar), abs=0.5)
    assert "50/200 · 36 s left" in notes
    assert notes.index("50/200") == names.index("prune")


def test_the_clock_of_the_stage_at_work_moves_on():
    assert "50/200 · 26 s left · 22 s so far" in pipeline(STAGES, 160, SHELL, ago=10)[1].plain
    assert "50/200 · 0.0 s left" in pipeline(STAGES, 160, SHELL, ago=100)[1].plain


def test_stages_that_do_not_fit_go_on_in_the_next_line():
    many = tuple(stage(f"stage-number-{i}", "done", 1, 1, 1.0) for i in range(9))
    lines = plain(pipeline(many, 60, SHELL))
    assert len(lines) == 6
    assert [name in "".join(lines) for name in (s.name for s in many)] == [True] * 9


def test_what_stopped_says_where():
    text = pipeline((stage("erm", "stopped", 1200, 2000, 30), stage("prune", "failed")), 80, SHELL)
    assert "■ erm" in text[0].plain
    assert "stopped at 1,200" in text[1].plain
    assert "✗ prune" in text[0].plain


@pytest.mark.parametrize("status", ["finished", "running"])
@pytest.mark.parametrize("size", [(40, 24), (80, 24), (80, 12), (100, 40), (120, 40), (120, 16), (200, 60)])
def test_a_frame_fits_and_never_leaves_out_what_matters_most(snapshots, status, size):
    width, height = size
    lines = frame(snapshots[status], NOW, width, height)
    assert {line.cell_len for line in lines} == {width}
    assert len(lines) <= height
    text = "\n".join(plain(lines))
    assert status in lines[0].plain
    assert "erm" in text
    assert "worst group" in text
    assert "◂" in text


def test_a_frame_of_any_height_holds_everything(snapshots):
    for width in (80, 120):
        text = "\n".join(plain(frame(snapshots["finished"], NOW, width, None)))
        for words in (
            "demo",
            "prusc on colored-mnist",
            "Accuracy by group",
            "0–4 · green",
            "Losses",
            "56.0 % kept, 44.0 % pruned",
            "clusters, k = 2 at epoch 1",
            "balanced set 3,000 by min",
            "Checkpoints",
            "worst-group",
            "class 5–9 has only 180 different samples",
            "No attributes used for training",
        ):
            assert words in " ".join(text.split()) or words in text


def test_the_clock_of_a_running_run_goes_on_and_that_of_a_finished_one_does_not(snapshots):
    heads = {
        status: [frame(snapshot, NOW + later, 100)[0].plain for later in (0, 7)]
        for status, snapshot in snapshots.items()
    }
    assert heads["finished"][0] == heads["finished"][1]
    assert [head.split()[-2] for head in heads["running"]] == ["30", "37"]


def test_forty_classes_in_a_small_terminal_keep_the_worst(snapshots):
    told = Evaluation("test", tuple(Group(f"class {i}", {}, 100, 60 + i) for i in range(40)), (1 / 40,) * 40)
    looks = {("erm", "test"): (Look(1, told, True),)}
    lines = plain(frame(replace(snapshots["finished"], evaluations=looks), NOW, 80, 24))
    assert len(lines) <= 24
    assert any(line.startswith("class 0") and "60.0 ◂" in line for line in lines)
    assert any("more classes" in line for line in lines)


def test_a_malicious_record_is_shown_as_text(snapshots):
    bad = replace(record_of("[red]\x1b]0;owned\x07"), reason="\x1b[2J", device="\x9b1m")
    text = "\n".join(plain(frame(replace(snapshots["finished"], record=bad), NOW, 100)))
    assert not {c for c in text if (ord(c) < 32 and c != "\n") or c == "\x9b"}
    assert r"\x1b[2J" in text


def test_a_run_elsewhere_says_where():
    assert "node17" in " ".join(plain(elsewhere("node17", 44, SHELL)))
