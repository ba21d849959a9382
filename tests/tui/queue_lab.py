"""A queue with jobs in every state on a machine with GPUs, and sweeps whose runs have ended as told."""

from dataclasses import replace

from core.machine import Gpu, GpuProcess, Machine
from core.runs.alive import here
from core.runs.log import RunLog
from core.runs.record import StageRecord
from experiments.launch import create_run
from experiments.queue.entries import Entry, Queue
from experiments.resources import Resources
from experiments.study import read_study
from experiments.sweeps import registry
from tests.tui.lab import NOW, evaluation, put, record_of

GIB = 2**30
STRANGER = 2**22 + 7
"""A process id that no process has."""


def gpu(index, used=0.6, **fields):
    given = {
        "index": index,
        "name": "NVIDIA Fake 9000",
        "utilisation": 0.0,
        "memory_used": int(used * GIB),
        "memory_total": 80 * GIB,
        "temperature": 34.0,
        "power": 70.0,
        "uuid": f"uuid-{index}",
    }
    return Gpu(**given | fields)


GPUS = (
    gpu(0, 31.5, utilisation=93.0, temperature=67.0),
    gpu(1, 12.0, utilisation=15.0, processes=(GpuProcess(STRANGER, 11 * GIB),)),
    gpu(2),
)


def machine(gpus=GPUS):
    """A machine with these GPUs."""
    return Machine(cpu=41.0, cores=8, memory_used=6 * GIB, memory_total=32 * GIB, gpus=tuple(gpus))


def job(home, name, status="queued", entry=(), **fields):
    """A job of the queue; its entry has further fields."""
    given = {"launcher": "queue", "job": "queue", "started": None, "seconds": 0.0}
    folder = put(home, record_of(name, status, **{**given, **fields}))
    Queue(home).change(lambda content: content.extended([Entry(**{"run": folder.id, "added": NOW, **dict(entry)})]))
    return folder


def full_queue(home):
    """Two jobs that run, three that wait, one that is held, one that failed and one that was interrupted: by name."""
    Queue(home).change(lambda content: replace(content, slots=2, threads=1))
    at_work = {**here(), "working_since": NOW - 90, "started": NOW - 90}
    gone = {"pid": STRANGER, "pid_started": 1.0, "host": here()["host"]}
    return {
        "on-gpu": job(home, "on-gpu", "running", {"started": NOW - 3723, "places": ("uuid-0",)}, **at_work),
        "on-cpu": job(home, "on-cpu", "running", {"started": NOW - 65, "places": ("cpu-1",)}, **at_work),
        "first": job(home, "first", entry={"resources": Resources(gpus=2)}),
        "second": job(home, "second", entry={"resources": Resources(gpu_memory=6.0)}),
        "held": job(home, "held", entry={"held": True}),
        "third": job(home, "third", entry={"device": "cpu"}),
        "broken": job(home, "broken", "failed", {"started": NOW - 500}, reason="erm: the disk is full"),
        "cut": job(home, "cut", "running", {"started": NOW - 700}, **gone),
    }


def kept_sweep(home, name="lr", **values):
    """A sweep of the preset demo in a home, without runs."""
    given = {"summary": "demo: prune.lr", "recipes": ["prusc"], "presets": ["demo"], "seeds": [0, 1, 2]}
    given |= {} if {"grid", "random"} & values.keys() else {"grid": {"prune.lr": [0.05, 0.1, 0.2, 0.4]}}
    sweep = registry.Sweep(read_study(name, {**given, **values}, "test"), created=NOW)
    registry.keep(home, sweep)
    return sweep


def make_run(home, sweep, task, status="finished", worst=None, **fields):
    """The run of a cell; a finished one reaches `worst` per cent on the worst group of validation."""
    folder = create_run(home, task.plan, tags=(sweep.name,))
    if worst is not None:
        told = evaluation((98, worst, worst + 3, 97), "validation", 1200).to_json()
        last = StageRecord("finetune", "done", key="key", seconds=1.0, evaluations={"validation": told})
        fields["stages"] = (*folder.record().stages[:-1], replace(last))
    at_work = here() if status == "running" else {}
    folder.update(status=status, **{"ended": NOW, "seconds": 5.0, **at_work, **fields})
    RunLog(home).put(folder.record())
    return folder


def half_done(home, sweep):
    """Of a sweep over learning rates with three seeds, seven runs have finished, one runs, one failed, three miss."""
    made = {}
    for task in sweep.tasks:
        rate, seed = task.point["prune.lr"], task.plan.config.seed
        worst = {0.05: 71, 0.1: 84, 0.2: 78}.get(rate)
        if worst is not None and (rate, seed) not in ((0.2, 1), (0.2, 2)):
            made[rate, seed] = make_run(home, sweep, task, worst=worst + seed)
        elif (rate, seed) == (0.2, 1):
            made[rate, seed] = make_run(home, sweep, task, "running", ended=None)
        elif (rate, seed) == (0.2, 2):
            made[rate, seed] = make_run(home, sweep, task, "failed", reason="prune: the loss is not finite")
    return made
