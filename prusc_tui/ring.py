"""What makes a terminal report the end of a run: the bell, and the notifications that some terminals show."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.runs.text import safe_text
from core.words import percent

if TYPE_CHECKING:
    from rich.console import Console

    from core.runs.record import RunRecord

BELL = "\a"
LONGEST = 200
"""Characters of a notification."""
NAMES = ("TERM", "TERM_PROGRAM", "LC_TERMINAL")
"""Variables with the name of a terminal, the surest first: ssh passes the first and the last on."""
BY_NAME = {
    **dict.fromkeys(("foot", "ghostty", "wezterm", "rxvt", "contour"), "777"),
    **dict.fromkeys(("kitty", "iterm", "warp"), "9"),
}
"""Part of the name of a terminal → the kind of notification that it shows; 777, which has a title, rather than 9."""
BY_VARIABLE = {"WT_SESSION": "9", "ConEmuPID": "9", "KONSOLE_VERSION": "777", "VTE_VERSION": "777"}
"""Variable that only one kind of terminal sets → the kind of notification that it shows."""


def ring(title: str, text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The bell and a notification: OSC 9, OSC 777, or both if it is not known which of them the terminal shows.

    tmux passes notifications on if its option `allow-passthrough` is on; it handles the bell itself.
    """
    title, text = (safe_text(part)[:LONGEST] for part in (title.replace(";", ","), text))
    whole = f"{title}: {text}" if text else title
    sequences = {"9": f"\x1b]9;{whole}\a", "777": f"\x1b]777;notify;{title};{text}\a"}
    known = _kind(environment)
    wanted = [sequences[known]] if known else sequences.values()
    return BELL + "".join(_through_tmux(one) if environment.get("TMUX") else one for one in wanted)


def ring_for(record: "RunRecord") -> str:
    """The same for a run that has ended: how, and its worst group, with split and number of samples."""
    summary = record.summary()
    parts = [f"{record.recipe} on {record.data}, seed {record.seed}"]
    split = summary["wga_split"]
    if record.status == "failed":
        parts.append(record.reason)
    elif split is not None and (evaluation := record.final_evaluation(split)) is not None:
        parts.append(f"worst group {percent(summary['wga'])} % on {split} (n = {evaluation['n']:,})")
    return ring(f"prusc: {record.name} {record.status}", ", ".join(parts))


def send(out: "Console", sequence: str) -> None:
    """Write it to a terminal; nothing else gets it."""
    if out.is_terminal:
        out.file.write(sequence)
        out.file.flush()


def _kind(environment: Mapping[str, str]) -> str | None:
    """The kind of notification for a terminal, by what it says it is; None if it does not say, or is not known."""
    names = [environment.get(variable, "").lower() for variable in NAMES]
    by_name = (kind for name in names for part, kind in BY_NAME.items() if part in name)
    by_variable = (kind for variable, kind in BY_VARIABLE.items() if environment.get(variable))
    return next(by_name, None) or next(by_variable, None)


def _through_tmux(sequence: str) -> str:
    """Wrap a sequence so that tmux passes it on to the terminal outside: every escape character is doubled."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
