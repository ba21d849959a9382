"""A home with a queue whose workers are processes that only sleep."""

import os
import signal
import subprocess

from core.machine import Gpu
from core.runs.alive import process_alive
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from core.runs.record import RunRecord, StageRecord, new_id
from experiments.queue.entries import Entry, Queue
from experiments.queue.places import Places
from experiments.queue.supervisor import Supervisor

GIB = 2**30


def gpu(index, *, used=0.5, total=80, processes=()):
    return Gpu(index, "Fake 9000", 0.0, int(used * GIB), total * GIB, 40.0, 100.0, f"uuid-{index}", tuple(processes))


class Office:
    """A home with a queue, whose workers are processes that only sleep."""

    def __init__(self, root, gpus=()):
        self.home = Home.open(root)
        self.queue = Queue(self.home)
        self.gpus = list(gpus)
        self.hired = []
        self.supervisor = self.another()

    def another(self):
        return Supervisor(self.home, Places(self.home.locks, lambda: tuple(self.gpus)), self.hire)

    def hire(self, folder, entry, grant):
        process = subprocess.Popen(
            ["sleep", "300"], start_new_session=True, pass_fds=[lease.inherit() for lease in grant.leases]
        )
        self.hired.append((folder.record().name, grant, process))
        return process.pid

    def add(self, name, **asked):
        folder = RunFolder.create(
            self.home,
            RunRecord(
                id=new_id(), name=name, recipe="erm", data="demo", launcher="queue", job="queue",
                stages=(StageRecord("erm"), StageRecord("prune")),
            ),
        )  # fmt: skip
        RunLog(self.home).register(folder.record())
        self.queue.change(lambda content: content.extended([Entry(run=folder.id, **asked)]))
        return folder

    def end(self, folder, status="finished"):
        """The worker of a run ends and says how."""
        (process,) = [process for name, _, process in self.hired if name == folder.record().name][-1:]
        process.kill()
        process.wait()
        if status != "lost":
            RunLog(self.home).put(folder.update(status=status))

    def at_work(self):
        """Names of the runs whose worker is there."""
        return sorted(
            run["name"]
            for run in RunLog(self.home).all()
            if run["pid"] and process_alive(run["pid"], run["pid_started"])
        )

    def close(self):
        for run in RunLog(self.home).all():
            if run["pid"] and process_alive(run["pid"], run["pid_started"]):
                os.kill(run["pid"], signal.SIGKILL)
        for _, _, process in self.hired:
            process.kill()
            process.wait()
