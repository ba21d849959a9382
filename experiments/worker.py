"""The process of one run: `python -m experiments.worker --home HOME --device DEVICE [--fresh] RUN`.

With several devices, separated by commas, it starts a process for each and waits for them.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.hosting import work

if TYPE_CHECKING:
    from core.engine.engine import Job


def main() -> int:
    """Run one run to its end; return 0 if finished or stopped, 1 if failed, 2 if it could not start."""
    parser = argparse.ArgumentParser(prog="python -m experiments.worker", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--device", "--devices", default="auto")
    parser.add_argument("--fresh", action="store_true")
    given = parser.parse_args()
    folder = RunFolder.open(Home.open(given.home), given.run)
    return work(folder, given.device, _stop_on_signals, fresh=given.fresh)


def _stop_on_signals(job: "Job") -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # as with nohup
            signal.signal(number, lambda *_: job.stop())


if __name__ == "__main__":
    sys.exit(main())
