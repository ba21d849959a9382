"""The bell and the notifications of a terminal, and the screen that rings when the run it shows ends."""

import os
import pty
import subprocess
import sys
from dataclasses import replace

import pytest

from core.feed.feed import RunFeed
from core.runs.alive import here
from core.runs.log import RunLog
from experiments.notify import Notify
from prusc_tui.app import PruscApp
from prusc_tui.ring import BY_VARIABLE, NAMES, ring, ring_for
from prusc_tui.screens.run.screen import RunScreen
from prusc_tui.settings import Settings
from tests.tui.lab import NOW, put, record_of, until


@pytest.fixture(autouse=True)
def a_terminal_that_is_not_known(monkeypatch):
    for variable in (*NAMES, *BY_VARIABLE, "TMUX"):
        monkeypatch.delenv(variable, raising=False)


BOTH = "\x1b]9;t: x\a", "\x1b]777;notify;t;x\a"


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm-256color"}, BOTH),
        ({}, BOTH),
        ({"TERM": "foot"}, BOTH[1:]),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, BOTH[1:]),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, BOTH[1:]),
        ({"TERM": "rxvt-unicode-256color"}, BOTH[1:]),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7006"}, BOTH[1:]),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "230804"}, BOTH[1:]),
        ({"TERM": "xterm-kitty"}, BOTH[:1]),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, BOTH[:1]),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, BOTH[:1]),
        ({"TERM": "xterm-256color", "WT_SESSION": "a-uuid"}, BOTH[:1]),
        ({"TERM": "xterm-kitty", "VTE_VERSION": "7006"}, BOTH[:1]),  # kitty, started from another terminal
    ],
    ids=lambda value: "-".join(value.values()) or "nothing" if isinstance(value, dict) else "",
)
def test_a_terminal_gets_the_bell_and_the_notification_that_it_shows(environment, wanted):
    assert ring("t", "x", environment) == "\a" + "".join(wanted)


def test_a_notification_of_one_line_has_no_colon():
    assert ring("t", "", {"TERM": "xterm-kitty"}) == "\a\x1b]9;t\a"


def test_tmux_is_asked_to_pass_the_notifications_on():
    assert ring("t", "x", {"TMUX": "/socket", "TERM": "tmux-256color"}) == (
        "\a\x1bPtmux;\x1b\x1b]9;t: x\a\x1b\\\x1bPtmux;\x1b\x1b]777;notify;t;x\a\x1b\\"
    )
    assert ring("t", "x", {"TMUX": "/socket", "TERM": "tmux-256color", "VTE_VERSION": "7006"}) == (
        "\a\x1bPtmux;\x1b\x1b]777;notify;t;x\a\x1b\\"
    )


def test_a_name_cannot_end_the_sequence_nor_add_a_field():
    sequence = ring("a;b\x1b\\\a", "c\x9c", {})
    assert sequence.count("\a") == 3
    assert sequence.count("\x1b") == 2
    assert "\x9c" not in sequence
    assert "777;notify;a,b" in sequence


def test_the_text_says_how_it_ended_with_split_seed_and_number_of_samples():
    done = ring_for(record_of("demo", seed=3))
    assert (
        "777;notify;prusc: demo finished;prusc on colored-mnist, seed 3, worst group 93.6 % on test (n = 9,600)" in done
    )
    failed = ring_for(record_of("demo", "failed", reason="erm: out of memory"))
    assert "prusc: demo failed;prusc on colored-mnist, seed 0, erm: out of memory\a" in failed


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_screen_of_a_run_rings_once_when_it_ends_if_the_settings_say_so(home, monkeypatch, wanted):
    folder = put(home, record_of("demo", "running", **here()))
    snapshot = RunFeed(folder, lambda: NOW).poll()
    app = PruscApp(home, Settings(notify=Notify(terminal=wanted)), clock=lambda: NOW)
    screen = RunScreen(folder, lambda: NOW)
    answers = [snapshot]
    screen._poller._look = lambda: answers[-1]
    async with app.run_test(size=(120, 40)) as pilot:
        written, write = [], app._driver.write
        monkeypatch.setattr(app._driver, "write", lambda data: (written.append(data), write(data)))
        await app.push_screen(screen)
        await until(pilot, lambda: screen.seen is snapshot)
        ended = replace(snapshot, record=replace(snapshot.record, status="finished"))
        for answer in (ended, replace(ended, taken=NOW + 9)):
            answers.append(answer)
            screen._poller.hurry()
            await until(pilot, lambda answer=answer: screen.seen is answer)
        await pilot.pause()
        assert len([data for data in written if "777;notify;prusc: demo finished" in data]) == int(wanted)


def test_watch_on_a_terminal_rings_when_the_run_ends(home):
    folder = put(home, record_of("demo", "running", **here()))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PRUSC_HOME": str(home.root), "TERM": "xterm-256color"}
    watch = [sys.executable, "-m", "prusc_tui", "watch", folder.id, "--notify"]
    process = subprocess.Popen(
        watch, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    while b"colored-mnist" not in shown:
        shown += os.read(ours, 1 << 16)
    RunLog(home).put(folder.update(status="finished"))
    while True:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:
            break
    assert process.wait(60) == 0
    assert shown.count(b"\x1b]9;prusc: demo finished: ") == 1
