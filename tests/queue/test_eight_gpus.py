import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from office import gpu

from core.runs.lease import is_leased, machine_leases
from experiments.resources import Resources

SCRIPT = Path(__file__).with_name("eight_gpus.py")


def supervise(home, log):
    return subprocess.Popen([sys.executable, SCRIPT, home.root, log], env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: PTH109


def said(log):
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def wait_until(true):
    until = time.monotonic() + 120
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_users_share_eight_gpus_although_a_supervisor_is_killed_no_gpu_is_taken_twice_and_no_job_is_lost(
    office, tmp_path
):
    log = tmp_path / "log"
    ours, theirs = office([gpu(i) for i in range(8)], "ours"), office([gpu(i) for i in range(8)], "theirs")
    jobs = [ours.add(f"our {i}", resources=Resources(gpus=1 + i % 2)).id for i in range(6)]
    jobs += [theirs.add(f"their {i}").id for i in range(6)]
    first, other = supervise(ours.home, log), supervise(theirs.home, log)
    try:
        wait_until(lambda: len(said(log)) >= 4)
        first.kill()
        first.wait()
        first = supervise(ours.home, log)  # what `prusc queue start` does
        wait_until(lambda: len({run for word, _, run in said(log) if word == "end"}) == 12)
    finally:
        for process in (first, other):
            process.kill()
            process.wait()
    begun = Counter(run for run, _ in {(run, place) for word, place, run in said(log) if word == "begin"})
    assert sorted(begun) == sorted(jobs)
    assert Counter(begun.values()) == {1: 9, 2: 3}  # each on as many GPUs as it asked for, and none twice
    for place in {place for _, place, _ in said(log)}:
        words = [word for word, at, _ in said(log) if at == place]
        assert words == ["begin", "end"] * (len(words) // 2)
    wait_until(lambda: not any(is_leased(path) for path in machine_leases().iterdir()))
