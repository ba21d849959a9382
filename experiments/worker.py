"""The detached process of one run: `python -m experiments.worker --home HOME --device DEVICE [--fresh] RUN`."""

import argparse
import signal
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import InputError
from core.runs.folder import RunFolder
from core.runs.home import Home
from core.runs.log import RunLog
from experiments.plan import build_pipeline, config_of


def main() -> int:
    """Run one run to its end; 0 finished or stopped, 1 failed, 2 could not begin."""
    parser = argparse.ArgumentParser(prog="python -m experiments.worker", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    home = Home.open(given.home)
    folder = RunFolder.open(home, given.run)
    try:
        from core.engine.devices import pick
        from core.engine.engine import Engine

        config = config_of(folder.record())
        job = Engine(build_pipeline).submit(folder, config, pick(given.device, home.locks), fresh=given.fresh)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: job.stop())
        while not job.wait(0.5):
            pass
        if job.error is not None:
            raise job.error
    except Exception as error:
        with suppress(InputError), folder.writer():  # where another process writes the run, its word counts
            RunLog(home).put(folder.update(status="failed", reason=str(error)))
        if isinstance(error, InputError):
            sys.stderr.write(f"error: {error}\n")
            return 2
        raise
    return 1 if job.status == "failed" else 0


if __name__ == "__main__":
    sys.exit(main())
