"""A sweep on a real SLURM of one node: a stop from the screen, a hold, a time limit and a lost node in its middle."""

import sys
import time

import orjson
import pytest
from driver import TINY, said

from core.runs.home import Home
from core.runs.log import RunLog
from prusc_tui.app import PruscApp
from prusc_tui.screens.sweep.screen import SweepScreen
from tests.engine.lab import assert_same_results
from tests.tui.lab import text, until

pytestmark = pytest.mark.slurm

EPOCHS = {"long": 400, "stopped": 20, "held": 21}
"""The runs of the sweep, by what becomes of them; the first is at work for minutes."""


def counts(cluster):
    found = said(cluster.prusc("sweeps", "ls", "--json"))["sweeps"][0]
    return {state: number for state, number in found.items() if state not in ("name", "launcher")}


def in_steps(folder):
    return folder.events.exists() and b'"kind":"progress"' in folder.events.read_bytes()


async def test_a_sweep_goes_on_after_a_stop_a_hold_a_time_limit_and_a_lost_node(cluster, node, undisturbed, tmp_path):
    told = tmp_path / "told"
    keep = f"import sys; open({str(told)!r}, 'a').write(sys.stdin.read())"
    (tmp_path / "settings.toml").write_text(
        f"[notify]\ncommand = {orjson.dumps([sys.executable, '-c', keep]).decode()}\n"
    )
    grid = f"erm.epochs={','.join(map(str, EPOCHS.values()))}"
    words = ("--grid", grid, "--fresh", "--launcher", "slurm", "--name", "three", "--detach", "--json")
    said(cluster.prusc("sweep", "erm", *TINY, *words))
    home = Home.open(cluster.prusc.home)
    runs = {run["job"].partition("_")[2]: cluster.folder(run["id"]) for run in RunLog(home).all()}
    long, stopped, held = (runs[task] for task in "012")
    jobs = {folder.id: cluster.job(folder) for folder in runs.values()}
    assert len({job.partition("_")[0] for job in jobs.values()}) == 1

    # One waits until it is released.
    node.ask("scontrol", "hold", cluster.job(held))
    node.wait_for(lambda: counts(cluster).get("held") == 1, "none is counted as held")

    # One is stopped by the key of the screen that shows it.
    app = PruscApp(home, run=stopped.id)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: in_steps(stopped), seconds=120)
        await pilot.press("S")
        await until(pilot, lambda: stopped.record().status == "stopped", seconds=60)
        await until(pilot, lambda: "stopped" in text(app))
    assert stopped.checkpoint("erm").exists()

    # The time of one is up.
    cluster.wait_for_steps(long)
    node.ask("scontrol", "update", f"jobid={cluster.job(long)}", "timelimit=1")
    cluster.wait(long, "queued")
    node.ask("scontrol", "update", f"jobid={cluster.job(long)}", "timelimit=60")

    # The node of two is lost and comes back: they go on by themselves.
    node.ask("scontrol", "release", cluster.job(held))
    cluster.wait_for_steps(held)
    numbers = [node.ask("squeue", "-h", "-j", cluster.job(folder), "-o", "%A").strip() for folder in (long, held)]
    node.ask("scontrol", "update", f"nodename={node.host}", "state=down", "reason=test")
    cluster.wait(held, "queued")
    cluster.wait(long, "queued")
    node.wait_for(lambda: not any(map(node.has, numbers)), "a job is still on the node")
    assert told.read_text().count("\n") == 1
    node.ask("scontrol", "update", f"nodename={node.host}", "state=resume")
    cluster.wait(long, "running")
    cluster.wait(held, "running", "finished")

    # The stopped one is started again by the key of the screen of the sweep.
    screen = SweepScreen(home, "three")
    app = PruscApp(home)
    async with app.run_test(size=(120, 40)) as pilot:
        await app.push_screen(screen)
        await until(pilot, lambda: "1 stopped" in text(app), seconds=60)
        await pilot.press("R")
        await until(pilot, lambda: stopped.record().status != "stopped", seconds=60)
    cluster.wait(stopped, "finished")
    cluster.wait(held, "finished")
    cluster.wait(long, "running")
    assert [cluster.job(folder) == jobs[folder.id] for folder in (long, stopped, held)] == [True, False, True]
    assert_same_results(stopped, undisturbed)
    assert '"resumed":true' in long.events.read_text()

    # It stops as one, and every end was told of once.
    assert cluster.prusc("sweeps", "stop", "three").out.startswith("1 run asked to stop")
    cluster.wait(long, "stopped")
    until_told = time.monotonic() + 30
    while told.read_text().count("\n") < 5:
        assert time.monotonic() < until_told, told.read_text()
        time.sleep(0.2)
    lines = [orjson.loads(line) for line in told.read_text().splitlines()]
    ends = sorted((line["id"], line["status"]) for line in lines if "id" in line)
    expected = [(stopped, "stopped"), (stopped, "finished"), (held, "finished"), (long, "stopped")]
    assert ends == sorted((folder.id, status) for folder, status in expected)
    assert [line for line in lines if "sweep" in line] == [{"sweep": "three", "finished": 2, "stopped": 1}]
    assert counts(cluster) == {"finished": 2, "stopped": 1}
