"""The end of a sweep, reported once; and notifications by a separate process (no torch).

That is `python -m experiments.ending run RUN …`, or `sweep SWEEP`.
"""

import argparse

from core.runs.folder import RunFolder
from core.runs.home import Home
from experiments.notify import read_notify, run_command, tell
from experiments.sweeps import registry, search
from experiments.sweeps.cells import cells_of, counts, has_just_ended
from experiments.sweeps.registry import Sweep


def tell_of_sweep(home: Home, sweep: Sweep) -> str:
    """Run the user's command, if there is one, for a sweep that has just ended: once, whoever notices it.

    Returns why it failed; empty if it did not.
    """
    words = read_notify().command
    if not words:
        return ""
    cells = cells_of(home, sweep)
    if sweep.study.searches and not search.is_over(sweep, cells):
        return ""
    if not has_just_ended(home, sweep, cells):
        return ""
    return run_command(words, {"sweep": sweep.name, **counts(cells)}, {"PRUSC_HOME": str(home.root)})


def main() -> None:
    """Tell of the end of runs, or of a sweep if that has ended, in the home of the environment."""
    parser = argparse.ArgumentParser(prog="python -m experiments.ending", description="Send a notification.")
    parser.add_argument("what", choices=("run", "sweep"))
    parser.add_argument("names", nargs="+")
    given = parser.parse_args()
    home = Home.open(create=False)
    if given.what == "run":
        for id in given.names:
            tell(RunFolder(home, id))
    for name in given.names if given.what == "sweep" else ():
        if name in registry.names(home) and (why := tell_of_sweep(home, registry.get(home, name))):
            parser.exit(1, f"sweep {name}: {why}\n")


if __name__ == "__main__":
    main()
