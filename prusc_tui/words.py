"""Numbers, times and states as short words, the same wherever they are shown."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from core.feed.snapshot import Snapshot

WIDTH_OF_A_PIPE = 160
"""Columns of tables that go to a file or another program."""
SUPERVISION = {
    "train": "training attributes",
    "validation": "validation attributes",
    "environments": "environments given",
    "shortcut": "shortcut removed",
}
"""`attributes_used` of a run → what its method was told of the shortcut."""
ORACLES = frozenset({"train", "environments", "shortcut"})
"""What a result may have used that the method is to do without."""


def waiting(snapshot: "Snapshot", things: str, stage: str) -> str:
    """Say in a sentence why a run has no `things` yet, which its stage `stage` makes."""
    from core.runs.record import ACTIVE
    from core.runs.text import safe_text

    if all(view.name != stage for view in snapshot.stages):
        return f"Recipe '{safe_text(snapshot.record.recipe)}' makes no {things}."
    if snapshot.status not in ACTIVE:
        return f"There are no {things}: the run is {snapshot.status}, and its log has none."
    now = next((safe_text(view.name) for view in snapshot.stages if view.state == "running"), "")
    at = f"; the run is at '{now}'" if now else f"; the run is {snapshot.status}"
    return f"{things.capitalize()} come with stage '{stage}'{at}."


def unit_of(snapshot: "Snapshot") -> str:
    """What one of the groups of a run's data is called: `group`, or `class` where there are no attributes."""
    evaluations = (looks[-1].evaluation for looks in snapshot.evaluations.values())
    return next((evaluation.unit for evaluation in evaluations if evaluation.groups), "group")


def moment(seconds: float | None, now: float | None = None) -> str:
    """Time of day for the day of `now` (the present moment), the date for other days; local time."""
    import datetime

    if seconds is None:
        return "–"
    then = datetime.datetime.fromtimestamp(seconds)
    today = (datetime.datetime.now() if now is None else datetime.datetime.fromtimestamp(now)).date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")


def is_oracle(attributes_used: str) -> bool:
    """Whether a result rests on knowledge that the method is to do without."""
    return attributes_used in ORACLES


def supervision(attributes_used: str) -> str:
    """What a method is told of the shortcut, in a word or two for a table."""
    return SUPERVISION.get(attributes_used, attributes_used)


def attributes_sentence(attributes_used: str, selection: str) -> str:
    """Which attributes a result rests on, as one sentence."""
    match attributes_used:
        case "train":
            return f"attributes used in TRAINING (an oracle); checkpoints by rule '{selection}'"
        case "validation":
            return f"attributes of the VALIDATION split used to select ('{selection}'), none in training"
        case "environments":
            return f"training environments GIVEN (an oracle), no attributes; checkpoints by rule '{selection}'"
        case "shortcut":
            return f"the shortcut was taken out of the images BY HAND (an oracle); checkpoints by rule '{selection}'"
    return f"no attributes used for training or selection; checkpoints by rule '{selection}'"


def console(*, stderr: bool = False) -> "Console":
    """Console for output of commands: as wide as the terminal, and wide enough for every table off one."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH_OF_A_PIPE)


def print_lines(out: "Console", lines: "Iterable[Text]") -> None:
    """Print lines that are filled up to a width, without the blanks at their ends."""
    for line in lines:
        line.rstrip()
        out.print(line)


def to_json(value: Any) -> str:
    """One JSON object or array, indented; NaN becomes null."""
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
