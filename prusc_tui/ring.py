"""What makes a terminal report the end of a run: the bell, and the notifications that some terminals show."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.runs.text import safe_text
from core.words import percent

if TYPE_CHECKING:
    from core.runs.record import RunRecord

BELL = "\a"
LONGEST = 200
"""Characters of a notification."""


def ring(title: str, text: str, environment: Mapping[str, str] = os.environ) -> str:
    """The bell, OSC 9 (iTerm2, Windows Terminal, ConEmu) and OSC 777 (urxvt, VTE, foot, Ghostty) with a notification.

    tmux passes the latter two on if its option `allow-passthrough` is on; it handles the bell itself.
    """
    title, text = (safe_text(part)[:LONGEST] for part in (title.replace(";", ","), text))
    whole = f"{title}: {text}" if text else title
    sequences = (f"\x1b]9;{whole}\a", f"\x1b]777;notify;{title};{text}\a")
    return BELL + "".join(_through_tmux(one) if environment.get("TMUX") else one for one in sequences)


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


def _through_tmux(sequence: str) -> str:
    """Wrap a sequence so that tmux passes it on to the terminal outside: every escape character is doubled."""
    doubled = sequence.replace("\x1b", "\x1b\x1b")
    return f"\x1bPtmux;{doubled}\x1b\\"
