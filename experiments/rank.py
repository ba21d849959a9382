"""One process of a run on several devices, started by `experiments.torchrun`."""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.lease import machine_leases

if TYPE_CHECKING:
    import torch

PARENT_EVERY = 1.0
"""Seconds between looks whether the process that started this one still exists."""


def main() -> int:
    """Host the run, or share its work; return 0 if all processes came to the end, 1 if the others must be ended."""
    parser = argparse.ArgumentParser(prog="python -m experiments.rank", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--failure", type=Path, required=True)
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    rank = int(os.environ["RANK"])
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # SLURM sends it to all; the process that started these stops the run
    if rank > 0:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the first process says when all stop

    from core.engine.devices import pick_all
    from core.parallel import form

    folder = RunFolder.open(Home.open(given.home), given.run)
    devices = pick_all(given.device, machine_leases())
    with form(rank, devices, given.failure):
        ended = _lead(folder, devices, given.fresh) if rank == 0 else _follow(folder, devices[rank])
        if not ended:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)  # at once: an orderly end would wait for the others
    return 0


def _lead(folder: RunFolder, devices: "tuple[torch.device, ...]", fresh: bool) -> bool:
    """Host the run as on one device; return whether it ended without an error."""
    from core.engine.engine import Engine
    from core.parallel import formed
    from experiments.plan import build_pipeline, config_of

    job = Engine(build_pipeline).submit(folder, config_of(folder.record()), *devices, fresh=fresh)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: job.stop())
    while not job.wait(0.5):
        pass
    if job.error is not None or job.status == "failed":
        return False
    formed().tell()
    return True


def _follow(folder: RunFolder, device: "torch.device") -> bool:
    """Share the work until the run has ended; return whether that was without an error."""
    from core.engine.devices import prepared
    from core.engine.peer import Peer
    from experiments.plan import build_pipeline, config_of

    config = config_of(folder.record())
    with prepared(device, config.deterministic):
        return not Peer(folder, build_pipeline(config), config, device).run()


def _end_with(parent: int) -> None:
    """End this process if the one that started it is gone, which is a kill like any other."""
    while os.getppid() == parent:
        time.sleep(PARENT_EVERY)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
