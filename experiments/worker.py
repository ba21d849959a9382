"""The process of one run: `python -m experiments.worker --home HOME --device DEVICE [--fresh] RUN`.

With several devices, separated by commas, it starts a process for each and waits for them.
"""

import argparse
import signal
import sys
from pathlib import Path

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.lease import machine_leases


def main() -> int:
    """Run one run to its end; return 0 if finished or stopped, 1 if failed, 2 if it could not start."""
    from core.engine.engine import note_failure

    parser = argparse.ArgumentParser(prog="python -m experiments.worker", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--device", "--devices", default="auto")
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    folder = RunFolder.open(Home.open(given.home), given.run)
    try:
        status = _work(folder, given.device, given.fresh)
    except InputError as error:
        note_failure(folder, error)
        sys.stderr.write(f"error: {error}\n")
        return 2
    except Exception as error:
        note_failure(folder, error)
        raise
    return 1 if status == "failed" else 0


def _work(folder: RunFolder, device: str, fresh: bool) -> str:
    from core.engine.devices import pick_all
    from experiments.hosting import ENGINE
    from experiments.plan import config_of

    config = config_of(folder.record())
    job = ENGINE.submit(folder, config, *pick_all(device, machine_leases()), fresh=fresh)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: job.stop())
    while not job.wait(0.5):
        pass
    if job.error is not None:
        raise job.error
    return job.status


if __name__ == "__main__":
    sys.exit(main())
