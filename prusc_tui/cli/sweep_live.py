"""A sweep on the command line: start what is missing, and follow it to its end."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from core.errors import InputError
from core.runs.home import Home
from prusc_tui import __version__
from prusc_tui.words import console, print_json, print_lines, say

if TYPE_CHECKING:
    from rich.console import Console

    from experiments.sweeps.cells import Cell
    from experiments.sweeps.registry import Sweep

LEFT = 130  # exit code of a user who does not want to follow any longer
EVERY = 1.0  # seconds between two looks at a sweep
ELSEWHERE = 4  # points of a search at once where the number of places is not known


def run_sweep(
    home: Home,
    chosen: "Sweep",
    *,
    tags: Sequence[str] = (),
    fresh: bool = False,
    detach: bool = False,
    hopeless: bool = False,
    notify: bool = False,
    yes: bool = False,
    json: bool = False,
) -> int:
    """Start what is missing of a sweep and follow it to its end; return the exit code.

    0: nothing failed; 1: a run failed or was lost; 130: the user does not want to follow any longer. Raises
    InputError if a run is not possible; nothing is written.
    """
    from experiments.launchers import launcher
    from experiments.sweeps import control, registry
    from experiments.sweeps.cells import cells_of, counts
    from prusc_tui.cli.study import run_study

    number = chosen.study.size
    if number > control.MOST and not yes:
        raise InputError(f"the sweep has {number:,} runs, more than {control.MOST:,}; start it with --yes")
    host = launcher(chosen.launcher)
    if notify and detach and host.outlives:
        raise InputError(
            "--notify: the sweep does not end in this terminal; use prusc sweep without --detach, or notify.command in "
            "the settings file"
        )
    if number > 1 and host.outlives and not host.queues:
        raise InputError(f"launcher '{host.name}' would start {number} runs at once; use --launcher queue")
    if chosen.study.searches and (host.outlives is False or fresh):
        raise InputError("a search needs the queue and its earlier results: leave out --launcher local and --fresh")
    control.check(chosen)
    home = Home.open(home.root)
    chosen = registry.keep(home, chosen)
    if detach and (chosen.study.searches or hopeless):
        return _search_elsewhere(home, chosen, hopeless)
    if not host.outlives:
        code = run_study(
            chosen.study, (), None, None,
            device=chosen.device, tags=tags, fresh=fresh, json=json, log=chosen.log,
        )  # fmt: skip
        _tell(home, chosen, notify, console(stderr=json))
        return code
    before = control.start(home, chosen, tags=tags, version=__version__, fresh=fresh)
    if detach:
        if json:
            print_json(sweep=chosen.name, cells=len(before), **counts(cells_of(home, chosen)))
        else:
            _say_started(chosen, before)
        return 0
    code = _follow(home, chosen, hopeless, json)
    if code != LEFT:
        _tell(home, chosen, notify, console(stderr=json))
    return code


def _tell(home: Home, chosen: "Sweep", notify: bool, out: "Console") -> None:
    """Ring the terminal, as the sweep has ended, and run the command of the user, if nobody has."""
    from experiments.ending import tell_of_sweep
    from experiments.notify import read_notify
    from experiments.sweeps.cells import cells_of, counts
    from prusc_tui.ring import ring, send

    if (read_notify().terminal or notify) and out.is_terminal:
        states = counts(cells_of(home, chosen))
        words = ", ".join(f"{count} {state}" for state, count in states.items())
        send(out, ring(f"prusc: sweep {chosen.name} has ended", words))
    if why := tell_of_sweep(home, chosen):
        say(f"warning: no notification was sent: {why}", aside=True)


def _search_elsewhere(home: Home, chosen: "Sweep", hopeless: bool) -> int:
    """Have another process, which outlives the terminal, choose the points and start their runs."""
    from experiments import subprocesses

    words = ["sweep", chosen.name, *(["--stop-hopeless"] if hopeless else [])]
    subprocesses.start("prusc_tui", *words, home=home, quiet=True)
    say(f"{chosen.name} runs in the background. See it with: prusc sweeps show {chosen.name}")
    return 0


def _say_started(chosen: "Sweep", before: Sequence[object]) -> None:
    say(
        f"{chosen.name}: {len(before)} runs, the missing ones started by launcher {chosen.launcher}. "
        f"See them with: prusc sweeps show {chosen.name}"
    )


def _follow(home: Home, chosen: "Sweep", hopeless: bool, json: bool) -> int:
    """Show a sweep until no run of it is in hand."""
    from experiments.sweeps.cells import counts
    from experiments.sweeps.scores import ranked
    from prusc_tui.report.sweep import lines

    out = console(stderr=json)
    try:
        chosen, cells = _watch(home, chosen, hopeless, out)
    except KeyboardInterrupt:
        say(
            "",
            f"the runs continue. See them with: prusc sweeps show {chosen.name}; "
            f"stop them with: prusc sweeps stop {chosen.name}",
            aside=True,
        )
        return LEFT
    states = counts(cells)
    if json:
        print_json(sweep=chosen.name, cells=len(cells), **states)
    else:
        print_lines(out, lines(chosen, cells, ranked(home, chosen, cells), out.width))
    return 1 if states.get("failed") or states.get("lost") else 0


def _watch(home: Home, chosen: "Sweep", hopeless: bool, out: "Console") -> "tuple[Sweep, list[Cell]]":
    """Show the sweep until it is over, and continue a search."""
    from experiments.sweeps import control, search
    from experiments.sweeps.cells import IN_HAND, cells_of
    from experiments.sweeps.scores import ranked
    from prusc_tui.cli.live import LivePicture
    from prusc_tui.report.sweep import change, lines

    states: dict[str, str] = {}
    with LivePicture(out) if out.is_terminal else nullcontext() as picture:
        while True:
            cells = cells_of(home, chosen)
            if hopeless:
                chosen = search.stop_hopeless(home, chosen, cells)
            if chosen.study.searches:
                before = chosen
                chosen = search.advance(home, chosen, cells, _at_once(home, chosen))
                if chosen is not before:
                    control.start(home, chosen, version=__version__)
                    cells = cells_of(home, chosen)
            if picture is not None:
                picture.show(lines(chosen, cells, ranked(home, chosen, cells), *picture.room))
            else:
                for cell in cells:
                    if states.get(cell.task.identity) != cell.state:
                        states[cell.task.identity] = cell.state
                        out.file.write(change(cell) + "\n")
                out.file.flush()
            over = not any(cell.state in IN_HAND for cell in cells)
            if over and (not chosen.study.searches or search.is_over(chosen, cells)):
                return chosen, cells
            time.sleep(EVERY)


def _at_once(home: Home, chosen: "Sweep") -> int:
    """Number of points that a search works on at once: one for each place where a run can be."""
    from core.machine import gpus
    from experiments.queue.control import look

    if chosen.launcher != "queue":
        return ELSEWHERE
    return len(gpus()) if chosen.device != "cpu" and gpus() else look(home).slots
