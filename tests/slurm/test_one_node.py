"""Runs and sweeps on a real SLURM of one node."""

import os
import signal

import pytest
from driver import TINY, said

from core.runs.home import Home
from core.runs.log import RunLog
from experiments import actions, launchers
from tests.engine.lab import assert_same_results

pytestmark = pytest.mark.slurm

SLOWER = [*TINY, "--set", "erm.epochs=400"]
"""A run of a few minutes, which no test waits for."""


def results(folder):
    """The tensors that a run has made, as bytes."""
    return {path.name: path.read_bytes() for path in folder.artifacts("erm").glob("*.safetensors")}


def test_a_run_goes_through_slurm_to_its_end(undisturbed):
    record = undisturbed.record()
    assert (record.status, record.launcher, record.device) == ("finished", "slurm", "cpu")
    assert record.job.isdecimal()
    assert "Job completed successfully" in actions.log_path(undisturbed).read_text()


def test_a_sweep_is_one_array_and_is_not_run_twice(cluster, node):
    words = ("sweep", "erm", *TINY, "--grid", "erm.lr=0.01,0.02", "--launcher", "slurm", "--name", "two", "--detach")
    said(cluster.prusc(*words, "--json"))
    runs = RunLog(Home.open(cluster.prusc.home)).all()
    folders = [cluster.folder(run["id"]) for run in runs]
    jobs = {cluster.job(folder) for folder in folders}
    assert {job.partition("_")[2] for job in jobs} == {"0", "1"}
    assert len({job.partition("_")[0] for job in jobs}) == 1
    for folder in folders:
        cluster.wait(folder, "finished")
    again = said(cluster.prusc(*words, "--json"))
    assert (again["finished"], len(RunLog(Home.open(cluster.prusc.home)).all())) == (2, 2)
    assert {cluster.job(folder) for folder in folders} == jobs


def test_a_run_that_is_stopped_keeps_its_checkpoint_and_resumes_to_the_same_bits(cluster, undisturbed):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    assert cluster.prusc("stop", "one").out.endswith("is stopped\n")
    assert folder.checkpoint("erm").exists()
    first = cluster.job(folder)
    assert "is job" in cluster.prusc("resume", "one", "--launcher", "slurm", "--fresh").out
    cluster.wait(folder, "finished")
    assert cluster.job(folder) != first
    assert_same_results(folder, undisturbed)


def test_a_run_that_slurm_signals_before_its_time_is_up_goes_on_by_itself_to_the_same_bits(cluster, node, undisturbed):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    node.ask("scancel", "--signal=USR2", job)
    waiting = cluster.wait(folder, "queued")
    assert (waiting["pid"], waiting["job"], folder.checkpoint("erm").exists()) == (None, job, True)
    cluster.wait(folder, "finished")
    assert cluster.job(folder) == job
    assert cluster.log(folder).count("Requeued job") == 1
    assert_same_results(folder, undisturbed)


def test_the_time_limit_of_a_job_is_not_the_end_of_a_run(cluster, node):
    folder = cluster.run(settings=SLOWER)
    cluster.wait_for_steps(folder)
    node.ask("scontrol", "update", f"jobid={cluster.job(folder)}", "timelimit=1")
    cluster.wait(folder, "queued")
    node.ask("scontrol", "update", f"jobid={cluster.job(folder)}", "timelimit=60")
    cluster.wait(folder, "running")
    cluster.wait_for_steps(folder)
    assert '"resumed":true' in folder.events.read_text()


def test_a_run_that_waits_says_why_and_is_cancelled_by_stop(cluster, node, tmp_path):
    (tmp_path / "settings.toml").write_text("[slurm.later.sbatch]\nbegin = 'now+1hour'\n")
    folder = cluster.run("--profile", "later")
    record = cluster.record(folder)
    assert (record["status"], record["reason"]) == ("queued", f"job {record['job']}: PENDING (BeginTime)")
    assert cluster.prusc("stop", "one").out.endswith("is stopped\n")
    assert node.ask("squeue", "-h", "-t", "all", "-j", record["job"], "-o", "%T").strip() == "CANCELLED"
    assert cluster.prusc("rm", "-y", "one").code == 0


def test_a_job_that_is_cancelled_elsewhere_is_not_waited_for(cluster, node, tmp_path):
    (tmp_path / "settings.toml").write_text("[slurm.default.sbatch]\nbegin = 'now+1hour'\n")
    folder = cluster.run()
    job = cluster.job(folder)
    node.ask("scancel", job)
    record = cluster.wait(folder, "stopped")
    assert record["reason"].startswith(f"job {job}: CANCELLED")
    (listed,) = said(cluster.prusc("ls", "--json"))["runs"]
    assert listed["status"] == "stopped"


def test_kill_cancels_the_job_of_a_run(cluster, node):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    assert "is stopped" in actions.kill(folder)  # SLURM terminates before it kills, and the run answers that
    assert node.ask("squeue", "-h", "-t", "all", "-j", job, "-o", "%T").strip() == "CANCELLED"
    assert folder.checkpoint("erm").exists()


def test_a_run_whose_process_dies_is_lost_and_can_be_resumed(cluster):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    os.kill(folder.record().pid, signal.SIGKILL)
    cluster.wait(folder, "lost")
    cluster.node.wait_for(lambda: "FAILED" in cluster.record(folder)["reason"], "SLURM does not say why")
    assert cluster.prusc("resume", "one", "--launcher", "slurm").code == 0
    cluster.wait(folder, "running")


def test_a_node_that_goes_down_is_seen(cluster, node):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    node.ask("scontrol", "update", f"jobid={job}", "requeue=0")
    node.ask("scontrol", "update", f"nodename={node.host}", "state=down", "reason=test")
    record = cluster.wait(folder, "lost")
    assert record["reason"].startswith(f"job {job}: NODE_FAIL")


def test_a_run_of_a_lost_node_that_slurm_queues_again_goes_on_by_itself(cluster, node):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    node.ask("scontrol", "update", f"nodename={node.host}", "state=down", "reason=test")
    cluster.wait(folder, "queued")
    node.wait_for(lambda: not node.has(job), "the job is still on the node")
    node.ask("scontrol", "update", f"nodename={node.host}", "state=resume")
    cluster.wait(folder, "finished")
    assert cluster.job(folder) == job


def test_a_run_that_is_preempted_goes_on_by_itself_to_the_same_bits(cluster, node, undisturbed):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    node.ask("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 5")
    waiting = cluster.wait(folder, "queued")
    assert (waiting["pid"], waiting["job"], folder.checkpoint("erm").exists()) == (None, job, True)
    cluster.wait(folder, "finished")
    assert (cluster.job(folder), cluster.restarts(folder)) == (job, 1)
    assert_same_results(folder, undisturbed)


def test_a_run_that_an_administrator_puts_back_and_holds_goes_on_once_it_is_released(cluster, node):
    folder = cluster.run(settings=SLOWER)
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    node.ask("scontrol", "requeuehold", job)
    record = cluster.wait(folder, "queued")
    assert (record["pid"], folder.checkpoint("erm").exists()) == (None, True)
    node.wait_for(lambda: "held" in cluster.record(folder)["reason"].lower(), "it is not held")
    assert launchers.held(folder.home, RunLog(folder.home).all()) == {folder.id}
    node.ask("scontrol", "release", job)
    cluster.wait(folder, "running")
    cluster.wait_for_steps(folder)
    assert (cluster.job(folder), cluster.restarts(folder)) == (job, 1)


def test_a_run_at_work_whose_job_is_cancelled_elsewhere_is_stopped_with_a_checkpoint(cluster, node):
    folder = cluster.run()
    cluster.wait_for_steps(folder)
    job = cluster.job(folder)
    node.ask("scancel", job)
    record = cluster.wait(folder, "stopped")
    assert record["reason"].startswith(f"job {job}: CANCELLED")
    assert folder.checkpoint("erm").exists()


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        (["--gpus", "9"], "", "SLURM says: Requested node configuration is not available"),
        (["--minutes", "30"], "[slurm.default]\npartition = 'short'", "partition 'short' allows at most 5"),
        (
            [],
            "[slurm.default]\npartition = 'shrt'",
            "has no partition 'shrt'; did you mean 'short'?; it has debug, short, urgent",
        ),
        ([], "[slurm.default]\nconstraint = 'fast'", "SLURM says: Invalid feature specification"),
    ],
    ids=["gpus", "minutes", "partition", "constraint"],
)
def test_what_slurm_cannot_run_is_refused_and_nothing_is_queued(cluster, node, tmp_path, words, settings, message):
    (tmp_path / "settings.toml").write_text(settings)
    refused = cluster.prusc("run", "erm", *TINY, "--launcher", "slurm", *words)
    assert (refused.code, message in refused.err) == (2, True), refused.err
    assert not cluster.prusc.home.exists()
    assert node.ask("squeue", "-h") == ""
