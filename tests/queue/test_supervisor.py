import os
from dataclasses import replace

import pytest
from office import gpu

from core.errors import InputError
from core.machine import GpuProcess
from core.runs.lease import Lease, is_leased
from experiments.queue import control, supervisor
from experiments.queue.entries import Queue
from experiments.resources import Resources


def test_as_many_jobs_run_on_the_cpu_as_there_are_slots_in_the_order_of_the_queue(office):
    one = office()
    control.set_slots(one.home, slots=2, threads=1)
    runs = [one.add(name) for name in "abcd"]
    one.supervisor.turn()
    assert one.at_work() == ["a", "b"]
    one.supervisor.turn()
    assert one.at_work() == ["a", "b"]
    one.end(runs[0])
    one.supervisor.turn()
    assert one.at_work() == ["b", "c"]
    assert one.queue.read().find(runs[0].id) is None
    assert [grant.device for _, grant, _ in one.hired] == ["cpu"] * 3
    assert {grant.environment["OMP_NUM_THREADS"] for _, grant, _ in one.hired} == {"1"}


def test_a_job_with_more_threads_takes_more_slots(office):
    one = office()
    control.set_slots(one.home, slots=4, threads=2)
    one.add("wide", resources=Resources(threads=6))
    one.add("narrow")
    one.add("late")
    one.supervisor.turn()
    assert one.at_work() == ["narrow", "wide"]
    assert one.hired[0][1].places == ("cpu-0", "cpu-1", "cpu-2")
    assert one.hired[0][1].environment["OMP_NUM_THREADS"] == "6"


def test_a_job_waits_for_one_that_computes_a_stage_of_it_and_lets_others_pass(office):
    one = office()
    control.set_slots(one.home, slots=2, threads=1)
    first = one.add("first", keys=("erm-0", "prune-0"))
    one.add("same erm", keys=("erm-0", "prune-1"))
    one.add("other erm", keys=("erm-1", "prune-2"))
    one.supervisor.turn()
    assert one.at_work() == ["first", "other erm"]
    control.set_slots(one.home, slots=3, threads=1)
    one.supervisor.turn()
    assert one.at_work() == ["first", "other erm"]
    first.update_stage("erm", status="done")
    one.supervisor.turn()
    assert one.at_work() == ["first", "other erm", "same erm"]


def test_a_held_job_starts_only_when_it_is_released(office, monkeypatch):
    monkeypatch.setattr(control, "ensure", lambda home: None)
    one = office()
    run = one.add("a")
    assert control.hold(one.home, [run.id]) == "a held"
    one.supervisor.turn()
    assert one.at_work() == []
    assert control.look(one.home).jobs[0].state == "held"
    control.hold(one.home, [run.id], held=False)
    one.supervisor.turn()
    assert one.at_work() == ["a"]
    with pytest.raises(InputError, match="only waiting jobs"):
        control.hold(one.home, [run.id])


def test_a_moved_job_starts_in_its_new_place(office):
    one = office()
    control.set_slots(one.home, slots=1, threads=1)
    runs = {name: one.add(name) for name in "abcd"}
    one.supervisor.turn()
    assert control.move(one.home, runs["d"].id, 1) == "d is now number 1 in the queue"
    assert control.move(one.home, runs["b"].id, 99) == "b is now number 3 in the queue"
    assert [(job.run["name"], job.place) for job in control.look(one.home).jobs] == [
        ("a", None), ("d", 1), ("c", 2), ("b", 3),
    ]  # fmt: skip
    with pytest.raises(InputError, match="only waiting jobs"):
        control.move(one.home, runs["a"].id, 1)
    one.end(runs["a"])
    one.supervisor.turn()
    assert one.at_work() == ["d"]


def test_a_cancelled_job_leaves_the_queue_and_its_run_is_kept(office):
    one = office()
    run = one.add("a")
    control.cancel(one.home, [run.id])
    one.supervisor.turn()
    assert one.at_work() == []
    assert run.record().status == "stopped"
    with pytest.raises(InputError, match="not in the queue"):
        control.cancel(one.home, [run.id])


def test_a_cancelled_job_that_runs_is_asked_to_stop(office):
    one = office()
    run = one.add("a")
    one.supervisor.turn()
    control.cancel(one.home, [run.id])
    assert run.stop_requested()


@pytest.mark.parametrize(("how", "state"), [("lost", "interrupted"), ("failed", "failed")])
def test_a_job_that_was_interrupted_or_failed_stays_and_is_queued_again_on_request(office, monkeypatch, how, state):
    monkeypatch.setattr(control, "ensure", lambda home: None)
    one = office()
    run = one.add("a")
    one.supervisor.turn()
    one.end(run, how)
    one.supervisor.turn()
    one.supervisor.turn()
    assert len(one.hired) == 1
    assert [job.state for job in control.look(one.home).jobs] == [state]
    assert control.retry(one.home) == "a queued again"
    one.supervisor.turn()
    assert one.at_work() == ["a"]
    assert control.retry(one.home) == "no job failed or was interrupted"
    with pytest.raises(InputError, match="is running; it needs no retry"):
        control.retry(one.home, [run.id])


def test_a_deleted_run_leaves_the_queue(office):
    one = office()
    run = one.add("a")
    run.delete()
    assert one.supervisor.turn() in (True, False)
    one.supervisor.turn()
    assert one.hired == []


def test_every_job_gets_gpus_of_its_own_the_emptiest_first(office):
    one = office([gpu(0, used=2), gpu(1, used=1), gpu(2, used=3)])
    one.add("a")
    one.add("two", resources=Resources(gpus=2))
    one.supervisor.turn()
    assert [grant.places for _, grant, _ in one.hired] == [("uuid-1",), ("uuid-0", "uuid-2")]
    assert one.hired[1][1].device == "cuda:0,cuda:1"
    assert one.hired[1][1].environment["CUDA_VISIBLE_DEVICES"] == "GPU-uuid-0,GPU-uuid-2"


def test_a_large_job_is_not_overtaken_by_small_ones_but_jobs_on_the_cpu_go_on(office):
    one = office([gpu(0), gpu(1)])
    first = one.add("first")
    one.add("both", resources=Resources(gpus=2))
    one.add("small")
    one.add("on the cpu", device="cpu")
    one.supervisor.turn()
    assert one.at_work() == ["first", "on the cpu"]
    one.end(first)
    one.supervisor.turn()
    assert one.at_work() == ["both", "on the cpu"]


def test_gpus_that_other_people_use_are_left_alone(office):
    busy = gpu(0, processes=[GpuProcess(os.getpid(), None)])
    hidden = gpu(1, used=60)  # as in a container, which does not see the processes of others
    one = office([busy, hidden])
    one.add("a")
    one.supervisor.turn()
    assert one.at_work() == []
    one.gpus[0] = replace(busy, processes=())
    one.supervisor.turn()
    assert one.at_work() == ["a"]
    assert one.hired[0][1].places == ("uuid-0",)


def test_jobs_that_ask_for_memory_share_a_gpu_as_long_as_it_lasts(office):
    one = office([gpu(0, used=0, total=24)])
    runs = [one.add(name, resources=Resources(gpu_memory=10)) for name in "abc"]
    one.supervisor.turn()
    assert one.at_work() == ["a", "b"]
    pid = runs[0].record().pid
    # What a job has taken no longer counts as promised.
    one.gpus[0] = gpu(0, used=10, total=24, processes=[GpuProcess(pid, 10 * 2**30)])
    one.supervisor.turn()
    assert one.at_work() == ["a", "b"]
    one.end(runs[1])
    one.supervisor.turn()
    assert one.at_work() == ["a", "c"]


def test_a_whole_gpu_is_never_given_while_others_share_it(office):
    one = office([gpu(0, used=0, total=24)])
    one.add("shares", resources=Resources(gpu_memory=4))
    one.add("whole")
    one.supervisor.turn()
    assert one.at_work() == ["shares"]


@pytest.mark.parametrize(
    ("device", "asked", "message"),
    [
        ("auto", {"gpus": 3}, "this machine has only 2 GPUs"),
        ("auto", {"gpu_memory": 100}, "the largest GPU here has 80 GiB"),
        ("cuda:1", {}, "the queue chooses the GPU"),
        ("cpu", {"gpus": 1}, "cannot be combined"),
    ],
)
def test_what_can_never_run_here_is_refused(office, device, asked, message):
    one = office([gpu(0), gpu(1)])
    with pytest.raises(InputError, match=message):
        one.supervisor._places.check(device, Resources(**asked))


def test_twelve_jobs_of_two_users_get_eight_gpus_and_none_twice(office):
    gpus = [gpu(index) for index in range(8)]
    ours, theirs = office(gpus, "ours"), office(gpus, "theirs")
    for number in range(6):
        ours.add(f"our {number}")
        theirs.add(f"their {number}")
    for _ in range(2):
        ours.supervisor.turn()
        theirs.supervisor.turn()
    given = [place for one in (ours, theirs) for _, grant, _ in one.hired for place in grant.places]
    assert len(given) == len(set(given)) == 8
    assert (len(ours.at_work()), len(theirs.at_work())) == (6, 2)


def test_workers_and_leases_outlive_their_supervisor_and_another_one_takes_over(office):
    one = office([gpu(0), gpu(1)])
    first, second, _ = (one.add(name) for name in "abc")
    one.supervisor.turn()
    del one.supervisor
    other = one.another()
    other.turn()
    assert one.at_work() == ["a", "b"]
    assert len(one.hired) == 2
    one.end(first)
    other.turn()
    assert one.at_work() == ["b", "c"]
    one.end(second)
    other.turn()
    assert one.at_work() == ["c"]


def test_only_one_supervisor_of_a_queue_is_at_work(office):
    one = office()
    lease = Lease.take(one.queue.supervisor_lease)
    assert lease is not None
    one.add("a")
    one.supervisor.run()
    assert one.hired == []
    lease.release()


def test_a_supervisor_without_jobs_ends(office, monkeypatch):
    monkeypatch.setattr("experiments.queue.supervisor.IDLE", 0.0)
    monkeypatch.setattr("experiments.queue.supervisor.EVERY", 0.01)
    one = office()
    one.supervisor.run()
    assert not is_leased(one.queue.supervisor_lease)


def test_a_job_that_is_queued_while_another_one_is_taken_out_is_started_too(office, monkeypatch):
    one = office()
    control.set_slots(one.home, slots=1, threads=1)
    first = one.add("first")
    one.supervisor.turn()
    one.end(first)
    change, late = Queue.change, []

    def change_after_another_process(self, what):
        if not late:
            late.append(None)
            one.add("late")
        return change(self, what)

    monkeypatch.setattr(Queue, "change", change_after_another_process)
    one.supervisor.turn()
    assert late
    one.supervisor.turn()
    assert one.at_work() == ["late"]


def test_a_supervisor_is_started_also_while_somebody_looks_whether_there_is_one(office, monkeypatch):
    one = office()
    one.add("waits")
    one.queue.supervisor_lease.touch()
    started, release = [], Lease.release

    def start_meanwhile(self, **options):
        if self.path == one.queue.supervisor_lease and not started:
            monkeypatch.setattr(Lease, "release", release)
            supervisor.ensure(one.home)
        release(self, **options)

    monkeypatch.setattr(supervisor.subprocess, "Popen", lambda *words, **_: started.append(words))
    monkeypatch.setattr(Lease, "release", start_meanwhile)
    assert not control.look(one.home).supervised
    assert len(started) == 1
    held = Lease.take(one.queue.supervisor_lease)
    assert control.look(one.home).supervised
    held.release()
