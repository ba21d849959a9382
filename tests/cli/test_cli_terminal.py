"""What only a process of its own can show: Ctrl-C, and the frame on a terminal."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata

from driver import TINY, environment

from tests.forked import Forked

LONGER = [*TINY, "--set", "erm.epochs=8", "--set", "erm.keep_epochs=[0.5,8]"]
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def numbers(record):
    return [
        (stage["name"], stage["keep_ratio"], stage["evaluations"], stage["selection"]) for stage in record["stages"]
    ]


def test_ctrl_c_stops_with_a_checkpoint_and_resume_comes_to_the_same_numbers(prusc):
    with prusc.start("run", "prusc", *LONGER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1) as process:
        for line in process.stdout:
            if line.startswith("erm: starts"):
                break
        time.sleep(0.3)  # into the steps
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    record = prusc("show", "last", "--json").json
    assert record["status"] == "stopped"
    assert [stage["status"] for stage in record["stages"]] == ["running"] + ["waiting"] * 8
    assert f"prusc resume {record['id']}" in err
    resumed = prusc("resume", record["id"], "--json")
    assert resumed.code == 0
    assert re.search(r"^erm: starts, \d+ steps, from step [1-9]", resumed.err, re.MULTILINE)
    whole = prusc("run", "prusc", *LONGER, "--fresh", "--json")
    assert resumed.json["status"] == "finished"
    assert numbers(resumed.json) == numbers(whole.json)


def test_on_a_terminal_the_run_ends_with_the_table_and_fits_into_80_columns(finished):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    env = {k: v for k, v in environment(finished.home).items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = Forked(
        [sys.executable, "-m", "prusc_tui", "run", "prusc", *TINY, "--fresh", "--name", "screen"],
        env={**env, "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    screen = b""
    try:
        while part := os.read(ours, 65536):
            screen += part
    except OSError:  # the other end is closed: the process has left
        pass
    finally:
        os.close(ours)
        code = process.wait(timeout=300)
        finished("rm", "-y", "screen")
    text = screen.decode()
    assert code == 0, text
    assert "\x1b[" in text
    lines = [line.rsplit("\r", 1)[-1] for line in ESCAPE.sub("", text).replace("\r\n", "\n").split("\n")]
    assert max(map(width, lines)) <= 80
    report = "\n".join(lines)
    table = report[report.rindex("test, n 80") :]
    for title in ("worst group", "average", "0–4 · red", "5–9 · green", "sparsity"):
        assert title in table
    assert "…" not in table


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)
