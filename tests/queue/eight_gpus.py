"""A supervisor on a machine with eight fake GPUs, and its workers, which say when they begin and end.

`python eight_gpus.py HOME LOG` supervises; `python eight_gpus.py HOME LOG RUN PLACE...` works on a run.
"""

import subprocess
import sys
import time
from pathlib import Path

from core.machine import Gpu
from core.runs.alive import here
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.queue import supervisor
from experiments.queue.places import Places


def supervise(home: Home, log: Path) -> None:
    gpus = tuple(Gpu(i, "Fake 9000", 0.0, 0, 80 << 30, 40.0, 100.0, f"uuid-{i}") for i in range(8))

    def hire(folder, entry, grant):
        return subprocess.Popen(
            [sys.executable, __file__, home.root, log, folder.id, *grant.places],
            start_new_session=True,
            pass_fds=[lease.inherit() for lease in grant.leases],
        ).pid

    supervisor.EVERY = 0.05
    supervisor.Supervisor(home, Places(home.locks, lambda: gpus), hire).run()


def work(home: Home, log: Path, run: str, places: list[str]) -> None:
    folder = RunFolder.open(home, run)
    RunLog(home).put(folder.update(status="running", **here()))
    for word in ("begin", "end"):
        with log.open("a") as file:
            file.write("".join(f"{word} {place} {run}\n" for place in places))
        time.sleep(0.5 if word == "begin" else 0)
    RunLog(home).put(folder.update(status="finished"))


if __name__ == "__main__":
    home, log = Home.open(Path(sys.argv[1])), Path(sys.argv[2])
    work(home, log, sys.argv[3], sys.argv[4:]) if len(sys.argv) > 3 else supervise(home, log)
